"""A challenger meets today's champion on rows that neither learnt from, and the alias moves as the gate decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import Gate, ModelSpec
from mesh_pipelines.errors import GateRefused
from mesh_pipelines.modeling.gate_decision import GateDecision
from mesh_pipelines.modeling.promotion import bring_to_gate, carry_out
from mesh_pipelines.modeling.registry import Registry
from mesh_pipelines.modeling.training import TrainedModel, train
from mesh_pipelines.modeling.version import LoadedModel
from resources.tracking import Tracking
from tests.mesh_pipelines.modeling.logged import logged

Registered = Callable[..., LoadedModel]


def _failed(decision: GateDecision) -> list[str]:
    return [check.name for check in decision.reasons if not check.passed]


@pytest.fixture(scope="module")
def poor(spec: ModelSpec, history: pl.DataFrame) -> TrainedModel:
    """A model that cannot see the wind."""
    return train(replace(spec, ignore=("id", "wind", "windy"), rounds=1), history.lazy())


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


def test_the_gate_moves_the_champion(
    tracking: Tracking,
    registry: Registry,
    spec: ModelSpec,
    history: pl.DataFrame,
    trained: TrainedModel,
    key: str,
) -> None:
    """First promoted, then refused and kept as challenger with its reason, then promoted: all on record."""
    own = replace(spec, key=key)
    first = carry_out(
        registry, logged(tracking, spec, trained, key), bring_to_gate(trained, None, history.lazy(), own)
    )
    assert (first.gate, first.aliases) == ("promoted", ("champion",))
    strict = replace(own, gate=Gate(floors={"auc": 0.999}))
    champion = registry.read(first)
    second = carry_out(
        registry,
        logged(tracking, spec, trained, key),
        bring_to_gate(trained, champion, history.lazy(), strict),
    )
    assert (second.gate, second.aliases) == ("refused", ("challenger",))
    assert second.reason.startswith("FAILED floor_auc")
    assert registry.champion(key) == registry.version(key, 1)
    assert registry.challenger(key) == second
    third = carry_out(
        registry,
        logged(tracking, spec, trained, key),
        bring_to_gate(trained, champion, history.lazy(), own),
        who="gate in x",
    )
    assert third.aliases == ("champion",)
    assert registry.challenger(key) is None
    moves = registry.history(key)
    assert [(move.action, move.before, move.to) for move in moves] == [
        ("promote", None, 1),
        ("promote", 1, 3),
    ]
    assert moves[1].who == "gate in x"
    assert "not_worse_than_champion" in moves[1].because


def test_a_pinned_champion_stays(
    tracking: Tracking,
    registry: Registry,
    spec: ModelSpec,
    history: pl.DataFrame,
    trained: TrainedModel,
    key: str,
) -> None:
    """While pinned, a better challenger is kept and told why; after unpinning it may pass."""
    registry.promote(logged(tracking, spec, trained, key), who="ann", because="first")
    registry.pin(key, who="audit", because="under review")
    decision = bring_to_gate(trained, None, history.lazy(), replace(spec, key=key))
    second = carry_out(registry, logged(tracking, spec, trained, key), decision)
    assert (second.gate, second.aliases) == ("refused", ("challenger",))
    assert "pinned to version 1 by audit: under review" in second.reason
    with pytest.raises(GateRefused):
        registry.rollback(key, who="ann", because="no")
    registry.unpin(key, who="audit", because="done")
    assert carry_out(registry, second, decision).aliases == ("champion",)
    assert [move.action for move in registry.history(key)] == ["promote", "pin", "unpin", "promote"]
