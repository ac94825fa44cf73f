"""Live performance: predictions joined with their outcomes, by version, month and slice."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from mesh_pipelines.declaring.slice_labels import MISSING
from mesh_pipelines.errors import TransformError
from mesh_pipelines.modeling.evaluation import SCORE, TARGET, metric_expression, shortfall
from mesh_pipelines.modeling.scoring import MODEL_VERSION
from mesh_pipelines.modeling.split import labelled
from mesh_pipelines.monitoring.findings import LiveMetric
from quality.contract import Contract

TIME = "_time"
MONTH = "_month"
_SLICE = "_slice."


@dataclass(frozen=True)
class Performance:
    """Metrics of one version's predictions in one month, or in one slice of it.

    ``column`` is empty for all rows; an undefined metric (AUC of a single class) is absent.
    """

    model_version: str
    month: str
    column: str
    value: str
    rows: int
    metrics: Mapping[str, float]


def outcomes(
    predictions: pl.LazyFrame,
    features: pl.LazyFrame,
    *,
    key: Sequence[str],
    score: str,
    target: str,
    time: str,
    slices: Sequence[str] = (),
) -> pl.LazyFrame:
    """Predictions beside the outcomes that are known by now.

    Args:
        features: the feature set of now.
        key: columns of both that identify a row.

    Returns:
        Columns ``_score`` and ``_target`` (Float64, the latter null where not known), ``_time``, ``_month`` (text,
        ``2013-10``), ``model_version`` (text, empty where the product does not tell) and ``_slice.<column>`` (text).
    """
    types = predictions.collect_schema()
    version = pl.col(MODEL_VERSION) if MODEL_VERSION in types else pl.lit("").alias(MODEL_VERSION)
    predicted = predictions.select(*key, pl.col(score).cast(pl.Float64).alias(SCORE), version)
    happened = features.select(
        *(pl.col(name).cast(types[name]) for name in key),
        pl.col(target).cast(pl.Float64).fill_nan(None).alias(TARGET),
        pl.col(time).alias(TIME),
        pl.col(time).dt.strftime("%Y-%m").alias(MONTH),
        *(pl.col(name).cast(pl.String).fill_null(MISSING).alias(_SLICE + name) for name in slices),
    )
    return predicted.join(happened, on=list(key), how="inner").drop(key)


def performance(
    rows: pl.LazyFrame,
    metrics: Sequence[str],
    slices: Sequence[str] = (),
    *,
    label: Callable[[str, str], str] | None = None,
) -> tuple[Performance, ...]:
    """Metrics by version and month, overall and for each value of each slice; rows without an outcome are left out.

    Args:
        rows: result of :func:`outcomes`; AUC ranks the rows of a group, so a group is held in memory.
        metrics: names, see :func:`mesh_pipelines.modeling.evaluation.metric_expression`.

    Returns:
        By month, version, slice, the largest groups of a slice first.
    """
    known = labelled(rows, TARGET).filter(pl.col(SCORE).is_not_null())
    found: list[Performance] = []
    for column in ("", *slices):
        value = pl.col(_SLICE + column) if column else pl.lit("")
        table = (
            known.group_by(MONTH, MODEL_VERSION, value.alias("_value"))
            .agg(pl.len().alias("_rows"), *(metric_expression(name).alias(name) for name in metrics))
            .sort([MONTH, MODEL_VERSION, "_rows", "_value"], descending=[False, False, True, False])
            .collect()
        )
        found += [
            Performance(
                row[MODEL_VERSION],
                row[MONTH],
                column,
                label(column, row["_value"]) if label and column else row["_value"],
                row["_rows"],
                _defined(row, metrics),
            )
            for row in table.iter_rows(named=True)
        ]
    return tuple(found)


def against_holdout(
    live: Sequence[Performance], holdout: Sequence[Performance], metric: str
) -> tuple[LiveMetric, ...]:
    """One version's live metric, beside that of the same slice of its holdout."""
    before = {(entry.column, entry.value): entry.metrics.get(metric) for entry in holdout}
    found: list[LiveMetric] = []
    for entry in live:
        value, reference = entry.metrics.get(metric), before.get((entry.column, entry.value))
        if value is not None and reference is not None:
            drop = shortfall(metric, value, reference)
            found.append(
                LiveMetric(entry.month, entry.column, entry.value, entry.rows, metric, value, reference, drop)
            )
    return tuple(found)


def key_of(contract: Contract, features: Sequence[str], key: Sequence[str]) -> tuple[str, ...]:
    """The columns by which predictions are joined with outcomes: the contract's key, or that of the features.

    Raises TransformError: neither key is complete on the other side.
    """
    if contract.key and set(contract.key) <= set(features):
        return contract.key
    if set(key) <= set(contract.dtypes):
        return tuple(key)
    raise TransformError(
        f"its key ({', '.join(contract.key)}) is not in the feature set, nor that one's ({', '.join(key)}) in it",
        where=f"{contract.domain}.{contract.name}",
        remedy="keep the feature set's key in the predictions, under the same names",
    )


def score_column(contract: Contract, features: Sequence[str], given: str = "") -> str:
    """The column with the score: the only floating-point one, or the only such that is no feature.

    Raises:
        TransformError: there is no such column, or more than one.
    """
    floats = [
        name for name, dtype in contract.dtypes.items() if dtype.is_float() and name not in contract.key
    ]
    fitting = [name for name in contract.dtypes if name == given] if given else floats
    if len(fitting) > 1:
        fitting = [name for name in fitting if name not in features]
    if len(fitting) == 1:
        return fitting[0]
    problem = f"there is no column {given}" if given else f"{len(fitting)} columns could hold the prediction"
    raise TransformError(
        problem, where=f"{contract.domain}.{contract.name}", remedy="name it: watch=Watch(score=...)"
    )


def _defined(row: Mapping[str, float | None], metrics: Sequence[str]) -> dict[str, float]:
    values = {name: row[name] for name in metrics}
    return {
        name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)
    }
