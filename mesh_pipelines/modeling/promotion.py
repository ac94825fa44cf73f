"""Take a challenger to the gate, and carry out the gate's decision."""

from __future__ import annotations

import polars as pl

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.errors import TransformError
from mesh_pipelines.modeling.champion_moves import gate_outcome
from mesh_pipelines.modeling.gate import CHAMPION, Opponent, decide
from mesh_pipelines.modeling.gate_decision import GateDecision
from mesh_pipelines.modeling.prediction import load_booster, predict_batches
from mesh_pipelines.modeling.registry import DECISION, Registry
from mesh_pipelines.modeling.split import moment
from mesh_pipelines.modeling.training import TrainedModel
from mesh_pipelines.modeling.version import LoadedModel, ModelVersion


def bring_to_gate(
    challenger: TrainedModel, champion: LoadedModel | None, holdout: pl.LazyFrame, spec: ModelSpec
) -> GateDecision:
    """Score today's champion on the holdout rows that neither model was trained on, and let the gate decide."""
    return decide(challenger, _opponent(challenger, champion, holdout, spec) if champion else None, spec)


def carry_out(
    registry: Registry, version: ModelVersion, decision: GateDecision, *, who: str = "gate"
) -> ModelVersion:
    """Move the champion's alias, or keep the version as challenger, with the reason.

    While the champion is pinned the version is kept as challenger, with the pin as its reason.
    """
    outcome = gate_outcome(decision, registry.pinned(version.key))
    if outcome.promoted:
        registry.promote(version, who=who, because=outcome.reason)
    gate = "promoted" if outcome.promoted else "refused"
    registry.tag(version, {"gate": gate, "reason": outcome.reason, DECISION: decision.to_json()})
    if not outcome.promoted:
        registry.refuse(version)
    return registry.version(version.key, version.version)


def _opponent(
    challenger: TrainedModel, champion: LoadedModel, holdout: pl.LazyFrame, spec: ModelSpec
) -> Opponent:
    record, recorded = champion.record, champion.version.metrics
    try:
        record.schema.check(holdout.collect_schema(), f"model {champion.label}")
    except TransformError as error:
        return Opponent(champion.label, recorded, None, error.what)
    rows = challenger.record.split.holdout(holdout, spec.time, spec.target)
    booster = load_booster(champion.model)
    scores = [part["score"] for part in predict_batches(booster, record.schema, rows, [spec.time])]
    scored = challenger.holdout.with_columns(pl.concat(scores).alias(CHAMPION))
    learnt_until = moment(record.split.train_until, holdout, spec.time)
    fresh = scored.filter(pl.col(spec.time) > learnt_until)
    seen, until = scored.height - fresh.height, record.split.train_until.isoformat()
    return Opponent(champion.label, recorded, fresh, seen=seen, learnt_until=until)
