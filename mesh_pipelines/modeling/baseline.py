"""The naive prediction that a model must beat: the mean of past outcomes, by group."""

from __future__ import annotations

import polars as pl

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.errors import TransformError

#: Rows of the overall mean that a group's own history is mixed with.
SHRINKAGE = 20.0


def baseline_scores(spec: ModelSpec, train: pl.LazyFrame, holdout: pl.LazyFrame) -> pl.Series:
    """Naive predictions (Float64, no nulls) for the holdout, in its order, from the training rows alone.

    A group's mean is shrunk to the overall mean as (sum + k * mean) / (n + k), k = 20; an unseen group gets the
    overall mean (m-estimate: Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes
    in classification and prediction problems", SIGKDD Explorations 3(1), 2001).

    Raises TransformError: a baseline function of the domain returned something else.
    """
    if callable(spec.baseline):
        return _check_scores(spec, spec.baseline(train, holdout), holdout)
    truth = pl.col(spec.target).cast(pl.Float64)
    mean = float(train.select(truth.mean()).collect(engine="streaming").item())
    groups = list(spec.baseline)
    if not groups:
        rows = holdout.select(pl.len()).collect(engine="streaming").item()
        return pl.Series([mean]).new_from_index(0, rows)
    shrunk = (truth.sum() + SHRINKAGE * mean) / (pl.len() + SHRINKAGE)
    history = train.group_by(groups).agg(shrunk.alias("_prediction"))
    return (
        holdout.select(groups)
        .join(history, on=groups, how="left", nulls_equal=True, maintain_order="left")
        .select(pl.col("_prediction").fill_null(mean))
        .collect()
        .to_series()
    )


def _check_scores(spec: ModelSpec, scores: object, holdout: pl.LazyFrame) -> pl.Series:
    rows = holdout.select(pl.len()).collect(engine="streaming").item()
    if (
        not isinstance(scores, pl.Series)
        or len(scores) != rows
        or not scores.dtype.is_numeric()
        or scores.null_count()
    ):
        got = (
            f"{scores.dtype} of {len(scores)} rows"
            if isinstance(scores, pl.Series)
            else type(scores).__name__
        )
        raise TransformError(
            f"the baseline function gave {got}",
            where=f"model {spec.key}",
            remedy=f"Return a numeric polars Series without nulls, one value for each of {rows} rows.",
        )
    return scores.cast(pl.Float64)
