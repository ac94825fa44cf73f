"""Great Expectations beside all else: in a thread, or in a process of its own that imports it meanwhile.

Importing it takes seconds of one core. Where a process is warm already there is no need of another; where one has
just begun, :meth:`Auditor.start` lets both cores work. Rows go there through a socket that no other process can
open, and only those columns that dataset rules name.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_pipelines.errors import AuditorLost
from quality.gx import import_gx
from quality.validation import Here, Validation

if TYPE_CHECKING:
    import polars as pl

    from quality.gx import Finding
    from quality.rules import Rule

_AHEAD = 4
"""What waits there while it is busy: batches of a bounded number of rows."""


class Auditor:
    """Where validations are made: in this process, or in one that was started for it (``process``)."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._line: _Line | None = None

    def start(self) -> None:
        """Have validations made by another process, unless this one can make them at once."""
        if self.process is not None or "great_expectations" in sys.modules:
            return
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "quality.auditor", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
            )
        self._line = _Line(Connection(ours.detach()))

    def stop(self) -> None:
        """Let the other process end; what comes after is validated in this one."""
        process, line, self.process, self._line = self.process, self._line, None, None
        if process is not None and line is not None:
            if not line.used:
                process.kill()  # it may still be importing, for nothing
            line.close()
            process.wait()

    @contextmanager
    def beside(self) -> Generator[None]:
        """Have another process for the length of a block, which may stand in another such block."""
        self.start()
        try:
            yield
        finally:
            self.stop()

    def validation(self, name: str, **options: Any) -> Validation:
        """A new validation.

        Args:
            name: key of the product.
            options: what :class:`quality.validation.Here` takes beside the name.
        """
        if self.process is not None and self.process.poll() is not None:
            self.stop()
        return _InThread(name, options) if self._line is None else _InProcess(self._line, name, options)


class _Elsewhere:
    """A validation whose calls are done beside this thread, in order. What fails is told with the next answer."""

    def begin(self, empty: pl.DataFrame) -> None:
        self._tell("begin", empty)

    def insert(self, rows: pl.DataFrame) -> None:
        self._tell("insert", rows)

    def judge(self, rules: Sequence[Rule], rows: int, unrepeated: Collection[str]) -> list[Finding]:
        findings: list[Finding] = self._ask("judge", rules, rows, unrepeated)
        return findings

    def page(self) -> Path | None:
        page: Path | None = self._ask("page")
        return page

    def publish(self) -> None:
        self._tell("publish")

    def close(self) -> None:
        raise NotImplementedError

    def _tell(self, call: str, *given: Any) -> None:
        raise NotImplementedError

    def _ask(self, call: str, *given: Any) -> Any:
        raise NotImplementedError


