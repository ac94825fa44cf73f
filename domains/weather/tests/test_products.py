"""Weather's products: readings in UTC with the moment they were known, forecasts with the hour they are about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from domains.weather.features import visibility_features
from domains.weather.products import observations, visibility_forecast
from mesh_pipelines.testing import assert_promise_kept

ReadSource = Callable[[str, str], pl.LazyFrame]
CONTRACTS = Path(__file__).parents[1] / "contracts"


def test_readings_are_what_their_contract_says(january: pl.DataFrame):
    """Columns, their order and their types are the contract's, on real data."""
    assert_promise_kept(january.lazy(), CONTRACTS / "observations.odcs.yaml")


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
