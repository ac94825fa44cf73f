"""Weather: readings in UTC, the moment they were known, and features without a look ahead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from domains.weather.features import visibility_features
from domains.weather.products import observations, visibility_forecast

ReadSource = Callable[[str, str], pl.LazyFrame]


@pytest.fixture(scope="module")
def january(read_source: ReadSource) -> pl.DataFrame:
    """The readings of January."""
    return observations(read_source("weather.observations_raw", "observations-2013-01.csv")).collect()


def test_a_reading_keeps_its_values_and_gets_its_moment(january: pl.DataFrame):
    """The first row of the file: midnight plus one in New York is 06:00 UTC, known 20 minutes later."""
    row = january.row(0, named=True)

    assert row["observed_at"] == datetime(2013, 1, 1, 6, tzinfo=UTC)
    assert row["available_at"] == datetime(2013, 1, 1, 6, 20, tzinfo=UTC)
    assert (row["origin"], row["temperature_f"], row["visibility_mi"], row["wind_gust_mph"]) == (
        "EWR",
        39.02,
        10,
        None,
    )


@pytest.mark.parametrize(("file", "hours"), [("2013-03", 23), ("2013-11", 24)])
def test_days_on_which_clocks_change(read_source: ReadSource, file: str, hours: int):
    """The day has an hour less or more, and each is one moment in UTC; of the 25 hours in November one was not read."""
    readings = observations(read_source("weather.observations_raw", f"observations-{file}.csv")).collect()
    local = pl.col("observed_at").dt.convert_time_zone("America/New_York")
    day = 10 if file == "2013-03" else 3

    changed = readings.filter(local.dt.day() == day, pl.col("origin") == "JFK").sort("observed_at")

    assert changed.height == changed["observed_at"].n_unique() == hours
    assert set(changed["observed_at"].diff().drop_nulls()) == {timedelta(hours=1)}


def test_every_reading_belongs_to_the_month_of_its_file(january: pl.DataFrame):
    """The last hours of January in New York are February in UTC, and January's partition all the same."""
    late = january.filter(pl.col("observed_at") >= datetime(2013, 2, 1, tzinfo=UTC))

    assert late.height > 0
    assert january["month"].unique().to_list() == ["2013-01"]


def test_where_a_row_came_from_is_handed_on(read_source: ReadSource):
    """File and row of the source stay with a row, for the quarantine."""
    raw = read_source("weather.observations_raw", "observations-2013-01.csv").head(1)

    made = observations(raw.with_columns(_file=pl.lit("a.csv"), _row=pl.lit(1, dtype=pl.Int64))).collect()

    assert made.select("_file", "_row").rows() == [("a.csv", 1)]


def test_the_target_is_the_reading_three_hours_later(january: pl.DataFrame):
    """Under 3 miles is low, 3 is not; without a reading three hours later there is no target."""
    known = {(o, t): v for o, t, v in january.select("origin", "observed_at", "visibility_mi").iter_rows()}

    made = visibility_features(january.lazy()).collect()

    for origin, at, low in made.select("origin", "observed_at", "low_visibility").iter_rows():
        later = known.get((origin, at + timedelta(hours=3)))
        assert low == (None if later is None else later < 3)
    assert made["low_visibility"].null_count() > 0
    assert made.height == january.height


def test_a_trend_needs_the_very_hour(january: pl.DataFrame):
    """A change over three hours is null where the reading three hours before is missing, not taken from elsewhere."""
    at = datetime(2013, 1, 10, 12, tzinfo=UTC)
    holed = january.filter((pl.col("observed_at") != at - timedelta(hours=3)) | (pl.col("origin") != "LGA"))

    row = visibility_features(holed.lazy()).filter(observed_at=at, origin="LGA").collect()

    assert row["pressure_hpa_change_3h"].item() is None
    assert row["pressure_hpa_change_1h"].item() is not None


def test_nothing_of_the_future_is_in_the_features(january: pl.DataFrame):
    """Whatever is read after a moment, or is not, features up to that moment stay as they are."""
    now = datetime(2013, 1, 14, 12, tzinfo=UTC)
    later = pl.col("observed_at") > now
    truth = _until(january, now)
    readings = [name for name, dtype in january.schema.items() if dtype == pl.Float64]

    assert_frame_equal(_until(january.filter(~later), now), truth)
    assert_frame_equal(
        _until(
            january.with_columns(pl.when(later).then(pl.col(readings) * -3 + 1).otherwise(pl.col(readings))),
            now,
        ),
        truth,
    )


@pytest.mark.parametrize("hours", [0, 1, 3, 6])
def test_what_was_read_is_in_the_features(january: pl.DataFrame, hours: int):
    """The counterpart: another reading now, or 1, 3 or 6 hours ago, makes other features."""
    now = datetime(2013, 1, 14, 12, tzinfo=UTC)
    then = pl.col("observed_at") == now - timedelta(hours=hours)

    other = january.with_columns(
        pl.when(then).then(0.7).otherwise(pl.col("visibility_mi")).alias("visibility_mi")
    )

    at = pl.col("observed_at") == now
    assert not _until(other, now).filter(at).equals(_until(january, now).filter(at))


def test_a_forecast_says_which_hour_it_is_about(january: pl.DataFrame):
    """Valid three hours after the reading, issued when the reading was known."""
    scores = visibility_features(january.lazy()).with_columns(score=pl.lit(0.25), model_version=pl.lit("3"))

    row = visibility_forecast(scores).sort("issued_at", "origin").head(1).collect().row(0, named=True)

    assert row == {
        "month": "2013-01",
        "origin": "EWR",
        "issued_at": datetime(2013, 1, 1, 6, 20, tzinfo=UTC),
        "valid_at": datetime(2013, 1, 1, 9, tzinfo=UTC),
        "probability": 0.25,
        "model_version": "3",
    }


def _until(readings: pl.DataFrame, now: datetime) -> pl.DataFrame:
    return (
        visibility_features(readings.lazy())
        .filter(pl.col("observed_at") <= now)
        .drop("low_visibility")
        .collect()
    )
