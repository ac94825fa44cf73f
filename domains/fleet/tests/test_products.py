"""Fleet's products: aircraft without private names, their days of work, forecasts that are never negative."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from domains.fleet.products import aircraft, flying_hours_forecast
from mesh_pipelines.testing import assert_promise_kept

ReadSource = Callable[[str, str], pl.LazyFrame]
CONTRACTS = Path(__file__).parents[1] / "contracts"


def test_products_are_what_their_contracts_say(read_source: ReadSource, worked: pl.DataFrame):
    """Columns, their order and their types are the contract's, on real data."""
    register = aircraft(read_source("fleet.aircraft_raw", "aircraft.csv"))

    assert_promise_kept(register, CONTRACTS / "aircraft.odcs.yaml")
    assert_promise_kept(worked.lazy(), CONTRACTS / "utilisation.odcs.yaml")


def test_only_large_makers_are_named(read_source: ReadSource):
    """The public maker is one of a few groups: who built an aircraft at home stays confidential."""
    register = aircraft(read_source("fleet.aircraft_raw", "aircraft.csv")).collect()

    groups = dict(register.select("manufacturer", "maker").unique().iter_rows())

    assert groups["AIRBUS INDUSTRIE"] == groups["AIRBUS"] == "AIRBUS"
    assert groups["MCDONNELL DOUGLAS AIRCRAFT CO"] == "MCDONNELL DOUGLAS"
    assert groups["LAMBERT RICHARD"] == groups["CESSNA"] == "OTHER"


def test_a_day_of_an_aircraft_adds_up(left: pl.DataFrame, worked: pl.DataFrame):
    """Flights, cancellations and hours are those of the departures, in hours, not minutes."""
    mine = left.filter(tailnum="N725MQ", local_day=date(2013, 1, 7))
    row = worked.filter(tailnum="N725MQ", day=date(2013, 1, 7)).row(0, named=True)

    assert mine.height == row["flights"] + row["cancelled"] > 1
    assert row["air_hours"] == pytest.approx(mine["air_time_min"].sum() / 60)
    assert row["distance_mi"] == mine.filter(~pl.col("cancelled"))["distance_mi"].sum()


def test_flights_without_an_aircraft_belong_to_nobody(left: pl.DataFrame, worked: pl.DataFrame):
    """A missing registration makes no row; every other flight is counted once."""
    assert left["tailnum"].null_count() > 0
    assert worked["tailnum"].null_count() == 0
    assert (
        worked["flights"].sum() == left.filter(~pl.col("cancelled"), pl.col("tailnum").is_not_null()).height
    )
    assert (
        worked["cancelled"].sum() == left.filter(pl.col("cancelled"), pl.col("tailnum").is_not_null()).height
    )


def test_a_cancelled_day_is_a_day_of_no_hours(worked: pl.DataFrame):
    """An aircraft whose only flight was cancelled has a row with no flight and no hours, not none and not null."""
    idle = worked.filter(pl.col("flights") == 0)

    assert idle.height > 0
    assert idle["air_hours"].unique().to_list() == [0.0]


def test_a_forecast_is_for_tomorrow_and_never_negative():
    """The score of a day is the next day's hours; below zero is zero."""
    scores = pl.LazyFrame(
        {
            "tailnum": ["N1", "N2"],
            "day": [date(2013, 1, 31)] * 2,
            "score": [-0.2, 3.5],
            "model_version": ["4", "4"],
        }
    )

    made = flying_hours_forecast(scores).collect()

    assert made["forecast_day"].to_list() == [date(2013, 2, 1)] * 2
    assert made["air_hours"].to_list() == [0.0, 3.5]
