"""Earlier attempts at what is out of date, and the moment of the next one.

What failed for its content is not tried again until the content is another. An attempt without an answer (its process
was killed, a store did not answer, what it needed failed) is made again, after a pause that grows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.judge import cause_of, content_of
from mesh_pipelines.planning.shares import Spans, names_in, within
from mesh_pipelines.planning.step import Step

LOST = 3
"""Attempts of one cause in a row without an answer after which the next one waits."""
NEVER = datetime.max.replace(tzinfo=UTC)
"""The moment of a try that only other content, or a person, brings about."""
_PAUSE = timedelta(minutes=5)
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Attempt:
    """A run that was started for some causes, given as hashes by key.

    Args:
        lost: true if it ended without an event of its steps: its process was killed, or never came up.
        unanswered: keys of assets that it did not come to, or that failed for something that may pass.
    """

    run_id: str
    causes: Mapping[str, str]
    finished: bool
    failed: bool = False
    lost: bool = False
    spans: Spans | None = None
    unanswered: frozenset[str] = frozenset()
    ended: datetime | None = None

    def answers(self, key: str) -> bool:
        """True if it says of an asset that its content can be made, or that it cannot."""
        return not self.lost and key not in self.unanswered


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
    """A step with the partitions that are to be tried now; None if there are none."""
    moments = _moments(step, facts, attempts)
    if step.partitions is None:
        return step if moments[None] <= facts.now else None
    left = tuple(name for name in step.partitions if moments[name] <= facts.now)
    return replace(step, partitions=left) if left else None


def is_refused(step: Step, facts: Facts) -> bool:
    """True if a step failed for the content that there is now, of all its partitions: only other content mends it."""
    return untried(step, facts, ()) is None


def next_try(step: Step, facts: Facts, attempts: Sequence[Attempt]) -> datetime:
    """The moment from which a step, or some of its partitions, is to be tried; ``NEVER`` for what waits for content."""
    return min(_moments(step, facts, attempts).values(), default=NEVER)


def _moments(step: Step, facts: Facts, attempts: Sequence[Attempt]) -> Mapping[str | None, datetime]:
    failed: set[str | None] = set()
    for failure in facts.failures(step.node):
        if failure.content == content_of(step.node, facts, failure.partitions):
            failed |= {None, *(failure.partitions or step.partitions or ())}
    tried = [
        (attempt, attempt.causes[step.key] == _cause_in(step, _names_of(attempt.spans), facts))
        for attempt in attempts
        if attempt.finished and step.key in attempt.causes
    ]
    names = (None,) if step.partitions is None else step.partitions
    return {name: NEVER if name in failed else _moment(step.key, name, tried, facts.now) for name in names}


def _moment(
    key: str, partition: str | None, tried: Sequence[tuple[Attempt, bool]], now: datetime
) -> datetime:
    in_vain, ended = 0, None
    for attempt, same in tried:
        if partition is not None and attempt.spans is not None and not within(partition, attempt.spans):
            continue
        if not same:
            break
        if attempt.answers(key):
            return NEVER
        in_vain += 1
        ended = ended or attempt.ended or now
    if ended is None or in_vain < LOST:
        return now
    return ended + min(_PAUSE * 3 ** (in_vain - LOST), _LONGEST_PAUSE)


def _names_of(spans: Spans | None) -> tuple[str, ...] | None:
    return None if spans is None else names_in(spans)


def _cause_in(step: Step, partitions: Sequence[str] | None, facts: Facts) -> str:
    if step.partitions is None:
        return cause_of(step.node, facts, None)
    return cause_of(step.node, facts, step.partitions if partitions is None else tuple(partitions))