class _InThread(_Elsewhere):
    """In a thread of this process."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mesh-audit")
        self._asked: deque[Future[Any]] = deque()
        self._made: Here | None = None
        self._asked.append(self._thread.submit(self._make, name, options))

    def close(self) -> None:
        try:
            self._answer(0)
        except Exception:  # noqa: BLE001 (GX raises anything at all)
            # Whoever asked was told of all but this: that the page could not be written.
            traceback.print_exc()
        finally:
            if self._made is not None:
                self._thread.submit(self._made.close).result()
            self._thread.shutdown()

    def _make(self, name: str, options: dict[str, Any]) -> None:
        self._made = Here(name, **options)

    def _tell(self, call: str, *given: Any) -> None:
        self._answer(_AHEAD)
        self._asked.append(self._thread.submit(lambda: getattr(self._made, call)(*given)))

    def _ask(self, call: str, *given: Any) -> Any:
        self._tell(call, *given)
        return self._answer(0)

    def _answer(self, leaving: int) -> Any:
        """The answer to what was asked last but ``leaving``, when it is there."""
        answer = None
        try:
            while len(self._asked) > leaving:
                answer = self._asked.popleft().result()
        except BaseException:
            self._asked.clear()  # what came after cannot have been done
            raise
        return answer


class _InProcess(_Elsewhere):
    """In the other process."""

    def __init__(self, line: _Line, name: str, options: dict[str, Any]) -> None:
        self._line, self._number, self._name = line, line.number(), name
        self._tell("open", name, options)

    def close(self) -> None:
        with suppress(AuditorLost):  # then its rows are gone too
            self._tell("close")

    def _tell(self, call: str, *given: Any) -> None:
        self._line.tell(self._name, self._number, call, *given)

    def _ask(self, call: str, *given: Any) -> Any:
        return self._line.ask(self._name, self._number, call, *given)


class _Line:
    """The connection to the other process; of one thread at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock, self._numbers = connection, threading.Lock(), count()
        self.used = False

    def number(self) -> int:
        return next(self._numbers)

    def tell(self, name: str, *message: Any) -> None:
        with self._lock:
            self._send(name, message)

    def ask(self, name: str, *message: Any) -> Any:
        with self._lock:
            self._send(name, message)
            try:
                failed, answer = self._connection.recv()
            except (EOFError, OSError) as error:
                raise _lost(name) from error
        if failed:
            raise answer
        return answer

    def close(self) -> None:
        self._connection.close()

    def _send(self, name: str, message: tuple[Any, ...]) -> None:
        self.used = True
        try:
            self._connection.send_bytes(pickle.dumps(message, protocol=5))
        except OSError as error:
            raise _lost(name) from error


def _lost(name: str) -> AuditorLost:
    return AuditorLost(
        "the process that holds candidates against their dataset rules has ended",
        where=name,
        remedy="run it again; if it ends again, lower MESH_MEMORY_LIMIT, for it may have been out of memory",
    )


_ASKED = ("judge", "page")


def _serve(connection: Connection) -> None:
    """Make validations as they are asked for, until the other side has gone."""
    messages: queue.Queue[bytes | None] = queue.Queue(_AHEAD)

    def receive() -> None:
        while True:
            try:
                messages.put(connection.recv_bytes())
            except (EOFError, OSError):
                messages.put(None)
                return

    threading.Thread(target=receive, daemon=True).start()
    _import_all()
    made: dict[int, Here] = {}
    failed: dict[int, Exception] = {}
    told: set[int] = set()
    while (message := messages.get()) is not None:
        number, call, *given = pickle.loads(message)  # noqa: S301 (of the process that started this one)
        answer = None
        if number not in failed or call == "close":
            try:
                answer = _done(made, number, call, given)
            except Exception as error:  # noqa: BLE001 (it is told to whoever asks next)
                failed[number] = error
        if call in _ASKED:
            told.add(number) if number in failed else None
            _answer(connection, failed.get(number), answer)
        elif call == "close" and number in failed:
            if number not in told:  # that the page could not be written
                traceback.print_exception(failed[number])
            del failed[number]
    for validation in made.values():
        validation.close()


def _answer(connection: Connection, error: Exception | None, answer: Any) -> None:
    if error is None:
        connection.send((False, answer))
        return
    error.add_note("".join(traceback.format_exception(error)))
    try:
        connection.send((True, error))
    except (pickle.PicklingError, TypeError, AttributeError):
        connection.send((True, RuntimeError(f"{type(error).__name__}: {error}")))


def _done(made: dict[int, Here], number: int, call: str, given: list[Any]) -> Any:
    if call == "open":
        name, options = given
        made[number] = Here(name, **options)
        return None
    if call == "close":
        if number in made:
            made.pop(number).close()
        return None
    method: Callable[..., Any] = getattr(made[number], call)
    return method(*given)


def _import_all() -> None:
    # They make millions of objects that stay, through which the collector would look again and again.
    gc.disable()
    import_gx()
    importlib.import_module("duckdb_engine")
    gc.freeze()
    gc.enable()


def main() -> None:
    """Serve the process at the other end of the socket whose number is the argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is interrupted closes the socket
    _serve(Connection(int(sys.argv[1])))
    sys.stdout.flush()
    os._exit(0)  # nothing is left to be done, and the libraries take their time to say so


if __name__ == "__main__":
    main()
