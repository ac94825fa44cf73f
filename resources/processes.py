"""Identity of processes: the name of this one, and the state of a process by its name."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread


def machine() -> str:
    """Host name and boot id: two machines of one name differ, and so do two boots of one machine."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()}/{boot}"


def start_of(number: int) -> str | None:
    """Start of a process of this machine, in clock ticks since boot, which no later process with its number shares.

    "running" on a system without ``/proc``; None if it has ended, as a zombie has.
    """
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return None
    except PermissionError:  # it runs, as another user
        pass
    return "running"


def this_process() -> str:
    """Name of this process: ``host:number:start``."""
    return f"{socket.gethostname()}:{os.getpid()}:{start_of(os.getpid())}"


def number_of(process: str) -> int | None:
    """Number of a living process of this machine by its name; None for any other."""
    host, _, rest = process.partition(":")
    number, _, started = rest.partition(":")
    here = number.isdigit() and host == socket.gethostname() and start_of(int(number)) == started
    return int(number) if here else None


def is_gone(process: str) -> bool:
    """True for the name of a process of this machine that has ended; other machines' and "" count as living."""
    return process.partition(":")[0] == socket.gethostname() and number_of(process) is None


def children(number: int) -> list[int]:
    """Numbers of a process's living children; none on a system without ``/proc``."""
    found: list[int] = []
    for listed in Path(f"/proc/{number}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in listed.read_text().split()]
    return [child for child in found if start_of(child) is not None]


def processes_by_session() -> dict[int, list[int]]:
    """Numbers of all living processes of this machine, by session; none on a system without ``/proc``."""
    found: dict[int, list[int]] = {}
    with suppress(FileNotFoundError):
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with suppress(OSError, IndexError):
                    fields = Path(entry.path, "stat").read_bytes().rpartition(b")")[2].split()
                    if fields[0] not in (b"Z", b"X"):
                        found.setdefault(int(fields[3]), []).append(int(entry.name))
    return found


@contextmanager
def repeat_in_background(action: Callable[[], None], seconds: float) -> Generator[None]:
    """Call ``action`` in a thread, again after each pause of ``seconds``, until the block is left."""
    over = Event()

    def repeat() -> None:
        while not over.wait(seconds):
            action()

    thread = Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
