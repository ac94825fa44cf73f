"""The shadow: a challenger scored beside the champion on later data, before it may be used.

Both score each new row once; the scores are kept, encrypted, and compared with later outcomes. The clock is the data's:
the period ends when outcomes are known that lie ``Gate.shadow`` after the last one known at training.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.errors import TransformError
from mesh_pipelines.modeling.evaluation import SCORE, TARGET
from mesh_pipelines.modeling.gate import CHAMPION, Opponent
from mesh_pipelines.modeling.gate_decision import GateDecision
from mesh_pipelines.modeling.prediction import load_booster, predict_batches
from mesh_pipelines.modeling.promotion import carry_out
from mesh_pipelines.modeling.registry import DECISION, Registry
from mesh_pipelines.modeling.scoring import MODEL_VERSION
from mesh_pipelines.modeling.scoring import SCORE as SCORE_COLUMN
from mesh_pipelines.modeling.shadow_decision import Comparison, compare_in_shadow, decide_shadow
from mesh_pipelines.modeling.split import Moment, labelled, moment, offset
from mesh_pipelines.modeling.version import LoadedModel, ModelVersion
from resources.lake.lake import Lake

SCORES = "__shadow"
"""Suffix of the key of the table that keeps the scores of a shadow period."""


def begin(
    registry: Registry, challenger: LoadedModel, decision: GateDecision, spec: ModelSpec
) -> ModelVersion:
    """Put a challenger that passed the gate in shadow, instead of promoting it."""
    until = _until(challenger, spec)
    tags = {
        "reason": f"in shadow until outcomes of {until:%Y-%m-%d} are known\n{decision.text}",
        DECISION: decision.to_json(),
        "shadow_until": until.isoformat(),
        "shadow_seen": "",
    }
    return registry.shadow(challenger.version, tags)


def follow(
    registry: Registry,
    lake: Lake,
    spec: ModelSpec,
    version: ModelVersion,
    frame: pl.LazyFrame,
    content: str,
    *,
    who: str,
) -> ModelVersion:
    """Score a version in shadow beside the champion on new rows, and decide on it once its period is over.

    The same ``content`` (data version of ``frame``) is not scored again.
    """
    champion = registry.champion(version.key)
    if champion is None or champion.version == version.version:
        # Someone else decided, or the process was killed between the decision and its tag.
        registry.tag(version, {"gate": "promoted" if champion else "", "shadow_seen": content})
        registry.leave_shadow(version)
        return registry.version(version.key, version.version)
    challenger, incumbent = registry.read(version), registry.read(champion)
    kept = _keep(lake, spec, [challenger, incumbent], frame)
    found = compare(spec, challenger, incumbent, kept, frame)
    decision = decide_shadow(found, champion.label)
    if found.over:
        judged = carry_out(registry, version, decision, who=who)
        registry.tag(judged, {"shadow_seen": content})
        return registry.version(version.key, version.version)
    return registry.shadow(
        version,
        {
            "reason": decision.reasons[0].text,
            DECISION: decision.to_json(),
            "shadow_until": found.until.isoformat(),
            "shadow_seen": content,
        },
    )


def compare(
    spec: ModelSpec,
    challenger: LoadedModel,
    champion: LoadedModel,
    kept: pl.DataFrame,
    frame: pl.LazyFrame,
) -> Comparison:
    """Compare the kept scores of two models with the outcomes, in ``frame``, after both were trained."""
    until = _until(challenger, spec)
    key = _key(spec)
    slices = [pl.col(name).alias(f"_slice_{name}") for name in spec.slices]

    def scores_of(model: LoadedModel, name: str) -> pl.LazyFrame:
        own = kept.lazy().filter(pl.col(MODEL_VERSION) == model.label)
        return own.select(*key, pl.col(SCORE_COLUMN).alias(name))

    happened = labelled(frame, spec.target).select(
        *key, pl.col(spec.target).cast(pl.Float64).alias(TARGET), *slices
    )
    after = max(challenger.record.split.holdout_until, champion.record.split.train_until)
    fresh = pl.col(spec.time) > moment(after, frame, spec.time)
    rows = scores_of(challenger, SCORE).filter(fresh)
    if not kept.filter(pl.col(MODEL_VERSION) == champion.label).is_empty():
        rows = rows.join(scores_of(champion, CHAMPION), on=key, how="inner")
    total = rows.select(pl.len()).collect().item()
    rows = rows.join(happened, on=key, how="inner").collect(engine="streaming")
    rows = rows.rename({f"_slice_{name}": name for name in spec.slices if name not in key}, strict=False)
    opponent = Opponent(champion.label, champion.version.metrics, rows if CHAMPION in rows.columns else None)
    return compare_in_shadow(rows, opponent, spec, until=until, waiting=total - rows.height)


def _until(challenger: LoadedModel, spec: ModelSpec) -> Moment:
    return offset(challenger.record.split.holdout_until, spec.gate.shadow or "0d")


def _key(spec: ModelSpec) -> list[str]:
    return list(dict.fromkeys((*spec.entity, spec.time)))


def _keep(lake: Lake, spec: ModelSpec, models: Sequence[LoadedModel], frame: pl.LazyFrame) -> pl.DataFrame:
    """All scores of these models so far, after new rows are scored and kept, once for each model."""
    table, key = spec.key + SCORES, _key(spec)
    columns = [*key, MODEL_VERSION, SCORE_COLUMN]
    schema = frame.collect_schema()
    types = {name: schema[name] for name in key} | {MODEL_VERSION: pl.String(), SCORE_COLUMN: pl.Float64()}
    kept = pl.DataFrame(schema=types)
    if lake.exists(table):
        with lake.reading(table):
            kept = lake.scan(table).select(columns).collect(engine="streaming")
    since = moment(models[0].record.split.holdout_until, frame, spec.time)
    new: list[pl.DataFrame] = []
    for model in models:
        try:
            model.record.schema.check(schema, f"model {model.label}")
        except TransformError:
            if model is models[0]:
                raise
            continue  # a champion that cannot read today's features is judged by its recorded metrics
        known = kept.lazy().filter(pl.col(MODEL_VERSION) == model.label)
        rows = frame.filter(pl.col(spec.time) > since).join(known, on=key, how="anti", maintain_order="left")
        parts = list(predict_batches(load_booster(model.model), model.record.schema, rows, key))
        new += [part.with_columns(pl.lit(model.label).alias(MODEL_VERSION)).select(columns) for part in parts]
    fresh = pl.concat([pl.DataFrame(schema=types), *new])
    if fresh.height:
        # Keys and scores may be personal: nobody outside of the domain may read them.
        classes = dict.fromkeys(columns, "internal") | {MODEL_VERSION: "public"}
        with lake.stage(table, types, classes) as stage:
            stage.write(fresh)
            stage.commit({"models": [model.label for model in models]}, replace="append")
    return pl.concat([kept, fresh])
