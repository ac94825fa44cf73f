"""Which process executes a run, and whether it still lives: what tells a long run from a killed one."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread


def this_process() -> str:
    """Host, process and start of the process, which no later process with the same number shares."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def number_of(process: str) -> int | None:
    """The process's number, where it is one of this machine and lives; else ``None``.

    Args:
        process: as :func:`this_process` gave it.
    """
    host, _, rest = process.partition(":")
    number, _, started = rest.partition(":")
    here = number.isdigit() and host == socket.gethostname() and _started(int(number)) == started
    return int(number) if here else None


def is_gone(process: str) -> bool:
    """Whether a process has ended; of another machine's that cannot be told, so it counts as living.

    Args:
        process: as :func:`this_process` gave it; empty where it is not known.
    """
    return process.partition(":")[0] == socket.gethostname() and number_of(process) is None


def _started(process: int) -> str:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (OSError, IndexError):
        return "gone" if Path("/proc").exists() else str(process)
    return "gone" if fields[0] in "ZX" else fields[19]  # a zombie has ended, and only waits to be told


def children(process: int) -> list[int]:
    """Numbers of the processes that a process has started and that live; none where the machine cannot tell.

    Args:
        process: its number.
    """
    found: list[int] = []
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(number) for number in listed.read_text().split()]
    return [number for number in found if _started(number) != "gone"]


def command_of(process: int) -> str:
    """The command line of a process; empty where it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@contextmanager
def meanwhile(look: Callable[[], None], seconds: float) -> Generator[None]:
    """Do something now and again, in a thread of this process, for as long as the block lasts.

    Args:
        look: what to do.
        seconds: that pass before each time.
    """
    over = Event()

    def repeat() -> None:
        while not over.wait(seconds):
            look()

    thread = Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
