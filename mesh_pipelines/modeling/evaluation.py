"""Metrics of a model as polars expressions: one query for overall figures, one for slices."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from mesh_pipelines.declaring.model_spec import METRICS
from mesh_pipelines.declaring.slice_labels import MISSING

TARGET = "_target"
SCORE = "_score"
BASELINE = "_baseline"
_BINS = 10
_EPSILON = 2.220446049250313e-16


def metric_expression(name: str, score: str = SCORE) -> pl.Expr:
    """One metric of ``score`` against ``target`` over the rows of the context; null if undefined.

    ``auc`` is the Mann-Whitney rank statistic, with average ranks for ties (Hanley and McNeil, "The meaning
    and use of the area under a receiver operating characteristic (ROC) curve", Radiology 143, 1982);
    undefined with one class. ``brier``: Brier, "Verification of forecasts expressed in terms of
    probability", Monthly Weather Review 78, 1950. ``logloss`` is in nats.
    """
    truth, guess = pl.col(TARGET).cast(pl.Float64), pl.col(score).cast(pl.Float64)
    if name == "auc":
        positives = truth.sum()
        negatives = pl.len() - positives
        statistic = (guess.rank("average") * truth).sum() - positives * (positives + 1) / 2
        return pl.when((positives > 0) & (negatives > 0)).then(statistic / (positives * negatives))
    if name == "logloss":
        likely = guess.clip(_EPSILON, 1 - _EPSILON)
        return -(truth * likely.log() + (1 - truth) * (1 - likely).log()).mean()
    if name == "brier":
        return ((guess - truth) ** 2).mean()
    if name == "rmse":
        return ((guess - truth) ** 2).mean().sqrt()
    if name == "mae":
        return (guess - truth).abs().mean()
    raise ValueError(f"{name} is no metric; known are {', '.join(METRICS)}")


def evaluate(rows: pl.DataFrame, metrics: Sequence[str], score: str = SCORE) -> dict[str, float]:
    """All ``metrics`` of one frame with ``_target`` and a score column; undefined ones are left out."""
    values = rows.select(metric_expression(name, score).alias(name) for name in metrics).row(0, named=True)
    return {
        name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)
    }


@dataclass(frozen=True)
class SliceMetrics:
    """Metrics of the holdout rows with one value in one column; an undefined one (AUC of a single class) is absent."""

    column: str
    value: str
    rows: int
    metrics: Mapping[str, float]
    baseline: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_slices(
    rows: pl.DataFrame,
    columns: Sequence[str],
    metrics: Sequence[str],
    score: str = SCORE,
    baseline: str = BASELINE,
    *,
    label: Callable[[str, str], str] | None = None,
) -> tuple[SliceMetrics, ...]:
    """Metrics for each value of each of ``columns``, the largest slices first."""
    found: list[SliceMetrics] = []
    for column in columns:
        table = (
            rows.group_by(pl.col(column).cast(pl.String).fill_null(MISSING).alias("value"))
            .agg(
                pl.len().alias("rows"),
                *(metric_expression(name, score).alias(f"model.{name}") for name in metrics),
                *(metric_expression(name, baseline).alias(f"baseline.{name}") for name in metrics),
            )
            .sort(["rows", "value"], descending=[True, False])
        )
        for row in table.iter_rows(named=True):
            found.append(
                SliceMetrics(
                    column,
                    label(column, row["value"]) if label else row["value"],
                    row["rows"],
                    _of(row, "model.", metrics),
                    _of(row, "baseline.", metrics),
                )
            )
    return tuple(found)


def _of(row: Mapping[str, Any], prefix: str, metrics: Sequence[str]) -> dict[str, float]:
    values = {name: row[prefix + name] for name in metrics}
    return {
        name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)
    }


def calibration(rows: pl.DataFrame) -> pl.DataFrame:
    """Mean prediction against mean outcome in ten groups of about equal size, equal scores in one group.

    Columns predicted, actual (Float64) and rows, in the order of the prediction.
    """
    group = (
        ((pl.col(SCORE).rank("average") - 0.5) / pl.len() * _BINS).floor().clip(0, _BINS - 1).cast(pl.Int32)
    )
    return (
        rows.group_by(group.alias("bin"))
        .agg(
            pl.col(SCORE).cast(pl.Float64).mean().alias("predicted"),
            pl.col(TARGET).cast(pl.Float64).mean().alias("actual"),
            pl.len().alias("rows"),
        )
        .sort("bin")
        .drop("bin")
    )


def better(metric: str, left: float, right: float) -> bool:
    """True if ``left`` is strictly better than ``right``."""
    return left > right if METRICS[metric] else left < right


def shortfall(metric: str, value: float, reference: float) -> float:
    """Difference by which ``value`` is worse than ``reference``, in its own unit; negative where it is better."""
    return reference - value if METRICS[metric] else value - reference
