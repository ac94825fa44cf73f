"""The gate lets nothing through that is worse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from mesh_pipelines.declaring.model_spec import Gate, ModelSpec
from mesh_pipelines.modeling.gate_decision import GateDecision
from mesh_pipelines.modeling.promotion import bring_to_gate
from mesh_pipelines.modeling.training import TrainedModel, train
from mesh_pipelines.modeling.version import LoadedModel

Registered = Callable[..., LoadedModel]


def _failed(decision: GateDecision) -> list[str]:
    return [check.name for check in decision.reasons if not check.passed]


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


def test_margin_allows_a_little_worse(
    spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel, registered: Registered
) -> None:
    """Within the margin a challenger passes; the same model always does."""
    slower = train(replace(spec, rounds=10), history.lazy())
    wide = replace(spec, gate=Gate(margin=0.05))
    assert bring_to_gate(slower, registered(trained), history.lazy(), wide).promote
    assert bring_to_gate(trained, registered(trained), history.lazy(), replace(spec, gate=Gate())).promote


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
