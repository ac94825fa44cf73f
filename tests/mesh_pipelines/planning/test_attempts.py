"""Earlier attempts: what was tried for its present cause is not tried again, what was killed is, but not for ever."""

from __future__ import annotations

from typing import Any

import pytest

from mesh_pipelines.planning.attempts import LOST, Attempt, causes_of, untried
from mesh_pipelines.planning.judge import cause_of
from mesh_pipelines.planning.step import Step
from tests.mesh_pipelines.planning.made import Made

APRIL, MAY = "2013-04", "2013-05"


@pytest.fixture
def landed(fresh: Made) -> Made:
    """April and May landed."""
    fresh.land(APRIL, "rows")
    fresh.land(MAY, "more")
    return fresh


def source_step(made: Made) -> Step:
    """The step that makes what landed."""
    [step] = [step for step in made.plan().steps if step.key == "shop.raw"]
    return step


def attempt(made: Made, *months: str, cause: str = "", **state: Any) -> Attempt:
    """A finished run that tried some months of the source as they are now; of another cause where one is given."""
    node = made.nodes["shop.raw"]
    cause = cause or cause_of(node, made.facts(), months or (APRIL, MAY))
    spans = [(month, month) for month in months] or None
    given: dict[str, Any] = {"finished": True, "failed": True, "spans": spans, **state}
    return Attempt("run", {"shop.raw": cause}, **given)


def left(made: Made, *attempts: Attempt) -> tuple[str, ...]:
    """Months of the source that are to be tried after these attempts, the newest first."""
    step = untried(source_step(made), made.facts(), attempts)
    return step.partitions or () if step else ()


def test_without_an_attempt_all_is_to_be_tried(landed: Made) -> None:
    """Nor does one of other assets count, nor one that has not ended."""
    step = source_step(landed)
    assert step.partitions == (APRIL, MAY)
    assert untried(step, landed.facts(), ()) == step
    assert left(landed, Attempt("run", {"shop.other": "a cause"}, finished=True)) == (APRIL, MAY)
    assert left(landed, attempt(landed, finished=False)) == (APRIL, MAY)


@pytest.mark.parametrize("failed", [True, False])
def test_a_cause_is_tried_once_however_it_ended(landed: Made, failed: bool) -> None:
    """A run without an error that left something out of date would leave it so again."""
    assert left(landed, attempt(landed, failed=failed)) == ()


def test_partitions_are_tried_each_by_itself(landed: Made) -> None:
    """What a run made of other partitions does not settle these; one that tried both settles both."""
    assert left(landed, attempt(landed, APRIL)) == (MAY,)
    assert left(landed, attempt(landed, APRIL), attempt(landed, MAY)) == ()
    assert left(landed, attempt(landed, APRIL, MAY)) == ()


def test_other_content_is_tried_anew(landed: Made) -> None:
    """The month that was corrected is, and the other one is not."""
    before = [attempt(landed, APRIL), attempt(landed, MAY)]
    landed.land(MAY, "corrected")
    assert left(landed, *before) == (MAY,)


def test_only_the_newest_attempt_counts(landed: Made) -> None:
    """Content that comes back is a cause again."""
    settled, other = attempt(landed), attempt(landed, cause="another")
    assert left(landed, other, settled) == (APRIL, MAY)
    assert left(landed, settled, other) == ()


def test_a_killed_attempt_is_repeated_until_it_was_killed_too_often(landed: Made) -> None:
    """It answered nothing; killed runs of another cause, and of before an answer, are not counted with it."""
    lost, settled, other = attempt(landed, lost=True), attempt(landed), attempt(landed, cause="another")
    assert left(landed, *[lost] * (LOST - 1)) == (APRIL, MAY)
    assert left(landed, *[lost] * LOST) == ()
    assert left(landed, *[lost] * (LOST - 1), other, lost) == (APRIL, MAY)
    assert left(landed, lost, settled) == (), "what was settled before it was killed stays settled"


def test_an_asset_without_partitions_is_tried_as_a_whole(fresh: Made) -> None:
    """All of it, or nothing."""
    fresh.publish("features", {"": "more rows"}, inputs=fresh.read("features"))
    [step] = [step for step in fresh.plan().steps if step.key == "shop.model"]
    cause = cause_of(step.node, fresh.facts(), None)
    tried = Attempt("run", {"shop.model": cause}, finished=True, spans=[(APRIL, APRIL)])
    assert untried(step, fresh.facts(), [tried]) is None
    assert untried(step, fresh.facts(), [Attempt("run", {"shop.model": ""}, finished=True)]) == step


def test_causes_are_those_of_what_leads(landed: Made) -> None:
    """What only follows has none; nor has what the run makes nothing of."""
    steps, facts = landed.plan().steps, landed.facts()
    assert len(steps) > 1
    both = causes_of(steps, (APRIL, MAY), facts)
    assert list(both) == ["shop.raw"]
    assert causes_of(steps, None, facts) == both
    assert causes_of(steps, (APRIL,), facts)["shop.raw"] == cause_of(steps[0].node, facts, (APRIL,))
    assert causes_of(steps, ("1999-12",), facts) == {}
    assert causes_of((), (APRIL,), facts) == {}
