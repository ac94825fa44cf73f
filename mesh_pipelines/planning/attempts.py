"""Earlier attempts at what is out of date: what failed for a cause is not tried again until the cause is another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.judge import cause_of
from mesh_pipelines.planning.shares import windows
from mesh_pipelines.planning.step import Step

LOST = 3
"""Killed runs of one cause after which no other is started without a person."""
Window = tuple[str, str] | None
"""First and last partition of a run; ``None`` for one without partitions."""


@dataclass(frozen=True)
class Attempt:
    """A run that was started for some causes, given as hashes by key.

    Args:
        lost: true if it ended without an event of its steps: its process was killed, or never came up.
        window: its first and last partition; ``None`` where it has none, or they are not known.
    """

    run_id: str
    causes: Mapping[str, str]
    finished: bool
    failed: bool = False
    lost: bool = False
    window: Window = None


Attempts = Callable[[str], Sequence[Attempt]]
"""Recent attempts of a domain, the newest first."""


def causes_of(steps: Sequence[Step], window: Window, facts: Facts) -> dict[str, str]:
    """Hash of the cause of each step that is out of date by itself, as far as a run over some partitions meets it."""
    found: dict[str, str] = {}
    for step in steps:
        partitions = _within(step, window)
        if not step.follows and partitions != () and (cause := cause_of(step.node, facts, partitions)):
            found[step.key] = cause
    return found


def is_settled(step: Step, facts: Facts, attempts: Sequence[Attempt]) -> bool:
    """True if all that is out of date of an asset was tried for its present cause, and not killed."""
    ranges = windows([step])
    return all(is_settled_in(step, window, facts, attempts) for _, window in ranges)


def is_settled_in(step: Step, window: Window, facts: Facts, attempts: Sequence[Attempt]) -> bool:
    """True if the last attempt at these partitions of an asset had its present cause and was not killed."""
    lost = 0
    for attempt in attempts:
        if not attempt.finished or step.key not in attempt.causes or not _overlap(window, attempt.window):
            continue
        if attempt.causes[step.key] != cause_of(step.node, facts, _within(step, window)):
            return False
        if not attempt.lost:
            return True
        lost += 1
        if lost == LOST:
            return True
    return False


def _within(step: Step, window: Window) -> tuple[str, ...] | None:
    if step.partitions is None or window is None:
        return step.partitions
    return tuple(name for name in step.partitions if window[0] <= name <= window[1])


def _overlap(one: Window, other: Window) -> bool:
    return one is None or other is None or (one[0] <= other[1] and other[0] <= one[1])
