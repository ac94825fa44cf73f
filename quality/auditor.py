"""Validations in a child process (:mod:`quality.child`), beside the process that reads and stages the rows.

Only those columns that dataset rules name go there. :meth:`Auditor.beside` has the child started early: it imports
Great Expectations, which takes seconds of one core, while the other core plans.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import traceback
from collections import deque
from collections.abc import Collection, Generator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_pipelines.errors import AuditorLost
from quality.child import NURSERY, Child, ChildEnded
from quality.validation import Validation

if TYPE_CHECKING:
    import polars as pl

    from quality.gx import Finding
    from quality.rules import DataRule

_AHEAD = 4
"""Calls that may wait for a busy child; each holds a batch of a bounded number of rows."""
_PIECE = 0.2
"""Seconds after which a wait looks for an interrupt."""
SECONDS = 60.0
"""Longest that the dataset rules of one candidate may take together."""


class _Worker:
    """A child, and the thread that asks it one call after another."""

    def __init__(self) -> None:
        self.child: Child = NURSERY.child()
        self.numbers = count()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mesh-audit")

    def submit(self, *asked: Any) -> Future[Any]:
        return self._thread.submit(self.child.ask, *asked)

    def finish(self) -> None:
        self._thread.shutdown()
        self.child.close()

    def kill(self) -> None:
        self.child.kill()
        self._thread.shutdown(cancel_futures=True)
        self.child.close()


class Auditor:
    """Validations in one child for the length of a block (:meth:`beside`); without one, each in its own."""

    def __init__(self) -> None:
        self._worker: _Worker | None = None
        self._started = False

    @property
    def child(self) -> Child | None:
        """The child of the block; None outside."""
        return self._worker.child if self._worker is not None else None

    def start(self) -> None:
        """Have one child for all validations until :meth:`stop`."""
        self._started = True
        if self._worker is None:
            self._worker = _Worker()

    def stop(self) -> None:
        """Wait until the child has done all that it was asked, and end it."""
        if self._worker is not None:
            self._worker.finish()
        self._worker, self._started = None, False

    def kill(self) -> None:
        if self._worker is not None:
            self._worker.kill()
        self._worker, self._started = None, False

    @contextmanager
    def beside(self) -> Generator[None]:
        """Have a child for the length of a block, which may stand in another such block.

        An exception in the block, Ctrl-C too, kills it.
        """
        self.start()
        try:
            yield
            self.stop()
        except BaseException:
            self.kill()
            raise

    def validation(self, name: str, *, seconds: float = SECONDS, **options: Any) -> Validation:
        """A new validation; ``seconds`` is the longest that judging all rules of the candidate together may take."""
        if not self._started:
            return _Elsewhere(name, seconds, options, _Worker(), own=True)
        if self._worker is not None and not self._worker.child.lives:
            self._worker.kill()
            self._worker = None
        self._worker = self._worker or _Worker()
        return _Elsewhere(name, seconds, options, self._worker, own=False)


class _Elsewhere:
    """A validation whose calls a child does in their order. A failure is raised by the next call that waits.

    Args:
        own: true if the child ends with this validation.
    """

    def __init__(
        self, name: str, seconds: float, options: dict[str, Any], worker: _Worker, *, own: bool
    ) -> None:
        self._name, self._seconds, self._worker, self._own = name, seconds, worker, own
        self._memory: str = options.setdefault("memory_limit", "1GB")
        self._number = next(worker.numbers)
        self._calls: deque[Future[Any]] = deque()
        # Made here, for a child that is killed removes nothing.
        folder: Path | None = options.get("temp_directory")
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._spill = Path(tempfile.mkdtemp(prefix="audit-", dir=folder))
        self._submit("open", name, options | {"temp_directory": self._spill})

    def begin(self, empty: pl.DataFrame) -> None:
        self._submit("begin", empty)

    def insert(self, rows: pl.DataFrame) -> None:
        self._submit("insert", rows)

    def judge(self, rules: Sequence[DataRule], rows: int, unrepeated: Collection[str]) -> list[Finding]:
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
        """Forget the rows when all else is done; a shared child does so later. A page not written is printed."""
        for call in self._calls:
            call.add_done_callback(_print_failure)
        if self._worker.child.ended:
            self._forget()
        else:
            self._submit("close", ahead=None)
            self._calls[-1].add_done_callback(lambda _: self._forget())
        if self._own:
            self._worker.finish()

    def _forget(self) -> None:
        shutil.rmtree(self._spill, ignore_errors=True)

    def _submit(self, call: str, *given: Any, ahead: int | None = _AHEAD) -> None:
        if ahead is not None:
            self._wait(ahead)
        asked = (self._number, call, given, self._name, self._seconds, self._memory)
        self._calls.append(self._worker.submit(*asked))

    def _wait(self, leaving: int) -> Any:
        """Wait until at most ``leaving`` calls are not done; the answer of the last that is."""
        answer = None
        try:
            while len(self._calls) > leaving:
                call = self._calls.popleft()
                # In pieces: where polars has taken SIGINT over, one long wait is not interrupted by Ctrl-C.
                while not wait([call], _PIECE).done:
                    pass
                answer = call.result()
        except ChildEnded as error:
            self._calls.clear()
            raise AuditorLost(
                "the process that holds candidates against their dataset rules has ended",
                where=self._name,
                remedy="run it again; if it ends again, lower MESH_MEMORY_LIMIT, for it may have been out of memory",
            ) from error
        except Exception:
            self._calls.clear()  # later calls of this validation fail for the same reason
            raise
        except BaseException:
            self._calls.clear()
            self._worker.child.kill()  # Ctrl-C: nobody waits for its answer any more
            raise
        return answer


def _print_failure(call: Future[Any]) -> None:
    with suppress(CancelledError, ChildEnded):
        error = call.exception()
        if error is not None and not isinstance(error, ChildEnded):
            # Not its words: they may quote a value, and the terminal of a daemon is kept.
            sys.stderr.write(f"A page of the data docs was not written: {type(error).__name__}\n")
            traceback.print_tb(error.__traceback__)
