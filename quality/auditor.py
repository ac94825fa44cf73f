"""Great Expectations beside all else: in a thread, or in a process of its own that imports it meanwhile.

Importing it takes seconds of one core. Where a process is warm already there is no need of another; where one has
just begun, :meth:`Auditor.start` lets both cores work. Only those columns that dataset rules name go there.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from multiprocessing import connection
from multiprocessing.process import BaseProcess
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
"""Calls that may wait for a busy worker; each holds a batch of a bounded number of rows."""


class Auditor:
    """Validations, made in this process or in one that was started for them (``process``)."""

    def __init__(self) -> None:
        self.process: BaseProcess | None = None
        self._pool: ProcessPoolExecutor | None = None
        self._numbers, self._used = count(), False

    def start(self) -> None:
        """Have validations made by another process, unless this one can make them at once."""
        if self.process is not None or "great_expectations" in sys.modules:
            return
        # Started anew, not forked: a fork of a process with threads of Polars may stand still.
        spawn = multiprocessing.get_context("spawn")
        before = set(multiprocessing.active_children())
        self._pool = ProcessPoolExecutor(1, mp_context=spawn, initializer=_prepare)
        self._pool.submit(os.getpid)  # a pool starts its process with the first call
        self.process = (set(multiprocessing.active_children()) - before).pop()

    def stop(self) -> None:
        """Let the other process end; later validations are made in this one."""
        process, pool, self.process, self._pool = self.process, self._pool, None, None
        if process is not None and pool is not None:
            if not self._used:
                process.kill()  # it may still be importing, for nothing
            pool.shutdown()
            process.join()
        self._used = False

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
            options: arguments of :class:`quality.validation.Here` beside the name.
        """
        if self.process is not None and not self.process.is_alive():
            self.stop()
        if self._pool is None:
            thread = ThreadPoolExecutor(1, thread_name_prefix="mesh-audit")
            return _Elsewhere(name, options, thread, partial(_do, {}, 0), close=thread.shutdown)
        self._used = True
        return _Elsewhere(name, options, self._pool, partial(_do_there, next(self._numbers)))


class _Elsewhere:
    """A validation whose calls a worker does in their order. A failure is raised by the next call that waits."""

    def __init__(
        self,
        name: str,
        options: dict[str, Any],
        worker: Executor,
        do: Callable[[str, Sequence[Any]], Any],
        close: Callable[[], None] | None = None,
    ) -> None:
        self._name, self._worker, self._do, self._close = name, worker, do, close
        self._calls: deque[Future[Any]] = deque()
        self._submit("open", name, options)

    def begin(self, empty: pl.DataFrame) -> None:
        self._submit("begin", empty)

    def insert(self, rows: pl.DataFrame) -> None:
        self._submit("insert", rows)

    def judge(self, rules: Sequence[Rule], rows: int, unrepeated: Collection[str]) -> list[Finding]:
        self._submit("judge", rules, rows, unrepeated)
        findings: list[Finding] = self._wait(0)
        return findings

    def page(self) -> Path | None:
        self._submit("page")
        page: Path | None = self._wait(0)
        return page

    def publish(self) -> None:
        self._submit("publish")

    def close(self) -> None:
        """Forget the rows when all else is done; a process does so later, and a page not written is printed."""
        for call in self._calls:
            call.add_done_callback(_print_failure)
        with suppress(AuditorLost):  # then its rows are gone too
            self._submit("close", ahead=None)
        if self._close is not None:
            self._close()

    def _submit(self, call: str, *given: Any, ahead: int | None = _AHEAD) -> None:
        if ahead is not None:
            self._wait(ahead)
        with self._lost():
            self._calls.append(self._worker.submit(self._do, call, given))

    def _wait(self, leaving: int) -> Any:
        """Wait until at most ``leaving`` calls are not done; the answer of the last that is."""
        answer = None
        try:
            while len(self._calls) > leaving:
                with self._lost():
                    answer = self._calls.popleft().result()
        except BaseException:
            self._calls.clear()  # later calls of this validation fail for the same reason
            raise
        return answer

    @contextmanager
    def _lost(self) -> Generator[None]:
        try:
            yield
        except BrokenProcessPool as error:
            raise AuditorLost(
                "the process that holds candidates against their dataset rules has ended",
                where=self._name,
                remedy="run it again; if it ends again, lower MESH_MEMORY_LIMIT, for it may have been out of memory",
            ) from error


def _print_failure(call: Future[Any]) -> None:
    error = call.exception()
    if error is not None and not isinstance(error, BrokenProcessPool):
        traceback.print_exception(error)


_MADE: dict[int, Here] = {}
"""Validations of a process of its own, by the numbers that the first process gave them."""


def _do(made: dict[int, Here], number: int, call: str, given: Sequence[Any]) -> Any:
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


def _do_there(number: int, call: str, given: Sequence[Any]) -> Any:
    try:
        return _do(_MADE, number, call, given)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 (made in the same line)
        except Exception as unfit:
            raise RuntimeError(f"{type(error).__name__}: {error}") from unfit
        raise


def _prepare() -> None:
    """Make a process ready: it ends with the one that started it, and has imported Great Expectations."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the pool when it is interrupted
    threading.Thread(target=_end_with_parent, daemon=True).start()
    atexit.register(_end)
    # The imports make millions of objects that stay, through which the collector would go again and again.
    gc.disable()
    import_gx()
    importlib.import_module("duckdb_engine")
    gc.freeze()
    gc.enable()


def _end() -> None:
    """End without the teardown of modules, in which DuckDB prints what Great Expectations still holds of it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)
