"""The naive prediction comes from the past alone."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.errors import TransformError
from mesh_pipelines.modeling.baseline import SHRINKAGE, baseline_scores


def test_groups_shrink_to_the_mean(spec: ModelSpec) -> None:
    """A group's rate is mixed with the overall one; a group never seen gets the overall one; order is kept."""
    past = pl.LazyFrame({"port": ["EWR"] * 60 + ["JFK"] * 40, "late": [True] * 60 + [False] * 40})
    future = pl.LazyFrame({"port": ["JFK", "ZZZ", "EWR", None]})
    scores = baseline_scores(replace(spec, baseline=("port",)), past, future)
    expected = [SHRINKAGE * 0.6 / (40 + SHRINKAGE), 0.6, (60 + SHRINKAGE * 0.6) / (60 + SHRINKAGE), 0.6]
    assert scores.to_list() == pytest.approx(expected)


def test_a_function_of_ones_own(spec: ModelSpec, history: pl.DataFrame) -> None:
    """A domain's function is used as it is, and refused where it does not give one number a row."""

    def hourly(past: pl.LazyFrame, future: pl.LazyFrame) -> pl.Series:
        return future.select(pl.col("hour") / 24).collect().to_series()

    def short(past: pl.LazyFrame, future: pl.LazyFrame) -> pl.Series:
        return pl.Series([0.5])

    scores = baseline_scores(replace(spec, baseline=hourly), history.lazy(), history.lazy())
    assert scores.to_list() == (history["hour"] / 24).to_list()
    with pytest.raises(TransformError, match="Float64 of 1 rows"):
        baseline_scores(replace(spec, baseline=short), history.lazy(), history.lazy())
