"""A version in shadow is decided on when its period is over, on the outcomes that both models were scored on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.modeling.evaluation import SCORE, TARGET
from mesh_pipelines.modeling.gate import CHAMPION, MIN_COMMON_ROWS, Opponent
from mesh_pipelines.modeling.gate_decision import GateDecision
from mesh_pipelines.modeling.shadow_decision import Comparison, compare_in_shadow, decide_shadow

START = datetime(2013, 7, 1, tzinfo=UTC)
ROWS = MIN_COMMON_ROWS * 4
LAST = START + timedelta(hours=ROWS - 1)


def outcomes(*, right: str, wrong: str, rows: int = ROWS) -> pl.DataFrame:
    """Outcomes hour by hour: one model's score ranks them, the other's ranks them the other way round."""
    target = [float(number % 2) for number in range(rows)]
    return pl.DataFrame(
        {
            "at": [START + timedelta(hours=number) for number in range(rows)],
            "port": ["EWR"] * rows,
            TARGET: target,
            right: [0.2 + 0.6 * value for value in target],
            wrong: [0.8 - 0.6 * value for value in target],
        }
    )


def compared(spec: ModelSpec, rows: pl.DataFrame, until: datetime = LAST) -> Comparison:
    """The comparison with a champion that could be scored."""
    return compare_in_shadow(
        rows, Opponent("delay@1", {spec.metric: 0.7}, rows), spec, until=until, waiting=7
    )


def failed(decision: GateDecision) -> list[str]:
    """Names of the checks that failed."""
    return [check.name for check in decision.reasons if not check.passed]


def test_a_better_one_is_promoted_when_its_period_is_over(spec: ModelSpec) -> None:
    """Every check that decided bears the name of the shadow."""
    found = compared(spec, outcomes(right=SCORE, wrong=CHAMPION))
    decision = decide_shadow(found, "delay@1")
    assert (found.over, found.rows, found.waiting, found.reached) == (True, ROWS, 7, LAST)
    assert decision.promote
    assert {check.name for check in decision.reasons} == {
        "shadow_not_worse_than_champion",
        *(f"shadow_slice_{name}" for name in spec.slices),
    }


def test_a_worse_one_is_refused_when_its_period_is_over(spec: ModelSpec) -> None:
    """The gate's rules hold in the shadow too."""
    decision = decide_shadow(compared(spec, outcomes(right=CHAMPION, wrong=SCORE)), "delay@1")
    assert not decision.promote
    assert "shadow_not_worse_than_champion" in failed(decision)


def test_nothing_is_decided_before_the_period_is_over(spec: ModelSpec) -> None:
    """A better one is not promoted and a worse one has not failed: the figures so far are shown."""
    later = LAST + timedelta(days=1)
    for right, wrong in ((SCORE, CHAMPION), (CHAMPION, SCORE)):
        found = compared(spec, outcomes(right=right, wrong=wrong), later)
        decision = decide_shadow(found, "delay@1")
        assert not found.over
        assert not decision.promote
        assert not failed(decision)
        assert f"in shadow until outcomes of {later:%Y-%m-%d} are known" in decision.text


def test_too_few_outcomes_decide_nothing(spec: ModelSpec) -> None:
    """Even when the period has passed."""
    few = outcomes(right=SCORE, wrong=CHAMPION, rows=MIN_COMMON_ROWS - 1)
    assert not compared(spec, few, START).over
    none = compared(spec, few.clear(), START)
    assert (none.over, none.reached, none.rows) == (False, None, 0)


def test_a_champion_that_cannot_be_scored_is_held_to_its_recorded_metric(spec: ModelSpec) -> None:
    """No slice can be compared then."""
    rows = outcomes(right=SCORE, wrong=CHAMPION).drop(CHAMPION)
    found = compare_in_shadow(
        rows, Opponent("delay@1", {spec.metric: 0.7}, None), spec, until=LAST, waiting=0
    )
    (check,) = found.checks
    assert check.passed
    assert "delay@1, when it was trained, has 0.7000" in check.text
    assert found.champion_metrics == {}
