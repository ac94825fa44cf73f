"""The gate lets nothing through that is worse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import Gate, ModelSpec
from mesh_pipelines.modeling.gate_decision import GateDecision
from mesh_pipelines.modeling.promotion import bring_to_gate
from mesh_pipelines.modeling.training import TrainedModel, train
from mesh_pipelines.modeling.version import LoadedModel

Registered = Callable[..., LoadedModel]


def _failed(decision: GateDecision) -> list[str]:
    return [check.name for check in decision.reasons if not check.passed]


@pytest.fixture(scope="module")
def poor(spec: ModelSpec, history: pl.DataFrame) -> TrainedModel:
    """A model that cannot see the wind."""
    return train(replace(spec, ignore=("id", "wind", "windy"), rounds=1), history.lazy())


def test_the_first_model_needs_no_champion(
    spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel
) -> None:
    """Without a champion the floors, the baseline and the slices decide."""
    decision = bring_to_gate(trained, None, history.lazy(), spec)
    assert decision.promote
    assert [check.name for check in decision.reasons] == ["floor_auc", "beats_baseline", "slice_port"]


def test_floors_hold_whatever_the_champion(
    spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel
) -> None:
    """A floor is a floor: below it for what should be high, above it for what should be low."""
    strict = replace(spec, gate=Gate(floors={"auc": 0.99, "logloss": 0.01}))
    assert _failed(bring_to_gate(trained, None, history.lazy(), strict)) == ["floor_auc", "floor_logloss"]


def test_a_model_must_beat_its_baseline(spec: ModelSpec, history: pl.DataFrame) -> None:
    """What is no better than the naive prediction is not worth its keep."""
    naive = replace(
        spec, baseline=lambda past, future: future.select(pl.col("late") * 1.0).collect().to_series()
    )
    decision = bring_to_gate(train(naive, history.lazy()), None, history.lazy(), naive)
    assert "beats_baseline" in _failed(decision)


def test_a_worse_challenger_is_refused_on_the_same_rows(
    spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel, poor: TrainedModel, registered: Registered
) -> None:
    """The champion is scored anew on the challenger's holdout; the reason names both figures and the rows."""
    loose = replace(spec, gate=Gate(margin=0.01, must_beat_baseline=False))
    decision = bring_to_gate(poor, registered(trained, 3), history.lazy(), loose)
    assert not decision.promote
    assert "not_worse_than_champion" in _failed(decision)
    assert decision.champion == "lateness@3"
    assert decision.champion_metrics == pytest.approx(dict(trained.metrics))
    assert f"on the same {trained.record.split.holdout_rows:,} rows" in decision.text
    assert bring_to_gate(trained, registered(poor), history.lazy(), loose).promote


def test_margin_allows_a_little_worse(
    spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel, registered: Registered
) -> None:
    """Within the margin a challenger passes; the same model always does."""
    slower = train(replace(spec, rounds=10), history.lazy())
    wide = replace(spec, gate=Gate(margin=0.05))
    assert bring_to_gate(slower, registered(trained), history.lazy(), wide).promote
    assert bring_to_gate(trained, registered(trained), history.lazy(), replace(spec, gate=Gate())).promote


def test_rows_that_the_champion_learnt_from_do_not_count(
    spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel, registered: Registered
) -> None:
    """A champion that saw part of the holdout is compared on the rest, and the note says how many were left out."""
    champion = registered(train(replace(spec, holdout="10d"), history.lazy()))
    decision = bring_to_gate(trained, champion, history.lazy(), spec)
    seen = trained.record.split.holdout_rows - decision.rows
    assert 0 < decision.rows < trained.record.split.holdout_rows
    assert f"{seen:,} rows left out that lateness@1 learnt from" in decision.text


def test_a_champion_that_saw_everything_cannot_be_compared(
    spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel, registered: Registered
) -> None:
    """No fresh rows, no promotion: the gate does not guess."""
    champion = registered(train(replace(spec, holdout="1h"), history.lazy()))
    decision = bring_to_gate(trained, champion, history.lazy(), spec)
    assert _failed(decision) == ["not_worse_than_champion"]
    assert "are new to both" in decision.text


def test_no_slice_is_left_behind(
    spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel, registered: Registered
) -> None:
    """A challenger as good overall, but blind in one port, is refused; the port is named."""
    past = pl.col("at") <= trained.record.split.train_until
    blind = history.with_columns(
        late=pl.when(past & (pl.col("port") == "JFK")).then(pl.col("id") % 2 == 0).otherwise("late")
    )
    challenger = train(spec, blind.lazy())
    tolerant = replace(spec, gate=Gate(margin=1, slice_margin=0.02, min_slice_rows=50))
    decision = bring_to_gate(challenger, registered(trained), history.lazy(), tolerant)
    assert _failed(decision) == ["slice_port"]
    assert "furthest is JFK" in decision.text


def test_small_slices_are_not_judged(spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel) -> None:
    """Too few rows say nothing."""
    decision = bring_to_gate(trained, None, history.lazy(), replace(spec, gate=Gate(min_slice_rows=10_000)))
    assert decision.promote
    assert "no slice of port has 10,000 rows" in decision.text


def test_a_champion_that_cannot_read_todays_features(
    spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel, poor: TrainedModel, registered: Registered
) -> None:
    """Its recorded metric stands in for it, so that dropping a feature by mistake promotes nothing worse."""
    less = history.drop("wind")
    decision = bring_to_gate(
        poor, registered(trained), less.lazy(), replace(spec, gate=Gate(must_beat_baseline=False))
    )
    assert "not_worse_than_champion" in _failed(decision)
    assert "cannot read today's features" in decision.text
