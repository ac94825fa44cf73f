"""A run that goes on when a domain's code ends its process: a child works, the command waits, and tries again without.

A function of a domain is Python, and may exit or crash the process that calls it, which no ``except`` sees. The
command forks before anything is loaded. Where one ends in the midst of an asset, the next counts that as failed.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from mesh_pipelines.orchestration.run_report import Reporter, Status
    from mesh_pipelines.planning.step import Step

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOPPED = frozenset({*_PASSED_ON, signal.SIGQUIT})
"""Signals by which a person ends a command: nothing is tried again."""
_PR_SET_PDEATHSIG = 1
_GLANCE = 0.1
"""Seconds between two looks at a child that sends nothing."""
OWN_PROCESS = object()
"""The object of the context of a command that has a process of its own."""
REMEDY = "mend the domain's code, or give it more memory; all else was made"


@dataclass
class Earlier:
    """The children before this one, and the way to the process that waits.

    Args:
        reports: assets that they made or failed to make, each with status, seconds and message.
    """

    reports: dict[str, tuple[Status, float, str]] = field(default_factory=dict)
    answers: int | None = None

    def send(self, **line: Any) -> None:
        """Tell the process that waits; without one, nothing."""
        if self.answers is not None:
            with suppress(OSError):  # it was killed, and this process ends with it
                os.write(self.answers, json.dumps(line).encode() + b"\n")


@dataclass
class SentReporter:
    """Passes a run's progress on to a reporter, and to the process that waits."""

    show: Reporter
    earlier: Earlier

    def planned(self, steps: Sequence[Step]) -> None:
        self.show.planned(steps)

    def started(self, key: str) -> None:
        self.earlier.send(started=key)
        self.show.started(key)

    def finished(self, key: str, status: str, seconds: float, message: str) -> None:
        self.earlier.send(finished=key, status=status, seconds=seconds, message=message)
        self.show.finished(key, status, seconds, message)

    def note(self, text: str) -> None:
        self.show.note(text)


@contextmanager
def surviving(*, forks: bool) -> Generator[Earlier]:
    """Do what is within in a child, again after one that ended; the command itself does not come back from here.

    Args:
        forks: False where this process cannot be forked, for it has threads: what is within is done in it.

    Raises:
        Exit: in the process that waited, with the exit code of the last child.
    """
    earlier = Earlier()
    while forks:
        read, write = os.pipe()
        number = os.fork()
        if number == 0:
            os.close(read)
            _be_a_child()
            earlier.answers = write
            break
        os.close(write)
        _wait(number, read, earlier)
    try:
        yield earlier
    finally:
        earlier.send(over=True)


def can_fork() -> bool:
    """True for a process with a single thread; False where that cannot be seen."""
    try:
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:
        return False


def _be_a_child() -> None:
    # A group of its own: Ctrl-C reaches the command, which passes it on once. It ends when the command is killed.
    os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait(number: int, read: int, earlier: Earlier) -> None:
    """Follow a child to its end; come back where it ended in the midst of an asset."""
    before = {one: signal.getsignal(one) for one in _PASSED_ON}
    for one, handler in before.items():
        if handler != signal.SIG_IGN:  # as in the background of a script
            signal.signal(one, lambda sent, _frame: os.kill(number, sent))
    running: list[str] = []
    over = False
    lines, status = _follow(number, read)
    for line in lines:
        over = _take(json.loads(line), running, earlier)
    code = os.waitstatus_to_exitcode(status)
    for one, handler in before.items():
        signal.signal(one, handler)
    if over or -code in _STOPPED:
        raise typer.Exit(code if code >= 0 else 128 - code)
    words = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
    if not running:
        sys.stderr.write(
            f"error: the process that made the mesh was ended ({words}) before any asset was begun\n"
        )
        raise typer.Exit(1)
    for key in running:
        message = f"{key}: its process was ended while it was made ({words})\n  -> {REMEDY}"
        earlier.reports[key] = ("failed", 0.0, message)
        sys.stderr.write(f"ended      {key:<38} its process was ended ({words}); the rest goes on\n")


def _follow(number: int, read: int) -> tuple[list[bytes], int]:
    """All lines that a child sends, and its status; what it has started may hold its pipe open for longer."""
    text, status = b"", None
    try:
        while status is None:
            ended, found = os.waitpid(number, os.WNOHANG)
            status = found if ended else None
            while select.select([read], [], [], 0 if ended else _GLANCE)[0]:
                content = os.read(read, 65_536)
                if not content:  # it ends at this moment
                    status = os.waitpid(number, 0)[1] if status is None else status
                    break
                text += content
    finally:
        os.close(read)
    return text.splitlines(), status


def _take(line: dict[str, Any], running: list[str], earlier: Earlier) -> bool:
    if "started" in line:
        running.append(line["started"])
    elif "finished" in line:
        key = line["finished"]
        if key in running:
            running.remove(key)
        if line["status"] in ("done", "failed"):
            earlier.reports[key] = (line["status"], line["seconds"], line["message"])
    return "over" in line
