"""Progress of a run on standard error: a live line on a terminal, elsewhere one plain line per step."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from mesh_pipelines.reporting.terminal import STATUS_STYLES, console

if TYPE_CHECKING:
    from mesh_pipelines.planning.step import Step


class TerminalReporter(AbstractContextManager["TerminalReporter"]):
    """Follows a run on standard error, so that standard output holds the result alone."""

    def __init__(self) -> None:
        self._console = console(sys.stderr)
        self._live = self._console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            MofNCompleteColumn(),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[running]}", markup=False),
            console=self._console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._progress.add_task("", total=None, running="")
        self._running: dict[str, None] = {}
        self._done = self._total = 0

    def __enter__(self) -> TerminalReporter:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def planned(self, steps: Sequence[Step]) -> None:
        self._total = max(self._total, self._done + len(steps))
        self._progress.update(self._task, total=self._total)

    def started(self, key: str) -> None:
        self._running[key] = None
        self._say_who_runs()

    def finished(self, key: str, status: str, seconds: float, message: str) -> None:
        self._running.pop(key, None)
        self._say_who_runs()
        self._done += 1
        self._total = max(self._total, self._done)  # the plan grows when a step publishes something new
        self._progress.update(self._task, completed=self._done, total=self._total)
        first = message.strip().splitlines()[0] if message.strip() else ""
        line = Text.assemble(
            (f"{status:<10} ", STATUS_STYLES.get(status, "")), f"{key:<38} {seconds:6.1f} s  ", (first, "dim")
        )
        self._console.print(
            line, no_wrap=True, overflow="ellipsis" if self._live else "ignore", crop=self._live
        )

    def note(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=not self._live)

    def _say_who_runs(self) -> None:
        self._progress.update(self._task, running=", ".join(self._running))
