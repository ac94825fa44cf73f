"""The report of a run, asset by asset, and the reporter of its progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from mesh_pipelines.planning.step import Step

Status = Literal["done", "failed", "skipped", "up to date", "waiting", "refused"]
_WORST_FIRST: tuple[Status, ...] = ("refused", "failed", "skipped", "waiting", "done", "up to date")
WAITS = "waits for "
"""Beginning of the message of an asset that was not made because of what it reads."""


@dataclass(frozen=True)
class StepReport:
    """Result of one asset.

    Args:
        seconds: wall time of its step, and of watching its predictions.
        work_seconds: the part of it spent reading, auditing, training and writing.
    """

    key: str
    domain: str
    stage: str
    status: Status
    seconds: float = 0.0
    work_seconds: float = 0.0
    message: str = ""


@dataclass(frozen=True)
class RunReport:
    """Result of bringing the mesh up to date.

    Args:
        starting_seconds: wall time before the first step; all of it where none started.
    """

    steps: tuple[StepReport, ...]
    seconds: float
    run_ids: tuple[str, ...] = ()
    starting_seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not any(step.status in ("failed", "skipped", "refused") for step in self.steps)

    @property
    def overhead_seconds(self) -> float:
        """Wall time that was not spent reading, auditing, training or writing."""
        return max(0.0, self.seconds - sum(step.work_seconds for step in self.steps))


class Reporter(Protocol):
    """Receiver of a run's progress."""

    def planned(self, steps: Sequence[Step]) -> None: ...
    def started(self, key: str) -> None: ...
    def finished(self, key: str, status: str, seconds: float, message: str) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass
class SilentReporter:
    """A reporter that shows nothing and keeps the notes."""

    notes: list[str] = field(default_factory=list)

    def planned(self, steps: Sequence[Step]) -> None:
        return None

    def started(self, key: str) -> None:
        return None

    def finished(self, key: str, status: str, seconds: float, message: str) -> None:
        return None

    def note(self, text: str) -> None:
        self.notes.append(text)


def merge_reports(before: StepReport | None, now: StepReport) -> StepReport:
    """One asset's report over several runs, each of other partitions: it failed if one of them did."""
    if before is None:
        return now
    first, second = sorted((before, now), key=lambda report: _WORST_FIRST.index(report.status))
    message = first.message
    if first.status == second.status in ("done", "failed") and first.message != second.message:
        message = "\n".join(filter(None, (before.message, now.message)))
    return StepReport(
        now.key,
        now.domain,
        now.stage,
        first.status,
        before.seconds + now.seconds,
        before.work_seconds + now.work_seconds,
        message,
    )
