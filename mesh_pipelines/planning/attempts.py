"""Earlier attempts at what is out of date: what failed for a cause is not tried again until the cause is another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.judge import cause_of
from mesh_pipelines.planning.shares import Spans, names_in, within
from mesh_pipelines.planning.step import Step

LOST = 3
"""Killed runs of one cause after which no other is started without a person."""


@dataclass(frozen=True)
class Attempt:
    """A run that was started for some causes, given as hashes by key.

    Args:
        lost: true if it ended without an event of its steps: its process was killed, or never came up.
        spans: its partitions; ``None`` where it has none, or they are not known.
    """

    run_id: str
    causes: Mapping[str, str]
    finished: bool
    failed: bool = False
    lost: bool = False
    spans: Spans | None = None


Attempts = Callable[[str], Sequence[Attempt]]
"""Recent attempts of a domain, the newest first."""


def causes_of(steps: Sequence[Step], partitions: Sequence[str] | None, facts: Facts) -> dict[str, str]:
    """Hash of the cause of each step that is out of date by itself, of all partitions of a run that makes any of its.

    Of all, not of those that are out of date: what the run publishes is no other cause for what it could not.
    """
    found: dict[str, str] = {}
    for step in steps:
        met = step.partitions is None or partitions is None or set(step.partitions) & set(partitions)
        if not step.follows and met and (cause := _cause_in(step, partitions, facts)):
            found[step.key] = cause
    return found


def untried(step: Step, facts: Facts, attempts: Sequence[Attempt]) -> Step | None:
    """A step without the partitions that were tried for their present cause, and not killed; None if all were."""
    tried = [
        (attempt, attempt.causes[step.key] == _cause_in(step, _names_of(attempt), facts))
        for attempt in attempts
        if attempt.finished and step.key in attempt.causes
    ]
    if step.partitions is None:
        return None if _is_settled([(attempt.lost, same) for attempt, same in tried]) else step
    left = tuple(
        name
        for name in step.partitions
        if not _is_settled(
            [
                (attempt.lost, same)
                for attempt, same in tried
                if attempt.spans is None or within(name, attempt.spans)
            ]
        )
    )
    return replace(step, partitions=left) if left else None


def _is_settled(attempts: Sequence[tuple[bool, bool]]) -> bool:
    """True if the last attempt had the present cause and was not killed, or was killed too often.

    Args:
        attempts: killed, and of the present cause; the newest first.
    """
    lost = 0
    for killed, same in attempts:
        if not same:
            return False
        lost += killed
        if not killed or lost == LOST:
            return True
    return False


def _names_of(attempt: Attempt) -> tuple[str, ...] | None:
    return None if attempt.spans is None else names_in(attempt.spans)


def _cause_in(step: Step, partitions: Sequence[str] | None, facts: Facts) -> str:
    if step.partitions is None:
        return cause_of(step.node, facts, None)
    return cause_of(step.node, facts, step.partitions if partitions is None else tuple(partitions))
