"""Results of hand-written checks, collected from the events of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mesh_pipelines.dagster_names import dotted
from mesh_pipelines.declaring.node import OwnCheck

if TYPE_CHECKING:
    from dagster import DagsterEvent

    from mesh_pipelines.declaring.node import Node


class FailedChecks:
    """Collects hand-written checks that failed or could not be executed, from the events of a run."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._steps: dict[str, list[OwnCheck]] = {}
        self._refused: dict[tuple[str, str], str] = {}
        self._evaluated: set[tuple[str, str]] = set()
        for node in nodes:
            for check in node.checks:
                self._steps.setdefault(check.step, []).append(check)

    def concerns(self, step: str | None) -> bool:
        return step in self._steps

    def of(self, event: DagsterEvent) -> list[tuple[OwnCheck, str | None]]:
        """Failed checks of a step event, each with its description; ``None`` for one that raised instead.

        A failed check that does not block is a warning and left out.
        """
        if event.event_type_value == "ASSET_CHECK_EVALUATION":
            found = event.asset_check_evaluation_data
            key = (dotted(found.asset_key), found.check_name)
            self._evaluated.add(key)
            if not found.passed and found.severity.value == "ERROR" and found.blocking:
                self._refused[key] = found.description or ""
        if event.event_type_value != "STEP_FAILURE":
            return []
        checks = {(check.asset, check.name): check for check in self._steps[str(event.step_key)]}
        failed: list[tuple[OwnCheck, str | None]] = [
            (check, self._refused[key]) for key, check in checks.items() if key in self._refused
        ]
        return failed or [(check, None) for key, check in checks.items() if key not in self._evaluated]
