"""Reads reports of runs: the status of each asset, what a reporter was called with, the error of a failed step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import dagster as dg

from mesh_pipelines.orchestration.run_report import RunReport


@dataclass
class RecordingReporter:
    """Keeps what a run reports, one line a call."""

    lines: list[str] = field(default_factory=list)

    def planned(self, steps: Sequence[object]) -> None:
        self.lines.append(f"planned {len(steps)}")

    def started(self, key: str) -> None:
        self.lines.append(f"started {key}")

    def finished(self, key: str, status: str, seconds: float, message: str) -> None:
        self.lines.append(f"{status} {key}")

    def note(self, text: str) -> None:
        self.lines.append(text)


def statuses(report: RunReport) -> dict[str, str]:
    """Status of each asset, by key."""
    return {step.key: step.status for step in report.steps}


def failure(result: dg.ExecuteInProcessResult) -> str:
    """The error that Dagster shows of the one step that failed."""
    [event] = [event for event in result.all_node_events if event.is_step_failure]
    error = event.step_failure_data.error
    assert error is not None
    return error.to_string()
