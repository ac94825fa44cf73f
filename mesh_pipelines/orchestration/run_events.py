"""Follows the events of a Dagster run, asset by asset."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mesh_pipelines.dagster_names import QUARANTINED, WORK_SECONDS, dotted, op_name
from mesh_pipelines.declaring.node import OwnCheck
from mesh_pipelines.errors import cause_in_words
from mesh_pipelines.orchestration.check_events import FailedChecks
from mesh_pipelines.orchestration.run_report import WAITS, Reporter, Status, StepReport
from mesh_pipelines.planning.step import Step
from mesh_pipelines.planning.verdicts import quote, remedy_of


class RunEvents:
    """Follows the events of one run, reports progress, and ends with one report per asset."""

    def __init__(self, domain: str, steps: Sequence[Step], show: Reporter) -> None:
        self._domain, self._all, self._show = domain, steps, show
        self._steps = {op_name(step.key): step for step in steps}
        self._checks = FailedChecks(step.node for step in steps)
        self._started: dict[str, float] = {}
        self._work: dict[str, float] = {}
        self._quarantined: dict[str, int] = {}
        self._unchanged: set[str] = set()
        self._fault = ""  # of the run itself
        self._reports: dict[str, StepReport] = {}

    @property
    def began(self) -> float | None:
        """Start of its first step (s, of ``time.monotonic``); ``None`` where none started."""
        return min(self._started.values(), default=None)

    def take(self, event: Any) -> None:
        if self._checks.concerns(event.step_key):
            for check, description in self._checks.of(event):
                self._check_failed(check, description, event)
        elif event.step_key in self._steps:
            self._step(self._steps[event.step_key], event)
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            self._watched(event.asset_check_evaluation_data)
        elif event.event_type_value == "PIPELINE_FAILURE" and event.job_failure_data.error:
            self._fault = f": {cause_in_words(event.job_failure_data.error)}"

    def reports(self) -> tuple[StepReport, ...]:
        """One report per asset, in the order of the run."""
        for step in self._all:
            if step.key not in self._reports:
                message = self._reason_not_reached(step)
                self._reports[step.key] = StepReport(
                    step.key, self._domain, step.node.stage, "skipped", message=message
                )
        return tuple(self._reports[step.key] for step in self._all)

    def _reason_not_reached(self, step: Step) -> str:
        for given in step.node.inputs:
            ahead = self._reports.get(given.key)
            if ahead is not None and ahead.status == "failed":
                return f"{WAITS}{given.key}, which failed"
            if ahead is not None and ahead.status == "skipped":
                return ahead.message
        return f"its run ended before it{self._fault}"

    def _step(self, step: Step, event: Any) -> None:
        match event.event_type_value:
            case "STEP_START":
                self._started[step.key] = time.monotonic()
                self._show.started(step.key)
            case "ASSET_MATERIALIZATION":
                metadata = event.step_materialization_data.materialization.metadata
                self._work[step.key] = _seconds_of_work(metadata)
                self._quarantined[step.key] = int(getattr(metadata.get(QUARANTINED), "value", 0) or 0)
                self._unchanged |= {step.key} if "unchanged" in metadata else set()
            case "STEP_SUCCESS" | "STEP_FAILURE" | "STEP_SKIPPED":
                self._ended(step, event)
            case _:
                pass

    def _ended(self, step: Step, event: Any) -> None:
        key, now = step.key, time.monotonic()
        seconds = now - self._started.get(key, now)
        status, message = self._outcome(step, event)
        self._reports[key] = StepReport(
            key, self._domain, step.node.stage, status, seconds, self._work.get(key, 0.0), message
        )
        self._show.finished(key, status, seconds, message)

    def _outcome(self, step: Step, event: Any) -> tuple[Status, str]:
        if event.event_type_value == "STEP_FAILURE":
            return "failed", cause_in_words(event.step_failure_data.error)
        if event.event_type_value == "STEP_SKIPPED":
            return "skipped", self._reason_not_reached(step)
        if step.key in self._unchanged:
            return "up to date", ""
        if step.key not in self._work:
            return "skipped", "it published nothing"
        refused = self._quarantined[step.key]
        rows = f"{refused:,} row{'' if refused == 1 else 's'} refused"
        return "done", f"{rows}: mesh show {step.key} --refused" if refused else ""

    def _check_failed(self, check: OwnCheck, description: str | None, event: Any) -> None:
        """Record a failed blocking check as a failure of its asset, which stays published and is followed by nobody."""
        words = (
            f" to run: {cause_in_words(event.step_failure_data.error)}"
            if description is None
            else quote(description)
        )
        message = f"check {check.name} of {check.asset} failed{words}"
        report = self._reports.get(check.asset)
        if not check.blocking or report is None:
            self._show.note(message)
            return
        message = f"{message}\n  -> {remedy_of(check.asset)}"
        self._reports[check.asset] = replace(report, status="failed", message=message)
        self._show.finished(check.asset, "failed", 0.0, message)

    def _watched(self, evaluation: Any) -> None:
        """Add the time of watching predictions to their asset, although another step does it."""
        key, spent = dotted(evaluation.asset_key), _seconds_of_work(evaluation.metadata)
        if key in self._reports:
            before = self._reports[key]
            self._reports[key] = replace(
                before, seconds=before.seconds + spent, work_seconds=before.work_seconds + spent
            )


def _seconds_of_work(metadata: Mapping[str, Any]) -> float:
    return float(getattr(metadata.get(WORK_SECONDS), "value", 0.0) or 0.0)
