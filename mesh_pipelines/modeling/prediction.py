"""Apply a booster to rows in bounded batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from mesh_pipelines.errors import IntegrityError, TransformError
from mesh_pipelines.modeling.matrix import BATCH_ROWS, FeatureSchema
from resources.compute.local import prepare_for_training

if TYPE_CHECKING:
    import xgboost


def load_booster(model: bytes, threads: int | None = None) -> xgboost.Booster:
    """Read a booster from the bytes of model.ubj, compared with their SHA-256 before: half a model may end the process.
    Raises IntegrityError: the bytes are no model.
    """
    threads = prepare_for_training(threads)
    import xgboost

    if not model:  # XGBoost aborts
        raise _no_model_error()
    booster = xgboost.Booster({"nthread": threads})
    try:
        booster.load_model(bytearray(model))
    except xgboost.core.XGBoostError as error:
        raise _no_model_error() from error
    return booster


def _no_model_error() -> IntegrityError:
    return IntegrityError("these bytes are no XGBoost model", remedy="Train it again.")


def predict(booster: xgboost.Booster, schema: FeatureSchema, rows: pl.DataFrame) -> pl.Series:
    """Scores of one batch, Float64 in the order of the rows; TransformError for a value that XGBoost cannot take."""
    import xgboost

    if not rows.height:
        return pl.Series("score", [], dtype=pl.Float64)
    try:
        scores = booster.inplace_predict(rows.select(schema.expressions()), validate_features=True)
    except xgboost.core.XGBoostError as error:
        raise TransformError(
            "XGBoost does not take these rows",
            where="scoring",
            remedy="Make infinite values null in the feature set.",
            quoted=str(error).strip().splitlines()[-1],
        ) from error
    return pl.Series("score", scores, dtype=pl.Float32).cast(pl.Float64)


def predict_batches(
    booster: xgboost.Booster,
    schema: FeatureSchema,
    frame: pl.LazyFrame,
    keep: Sequence[pl.Expr | str],
    batch_rows: int = BATCH_ROWS,
) -> Iterator[pl.DataFrame]:
    """The ``keep`` columns and the ``score`` of each batch, in the order of the rows."""
    for batch in frame.collect_batches(chunk_size=batch_rows, maintain_order=True, lazy=True):
        yield batch.select(*keep).with_columns(predict(booster, schema, batch).alias("score"))
