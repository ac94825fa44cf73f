"""Operations' products: one moment for each departure, whatever clocks and calendars do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from domains.operations.products import delay_forecast, departures
from mesh_pipelines.testing import assert_promise_kept

ReadSource = Callable[[str, str], pl.LazyFrame]
CONTRACTS = Path(__file__).parents[1] / "contracts"


@pytest.fixture(scope="module")
def raw(read_source: ReadSource) -> pl.DataFrame:
    """January as it landed."""
    return read_source("operations.departures_raw", "departures-2013-01.csv").collect()


@pytest.fixture(scope="module")
def made(raw: pl.DataFrame) -> pl.DataFrame:
    """January as it is published."""
    return departures(raw.lazy()).collect()


def made_of(raw: pl.DataFrame, **wanted: Any) -> dict[str, Any]:
    """The product's row of the first raw row with these values."""
    return departures(raw.filter(**wanted).head(1).lazy()).collect().row(0, named=True)


def test_departures_are_what_their_contract_says(made: pl.DataFrame):
    """Columns, their order and their types are the contract's, on real data."""
    assert_promise_kept(made.lazy(), CONTRACTS / "departures.odcs.yaml")


def test_times_are_utc_and_delays_are_minutes(made: pl.DataFrame):
    """The first row of the file: planned for 05:15 in New York, which is 10:15 UTC, it left two minutes late."""
    row = made.row(0, named=True)

    assert row["scheduled_departure"] == datetime(2013, 1, 1, 10, 15, tzinfo=UTC)
    assert row["departed_at"] == datetime(2013, 1, 1, 10, 17, tzinfo=UTC)
    assert (row["departure_delay_min"], row["arrival_delay_min"], row["air_time_min"]) == (2, 11, 227)
    assert (row["carrier"], row["flight"], row["tailnum"], row["local_day"]) == (
        "UA",
        1545,
        "N14228",
        date(2013, 1, 1),
    )


def test_delay_and_clock_say_the_same(raw: pl.DataFrame, made: pl.DataFrame):
    """For every departure the local clock time of the file follows from schedule and delay; midnight is 24:00 there."""
    local = made["departed_at"].dt.convert_time_zone("America/New_York")
    clock = local.dt.hour().cast(pl.Int32) * 100 + local.dt.minute()

    assert (clock == raw["dep_time"] % 2400).drop_nulls().all()
    assert clock.null_count() == raw["dep_time"].null_count()


def test_a_departure_at_midnight_is_of_the_next_day(read_source: ReadSource):
    """24:00 is the first minute of the next day; the flight stays with the day and month that it was planned for."""
    row = made_of(read_source("operations.departures_raw", "departures-2013-11.csv").collect(), dep_time=2400)

    assert row["departed_at"].time() == time(5, 0)  # midnight in New York, in winter
    assert row["departed_at"].date() == row["local_day"] + timedelta(days=1)


@pytest.mark.parametrize(
    ("file", "day", "hour"),
    [("2013-03", 9, 10), ("2013-03", 10, 9), ("2013-11", 2, 9), ("2013-11", 3, 10)],
)
def test_clocks_change_and_schedules_do_not(read_source: ReadSource, file: str, day: int, hour: int):
    """A flight at five in the morning leaves at 10:00 UTC in winter and at 09:00 in summer, from the very day on."""
    raw = read_source("operations.departures_raw", f"departures-{file}.csv")

    early = departures(raw.filter(day=day, hour=5)).collect()

    assert early.height > 0
    assert early["scheduled_departure"].dt.hour().unique().to_list() == [hour]


def test_a_cancelled_flight_has_a_plan_and_nothing_else(made: pl.DataFrame):
    """It has neither time nor delay; without an aircraft assigned it is still a row."""
    cancelled = made.filter("cancelled")

    assert cancelled.height == 521
    assert cancelled.select(
        "departed_at", "departure_delay_min", "arrival_delay_min", "air_time_min"
    ).null_count().row(0) == (521, 521, 521, 521)
    assert not cancelled["diverted"].any()
    assert 0 < cancelled["tailnum"].null_count() < 521


def test_a_diverted_flight_left_and_was_not_cancelled(made: pl.DataFrame):
    """It departed, but has no arrival delay."""
    diverted = made.filter("diverted")

    assert diverted.height > 0
    assert diverted["departed_at"].null_count() == 0
    assert diverted["arrival_delay_min"].null_count() == diverted.height


def test_every_departure_belongs_to_the_month_of_its_file(made: pl.DataFrame):
    """The last evening of January in New York is February in UTC, and January's partition all the same."""
    assert made.filter(pl.col("scheduled_departure") >= datetime(2013, 2, 1, tzinfo=UTC)).height > 0
    assert made["month"].unique().to_list() == ["2013-01"]


def test_where_a_row_came_from_is_handed_on(raw: pl.DataFrame):
    """File and row of the source stay with a row, for the quarantine."""
    given = raw.head(2).with_columns(_file=pl.lit("a.csv"), _row=pl.Series([1, 2]))

    assert departures(given.lazy()).select("_file", "_row").collect().rows() == [("a.csv", 1), ("a.csv", 2)]


def test_a_forecast_keeps_the_key_and_the_moment():
    """One row per scored departure, in the month of its schedule in New York."""
    planned = datetime(2013, 2, 1, 4, 30, tzinfo=UTC)
    scores = pl.LazyFrame(
        {
            "scheduled_departure": [planned],
            "predicted_at": [planned - timedelta(hours=2)],
            "origin": ["JFK"],
            "carrier": ["B6"],
            "flight": [1],
            "dest": ["SJU"],
            "score": [0.5],
            "model_version": ["1"],
            "anything_else": [0],
        }
    )

    row = delay_forecast(scores).collect().row(0, named=True)

    assert (row["month"], row["issued_at"].hour, row["probability"]) == ("2013-01", 2, 0.5)
    assert "anything_else" not in row
