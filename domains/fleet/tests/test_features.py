"""Fleet's features: days without a gap, what tomorrow may bring, and nothing of it known today."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from domains.fleet.features import flying_features

REGISTER = pl.LazyFrame(
    {"tailnum": ["N1"], "maker": ["BOEING"], "built_year": [1999], "seats": [149], "engines": [2]},
    schema_overrides={"built_year": pl.Int32, "seats": pl.Int32, "engines": pl.Int32},
)


def test_days_without_a_flight_are_days_too():
    """An aircraft's days have no gap; it is left out once it has not been seen for a week."""
    made = _features({1: 4.0, 3: 2.0, 25: 1.0}).filter(pl.col("tailnum") == "N1")

    assert made["day"].dt.day().to_list() == [*range(1, 11), 25, 26, 27, 28]
    assert made["next_day_air_hours"].to_list()[:3] == [0.0, 2.0, 0.0]
    assert made["air_hours_per_day_3d"].to_list()[:4] == [4.0, 2.0, 2.0, pytest.approx(2 / 3)]


def test_nobody_knows_the_day_after_the_last():
    """On the last day of the data the target is null: such a row is scored, not trained on."""
    made = _features({1: 4.0, 3: 2.0, 25: 1.0})

    assert made.filter(pl.col("next_day_air_hours").is_null())["day"].unique().to_list() == [
        date(2013, 1, 28)
    ]


def test_nothing_of_the_future_is_in_the_features(worked: pl.DataFrame):
    """Whatever an aircraft does after a day, or whether it is seen again at all, that day's features stay."""
    now = date(2013, 1, 20)
    later = pl.col("day") > now
    truth = _until(worked, now)

    assert_frame_equal(_until(worked.filter(~later), now), truth)
    other = worked.with_columns(
        pl.when(later).then(9.9).otherwise("air_hours").alias("air_hours"),
        pl.when(later).then(pl.lit(7, dtype=pl.Int32)).otherwise("flights").alias("flights"),
    )
    assert_frame_equal(_until(other, now), truth)


def test_what_was_flown_is_in_the_features(worked: pl.DataFrame):
    """The counterpart: other hours on the day itself, or 20 days before, make other features."""
    now = date(2013, 1, 25)
    for days in (0, 20):
        then = pl.col("day") == now - timedelta(days=days)
        other = worked.with_columns(pl.when(then).then(9.9).otherwise("air_hours").alias("air_hours"))

        at = pl.col("day") == now
        assert not _until(other, now).filter(at).equals(_until(worked, now).filter(at))


def _features(hours: dict[int, float]) -> pl.DataFrame:
    """Features of N1 with these hours by day of January; another aircraft flies until the 28th."""
    rows: list[dict[str, Any]] = [
        {"tailnum": "N1", "day": date(2013, 1, day), "air_hours": h} for day, h in hours.items()
    ]
    rows += [{"tailnum": "N2", "day": date(2013, 1, day), "air_hours": 1.0} for day in range(1, 29)]
    flown = pl.LazyFrame(rows).with_columns(
        flights=pl.lit(1, dtype=pl.Int32), cancelled=pl.lit(0, dtype=pl.Int32)
    )
    return flying_features(flown, REGISTER).collect()


def _until(worked: pl.DataFrame, now: date) -> pl.DataFrame:
    made = flying_features(worked.lazy(), REGISTER)
    return made.filter(pl.col("day") <= now).drop("next_day_air_hours").collect()
