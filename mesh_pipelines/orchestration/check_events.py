"""Checks written by hand, followed through the events of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mesh_pipelines.declaring.node import OwnCheck

if TYPE_CHECKING:
    from dagster import DagsterEvent

    from mesh_pipelines.declaring.node import Node


class FailedChecks:
    """Follows the events of a run, and tells which hand-written checks failed or could not be executed.

    Args:
        nodes: what the run makes.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._steps: dict[str, list[OwnCheck]] = {}
        self._refused: dict[tuple[str, str], str] = {}
        self._told: set[tuple[str, str]] = set()
        for node in nodes:
            for check in node.checks:
                self._steps.setdefault(check.step, []).append(check)

    def concerns(self, step: str | None) -> bool:
        """True if a step executes hand-written checks."""
        return step in self._steps

    def of(self, event: DagsterEvent) -> list[tuple[OwnCheck, str | None]]:
        """Checks that an event of their step has as failed: each with what it said, ``None`` where it raised instead.

        A failed check that blocks nothing is a warning, and none of these.

        Args:
            event: any event of a step that executes checks.
        """
        if event.event_type_value == "ASSET_CHECK_EVALUATION":
            found = event.asset_check_evaluation_data
            key = (".".join(found.asset_key.path), found.check_name)
            self._told.add(key)
            if not found.passed and found.severity.value == "ERROR" and found.blocking:
                self._refused[key] = found.description or ""
        if event.event_type_value != "STEP_FAILURE":
            return []
        checks = {(check.asset, check.name): check for check in self._steps[str(event.step_key)]}
        said: list[tuple[OwnCheck, str | None]] = [
            (check, self._refused[key]) for key, check in checks.items() if key in self._refused
        ]
        return said or [(check, None) for key, check in checks.items() if key not in self._told]
