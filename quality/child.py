"""Child processes that run the dataset rules of contracts: started without keys, watched, and ended at a limit.

A contract's SQL is a text of the domain's. It runs in a child whose environment holds no setting and no secret, and
which can be killed. :class:`Nursery` is a process that has imported Great Expectations and does nothing but fork
children, so that the next child is there at once after one was killed, and for a run that a warm process forked.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mesh_pipelines.errors import RuleTooCostly
from quality.handover import Handover

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "LD_LIBRARY_PATH")
"""Variables that a child's environment has, beside ``LC_*`` and ``PYTHON*``."""
_GLANCE = 0.05
"""Seconds between two looks at a child's clock and memory."""
_IN_FLIGHT = 500_000_000
"""Bytes for rows on their way into DuckDB, which its own limit does not count."""
_UNITS = {"B": 1} | {
    f"{prefix}{unit}": base ** (power + 1)
    for power, prefix in enumerate("KMGT")
    for unit, base in (("B", 1000), ("iB", 1024))
}


class ChildEnded(Exception):
    """The child has ended and answers no more."""


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that a child gets."""
    return {
        name: value for name, value in variables.items() if name in KEPT or name.startswith(("LC_", "PYTHON"))
    }


def memory_of(text: str) -> int | None:
    """Bytes of a limit as DuckDB writes it (``2GB``, ``512MiB``); None for what only DuckDB can read."""
    text = text.strip()
    number = text.rstrip("BKMGTi ")
    unit = _UNITS.get(text[len(number) :].strip())
    try:
        return None if unit is None else int(float(number) * unit)
    except (ValueError, OverflowError):
        return None


def resident(number: int) -> int | None:
    """Bytes of memory that a process holds; None once it has ended, and on a system without ``/proc``."""
    try:
        pages = int(Path(f"/proc/{number}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


class Nursery:
    """The process that forks children. Forks of this process use the same one; it ends with the last of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._owner = 0

    def start(self) -> None:
        with self._lock:
            if self._requests is None:
                self._start()

    def child(self) -> Child:
        """A new child; it answers when the nursery has imported what it needs."""
        ours, theirs = socket.socketpair()
        handover = Handover()
        memory = handover.for_child()
        try:
            with theirs, self._lock:
                descriptors = [theirs.fileno(), *memory]
                if self._requests is None or not _sent(self._requests, descriptors):
                    self._start()
                    assert self._requests is not None
                    socket.send_fds(self._requests, [b"."], descriptors)
        finally:
            for descriptor in memory:
                os.close(descriptor)
        return Child(ours, handover)

    def stop(self) -> None:
        """End it, if this process has started it; children go on until their connections are closed."""
        if self._process is None or self._owner != os.getpid():
            return
        self._process.kill()
        self._process.wait()
        if self._requests is not None:
            self._requests.close()
        self._process = self._requests = None

    def _start(self) -> None:
        self.stop()
        self._requests, theirs = socket.socketpair()
        with theirs:
            # A session of its own: Ctrl-C is for the process that asks, which ends its child itself.
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from quality.nursery import main; main({theirs.fileno()})"],
                stdin=subprocess.DEVNULL,
                stdout=2,
                env=environment(os.environ),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._owner = os.getpid()


def _sent(requests: socket.socket, descriptors: Sequence[int]) -> bool:
    try:
        socket.send_fds(requests, [b"."], descriptors)
    except OSError:  # the nursery was killed
        return False
    return True


NURSERY = Nursery()
"""The one of this process."""
atexit.register(NURSERY.stop)


class Child:
    """A child process, asked by one thread and killed by any.

    Attributes:
        number: of the process; 0 until it has answered for the first time.
    """

    def __init__(self, ours: socket.socket, handover: Handover) -> None:
        self._socket, self._connection = ours, Connection(os.dup(ours.fileno()))
        self._handover = handover
        self._least: int | None = None
        self.number, self.ended = 0, False

    def ask(
        self, number: int, call: str, given: Sequence[Any], name: str, seconds: float, memory: str
    ) -> Any:
        """The answer to one call of a validation.

        Args:
            seconds: longest that ``judge`` may take, for all rules together; of ``try_rules`` processor time, since
                rules are tried on busy machines too.
            memory: DuckDB's limit; the process may have half as much again, and what it had when it began.

        Raises:
            RuleTooCostly: it took more; the child is killed.
            ChildEnded: it was killed before.
        """
        where, kind, answer = name, "", None
        self._wait_until_ready()
        if call == "insert":
            given = [self._handover.put(*given)]
        elif call == "close":
            self._handover.forget()
        with self._end():
            self._connection.send_bytes(pickle.dumps((number, call, given)))
        clock = (lambda: _processor_seconds(self.number)) if call == "try_rules" else time.monotonic
        end = clock() + seconds if call in ("judge", "try_rules") else float("inf")
        while kind not in ("done", "error"):
            while not self._connection.poll(_GLANCE):
                self._end_at_limit(clock() > end, memory, where, seconds)
            with self._end():
                kind, answer = pickle.loads(self._connection.recv_bytes())  # noqa: S301 (a child of this process)
            where = f"{name}, rule {answer}" if kind == "rule" and answer else name
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def kill(self) -> None:
        # Before the connection ends: the thread that asks takes that for the end of the process.
        ended, self.ended = self.ended, True
        with suppress(OSError):  # it has ended
            self._socket.shutdown(socket.SHUT_RDWR)
        if self.number and not ended:
            with suppress(ProcessLookupError):
                os.kill(self.number, signal.SIGKILL)

    @property
    def lives(self) -> bool:
        if self.number and not self.ended:
            try:
                os.kill(self.number, 0)
            except ProcessLookupError:
                self.ended = True
        return not self.ended

    def close(self) -> None:
        """End it, and forget the connection; nobody may be asking it."""
        self.kill()
        self._connection.close()
        self._socket.close()
        self._handover.close()

    @contextmanager
    def _end(self) -> Generator[None]:
        try:
            yield
        except (EOFError, ConnectionError) as error:
            self.ended = True
            raise ChildEnded from error

    def _wait_until_ready(self) -> None:
        if self.ended:
            raise ChildEnded
        if not self.number:
            with self._end():
                number: int = pickle.loads(self._connection.recv_bytes())  # noqa: S301 (a child of this process)
            self._least = resident(number)
            self.number = number

    def _end_at_limit(self, too_long: bool, memory: str, where: str, seconds: float) -> None:
        if too_long:
            self.kill()
            raise RuleTooCostly(
                f"judging its dataset rules took longer than {seconds:g} s and was ended; nothing was published",
                where=where,
                remedy="make the rule's SQL cheaper, or raise MESH_RULE_SECONDS",
            )
        limit, used = memory_of(memory), resident(self.number)
        if limit is None or used is None or self._least is None:
            return
        if used > self._least + limit + max(limit // 2, _IN_FLIGHT):
            self.kill()
            raise too_much_memory_error(memory, where)


def too_much_memory_error(limit: str, where: str) -> RuleTooCostly:
    """The error of a rule that needs more memory than it may have."""
    return RuleTooCostly(
        f"judging its dataset rules needs more memory than {limit} and was ended; nothing was published",
        where=where,
        remedy="make the rule's SQL cheaper, or raise MESH_MEMORY_LIMIT",
    )


def _processor_seconds(number: int) -> float:
    """Processor time of a process (s); the time of the clock on a system without ``/proc``."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return time.monotonic()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
