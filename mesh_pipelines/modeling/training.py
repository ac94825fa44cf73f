"""Train one model out of time: split, train, compare with the baseline, and record it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.errors import TransformError
from mesh_pipelines.modeling.baseline import baseline_scores
from mesh_pipelines.modeling.evaluation import (
    BASELINE,
    SCORE,
    TARGET,
    SliceMetrics,
    calibration,
    evaluate,
    evaluate_slices,
)
from mesh_pipelines.modeling.matrix import (
    BATCH_ROWS,
    FeatureSchema,
    MatrixDigest,
    learn_schema,
    training_matrix,
)
from mesh_pipelines.modeling.prediction import load_booster, predict_batches
from mesh_pipelines.modeling.record import Record
from mesh_pipelines.modeling.split import Split, plan_split
from resources.compute.local import prepare_for_training
from resources.lake.table_version import TableVersion

if TYPE_CHECKING:
    import xgboost


@dataclass(frozen=True)
class TrainedModel:
    """A model (bytes of model.ubj, with their SHA-256), and its evaluation on rows later than any it was trained on.

    Args:
        importances: feature -> share of the total gain, the greatest first; they sum to 1.
        calibration: columns predicted, actual, rows.
        holdout: columns ``_target``, ``_score``, ``_baseline``, the time and the slices of the holdout.
    """

    model: bytes = field(repr=False)
    sha256: str
    record: Record = field(repr=False)
    metrics: Mapping[str, float]
    baseline: Mapping[str, float]
    slices: tuple[SliceMetrics, ...] = field(repr=False)
    importances: Mapping[str, float] = field(repr=False)
    calibration: pl.DataFrame = field(repr=False)
    holdout: pl.DataFrame = field(repr=False)

    @property
    def key(self) -> str:
        return self.record.key


def train(
    spec: ModelSpec,
    frame: pl.LazyFrame,
    *,
    features: TableVersion | None = None,
    inputs: Sequence[TableVersion] = (),
    code_version: str = "",
    threads: int | None = None,
    batch_rows: int = BATCH_ROWS,
    cache: Path | None = None,
) -> TrainedModel:
    """Train ``spec`` on all but the last period of ``frame``, and evaluate it there.

    Args:
        frame: the feature set in the order of its key (another order gives another model).
        features: lake version of the feature set that ``frame`` reads.
        inputs: lake versions from which the feature set was made.

    Raises:
        TransformError: the rows do not fit the declaration.
    """
    prepare_for_training(threads)
    split = plan_split(frame, spec)
    past = split.train(frame, spec.time, spec.target)
    schema = learn_schema(spec, past)
    model, matrix = fit(
        past,
        schema,
        spec.target,
        spec.booster_params,
        spec.rounds,
        rows=split.train_rows,
        max_memory=spec.max_memory,
        threads=threads,
        batch_rows=batch_rows,
        cache=cache,
    )
    given = features or TableVersion(spec.features, None, "")
    record = _record(spec, given, tuple(inputs), code_version, schema, split, matrix, batch_rows, model)
    return assess(spec, frame, model, record, threads=threads)


def _record(
    spec: ModelSpec,
    features: TableVersion,
    inputs: tuple[TableVersion, ...],
    code_version: str,
    schema: FeatureSchema,
    split: Split,
    matrix: MatrixDigest,
    batch_rows: int,
    model: bytes,
) -> Record:
    import xgboost

    return Record(
        key=spec.key,
        features=features,
        inputs=inputs,
        target=spec.target,
        time=spec.time,
        params=spec.booster_params,
        rounds=spec.rounds,
        seed=spec.seed,
        xgboost_version=xgboost.__version__,
        schema=schema,
        split=split,
        data_digest=matrix.digest,
        batch_rows=batch_rows,
        external_memory=matrix.external,
        spec=spec.to_dict(),
        spec_digest=spec.digest,
        code_version=code_version or spec.code_version,
        model_sha256=hashlib.sha256(model).hexdigest(),
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def assess(
    spec: ModelSpec, frame: pl.LazyFrame, model: bytes, record: Record, *, threads: int | None = None
) -> TrainedModel:
    """Evaluate a model again on the holdout of its record."""
    booster = load_booster(model, threads)
    holdout = score_holdout(spec, frame, record.split, booster, record.schema, record.batch_rows)
    return TrainedModel(
        model=model,
        sha256=record.model_sha256,
        record=record,
        metrics=evaluate(holdout, spec.metrics),
        baseline=evaluate(holdout, spec.metrics, BASELINE),
        slices=evaluate_slices(holdout, spec.slices, spec.metrics, label=spec.slice_label),
        importances=gain_shares(booster, record.schema),
        calibration=calibration(holdout),
        holdout=holdout,
    )


def fit(
    past: pl.LazyFrame,
    schema: FeatureSchema,
    target: str,
    params: Mapping[str, Any],
    rounds: int,
    *,
    rows: int,
    max_memory: int | None = None,
    threads: int | None = None,
    batch_rows: int = BATCH_ROWS,
    cache: Path | None = None,
) -> tuple[bytes, MatrixDigest]:
    """Boost for ``rounds`` on ordered rows; gives the bytes of model.ubj and the digest of the matrix.

    The bytes depend on the rows and their order, the parameters and the XGBoost version only: not on threads,
    batches, or the place where the data is kept.
    """
    threads = prepare_for_training(threads)
    import xgboost

    max_bin = params.get("max_bin")
    with training_matrix(
        past,
        schema,
        target,
        rows=rows,
        max_memory=max_memory,
        max_bin=int(max_bin) if max_bin is not None else None,
        batch_rows=batch_rows,
        threads=threads,
        cache=cache,
    ) as matrix:
        try:
            booster = xgboost.train(
                {**params, "nthread": threads, "verbosity": 1}, matrix.data, num_boost_round=rounds
            )
        except (xgboost.core.XGBoostError, ValueError) as error:
            raise TransformError(
                "XGBoost refused to train",
                where=f"params {dict(params)}",
                remedy="Correct the model's params.",
                quoted=str(error).strip().splitlines()[0],
            ) from error
        model, digest = bytes(booster.save_raw("ubj")), matrix.digest
        del booster, matrix
    return model, digest


def score_holdout(
    spec: ModelSpec,
    frame: pl.LazyFrame,
    split: Split,
    booster: xgboost.Booster,
    schema: FeatureSchema,
    batch_rows: int = BATCH_ROWS,
) -> pl.DataFrame:
    """Target, score and baseline of the out-of-time rows, with their time and slices, in their order."""
    past, future = split.train(frame, spec.time, spec.target), split.holdout(frame, spec.time, spec.target)
    columns = dict.fromkeys((spec.time, *spec.slices))
    keep = [pl.col(spec.target).cast(pl.Float64).alias(TARGET), *columns]
    scored = pl.concat(list(predict_batches(booster, schema, future, keep, batch_rows)))
    naive = baseline_scores(spec, past, future)
    return scored.rename({"score": SCORE}).with_columns(naive.alias(BASELINE))


def gain_shares(booster: xgboost.Booster, schema: FeatureSchema) -> dict[str, float]:
    """Each feature's share of the total gain, the greatest first."""
    gains = booster.get_score(importance_type="total_gain")
    shares = {name: float(gains.get(name, 0.0)) for name in schema.names}  # pyright: ignore[reportArgumentType]
    total = sum(shares.values()) or 1.0
    return dict(
        sorted(((name, gain / total) for name, gain in shares.items()), key=lambda item: (-item[1], item[0]))
    )
