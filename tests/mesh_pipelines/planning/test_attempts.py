"""The moment of the next try of a step, from earlier attempts and failures alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mesh_pipelines.planning.attempts import LOST, NEVER, Attempt, causes_of, next_try, untried
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.failures import FailedContent
from mesh_pipelines.planning.judge import cause_of, content_of
from mesh_pipelines.planning.lookup import facts_of
from mesh_pipelines.planning.plan import plan
from mesh_pipelines.planning.shares import spans_of
from mesh_pipelines.planning.step import Step
from mesh_pipelines.shared import shared_resources
from tests.mesh_pipelines.planning.made import Made
from tests.mesh_pipelines.small_domains import World
from tests.mesh_pipelines.three_domains import MONTHS, write_three_domains

pytestmark = pytest.mark.odd_input("after a kill, and odd homes", "lost", "held up")
APRIL, MAY = "2013-04", "2013-05"
RAW, RATES = "shop.orders_raw", "bank.rates"


@pytest.fixture
def landed(world: World) -> World:
    """January, February and April have landed for shop; bank.rates reads nothing; nothing is published."""
    write_three_domains(world)
    return world


def ahead(world: World, key: str) -> tuple[Step, Facts]:
    """The step of an asset as it is planned now, and the facts for it."""
    facts = facts_of(world.mesh().nodes, shared_resources())
    [step] = [step for step in plan(facts.nodes.values(), facts).steps if step.key == key]
    return step, facts


def in_vain(step: Step, facts: Facts, count: int, *, lost: bool, ended: datetime) -> list[Attempt]:
    """Attempts at a step of which none answered, the newest first; they ended a minute after one another."""
    causes = causes_of([step], step.partitions, facts)
    spans = spans_of(step.partitions) if step.partitions else None
    unanswered = frozenset(() if lost else (step.key,))
    return [
        Attempt(str(n), causes, True, True, lost, spans, unanswered, ended - timedelta(minutes=n))
        for n in range(count)
    ]


@pytest.mark.parametrize("key", [RAW, RATES])
@pytest.mark.parametrize("lost", [True, False], ids=["killed", "no answer"])
def test_what_got_no_answer_is_tried_again_with_growing_patience(landed: World, key: str, lost: bool) -> None:
    """At once at first, then after longer and longer pauses, and never not at all."""
    step, facts = ahead(landed, key)
    assert untried(step, facts, []) == step
    pauses: list[timedelta] = []
    for count in range(1, 12):
        attempts = in_vain(step, facts, count, lost=lost, ended=facts.now)
        pauses.append(next_try(step, facts, attempts) - facts.now)
        assert bool(untried(step, facts, attempts)) is (pauses[-1] == timedelta())
        facts.now += pauses[-1]
        assert untried(step, facts, attempts) == step, "once the pause is over"
        facts.now -= pauses[-1]
    assert pauses[: LOST - 1] == [timedelta()] * (LOST - 1)
    assert pauses[LOST - 1] > timedelta()
    assert pauses == sorted(pauses)
    assert max(pauses) <= timedelta(hours=1)


@pytest.mark.parametrize("key", [RAW, RATES])
def test_an_answer_or_another_cause_ends_the_count(landed: World, key: str) -> None:
    """An attempt that failed for its content is final; one of another content says nothing of this one."""
    step, facts = ahead(landed, key)
    [last, *more] = in_vain(step, facts, LOST, lost=True, ended=facts.now)
    causes = causes_of([step], step.partitions, facts)
    answered = Attempt("x", causes, finished=True, failed=True)
    other = Attempt("y", {key: "another"}, finished=True, failed=True)
    assert next_try(step, facts, [answered, last, *more]) == NEVER
    assert next_try(step, facts, [last, answered]) == NEVER
    assert next_try(step, facts, [last, other, *more]) <= facts.now
    assert next_try(step, facts, [other, last, *more]) <= facts.now


def test_an_attempt_that_did_not_come_to_a_step_says_nothing_of_it(landed: World) -> None:
    """What one ahead of it failed for is no answer for the step behind."""
    step, facts = ahead(landed, RATES)
    causes = causes_of([step], None, facts)
    failed = Attempt("x", causes, finished=True, failed=True, unanswered=frozenset({RATES}))
    assert untried(step, facts, [failed]) == step


@pytest.mark.parametrize(
    ("failed", "left"),
    [
        ([MONTHS[:1]], MONTHS[1:]),
        ([MONTHS[:1], MONTHS[2:]], MONTHS[1:2]),
        ([(MONTHS[0], MONTHS[2])], MONTHS[1:2]),
        ([MONTHS], ()),
    ],
    ids=["one", "two apart", "two together with a gap", "all"],
)
def test_partitions_that_failed_for_their_content_are_left_out(
    landed: World, failed: list[tuple[str, ...]], left: tuple[str, ...]
) -> None:
    """However long ago, and whoever tried them; other content of one of a group is content of none of the others."""
    step, facts = ahead(landed, RAW)
    known = [FailedContent(content_of(step.node, facts, group), group) for group in failed]
    facts.failures = lambda _node: known
    found = untried(step, facts, [])
    assert (found.partitions if found else ()) == left
    landed.land("shop", "orders-2013-01.csv", "id\n111\n")
    step, facts = ahead(landed, RAW)
    facts.failures = lambda _node: known
    again = {name for group in failed if MONTHS[0] in group for name in group}
    found = untried(step, facts, [])
    assert found is not None
    assert set(found.partitions or ()) == {*left, *again}


def test_a_whole_asset_that_failed_waits_for_other_content(landed: World) -> None:
    """Its code is part of its content."""
    step, facts = ahead(landed, RATES)
    facts.failures = lambda _node: [FailedContent(content_of(step.node, facts, None))]
    assert next_try(step, facts, []) == NEVER
    facts.failures = lambda _node: [FailedContent("another")]
    assert untried(step, facts, []) == step


def test_a_moment_that_is_not_known_counts_as_now(landed: World) -> None:
    """Of a run that has been failed this moment."""
    step, facts = ahead(landed, RATES)
    attempts = [
        Attempt(str(n), causes_of([step], None, facts), finished=True, lost=True) for n in range(LOST)
    ]
    assert datetime.now(UTC) - timedelta(minutes=1) < next_try(step, facts, attempts) < NEVER


def test_causes_are_those_of_what_leads(fresh: Made) -> None:
    """What only follows has none; nor has what the run makes nothing of."""
    fresh.land(APRIL, "rows")
    fresh.land(MAY, "more")
    steps, facts = fresh.plan().steps, fresh.facts()
    assert len(steps) > 1
    both = causes_of(steps, (APRIL, MAY), facts)
    assert list(both) == ["shop.raw"]
    assert causes_of(steps, None, facts) == both
    assert causes_of(steps, (APRIL,), facts)["shop.raw"] == cause_of(steps[0].node, facts, (APRIL,))
    assert causes_of(steps, ("1999-12",), facts) == {}
    assert causes_of((), (APRIL,), facts) == {}
