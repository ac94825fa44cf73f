"""Time splits learning from judging."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.errors import TransformError
from mesh_pipelines.modeling.split import Split, plan_split


def test_the_last_period_is_held_out(spec: ModelSpec, history: pl.DataFrame) -> None:
    """Every holdout row is later than every training row, and none is lost between them."""
    split = plan_split(history.lazy(), spec)
    past = split.train(history.lazy(), "at", "late").collect()
    future = split.holdout(history.lazy(), "at", "late").collect()
    assert past["at"].max() < future["at"].min()  # pyright: ignore
    assert (past.height, future.height) == (split.train_rows, split.holdout_rows)
    assert past.height + future.height == history["late"].count()
    assert future["at"].max() - future["at"].min() <= timedelta(days=30)  # pyright: ignore


def test_embargo_leaves_a_gap(spec: ModelSpec, history: pl.DataFrame) -> None:
    """Rows whose outcome was not known when the holdout began are not learnt from."""
    split = plan_split(history.lazy(), replace(spec, embargo="2d"))
    assert split.holdout_from - split.train_until == timedelta(days=2)  # pyright: ignore
    assert split.train(history.lazy(), "at", "late").collect()["at"].max() <= split.train_until  # pyright: ignore


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_split_survives_json_in_any_zone(
    spec: ModelSpec, history: pl.DataFrame, zone: str | None, unit: str
) -> None:
    """A recorded split selects the same rows again, whatever the zone and unit of the time column."""
    moved = pl.col("at").dt.convert_time_zone(zone) if zone else pl.col("at").dt.replace_time_zone(None)
    frame = history.with_columns(moved.dt.cast_time_unit(unit)).lazy()  # pyright: ignore
    split = plan_split(frame, spec)
    again = Split.from_dict(split.to_dict())
    assert again.train(frame, "at", "late").collect().equals(split.train(frame, "at", "late").collect())
    assert again.holdout(frame, "at", "late").collect().height == split.holdout_rows


def test_dates_split_too(spec: ModelSpec, history: pl.DataFrame) -> None:
    """A feature set by day has a Date."""
    split = plan_split(history.with_columns(pl.col("at").dt.date()).lazy(), replace(spec, holdout="1mo"))
    assert isinstance(split.holdout_from, date)
    assert not isinstance(split.holdout_from, datetime)
    assert Split.from_dict(split.to_dict()) == split


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.lit(True).alias("late"), "nothing to learn"),
        (pl.lit(2).alias("late"), "neither 0 nor 1"),
        (pl.lit(None, dtype=pl.Boolean).alias("late"), "no row has a known late"),
        (pl.lit("no").alias("late"), "target late is String"),
        (pl.col("id").alias("at"), "time column at is Int64"),
        (pl.lit(datetime(2013, 1, 1, tzinfo=UTC)).alias("at"), "all 5,940 rows"),
    ],
)
def test_rows_that_cannot_be_learnt_from(
    spec: ModelSpec, history: pl.DataFrame, change: pl.Expr, message: str
) -> None:
    """Each reason for which nothing can be learnt has its own words."""
    with pytest.raises(TransformError, match=message):
        plan_split(history.with_columns(change).lazy(), spec)
