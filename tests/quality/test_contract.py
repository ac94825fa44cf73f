"""A contract is read whole from one file."""

from __future__ import annotations

import pickle
from datetime import date, timedelta

import polars as pl
import pytest

from quality.contract import Contract, Partition, next_partition


def test_a_contract_says_everything_about_its_product(flights: Contract) -> None:
    """Columns, types, key, partition, owners, service levels and agreements come from the one file."""
    assert (flights.domain, flights.name, flights.version) == ("aviation", "flights", "1.0.0")
    assert flights.key == ("carrier", "flight", "scheduled_at")
    assert flights.dtypes["flight"] == pl.Int32
    assert flights.dtypes["scheduled_at"] == pl.Datetime("us", "UTC")
    assert flights.classification["passenger"] == "restricted"
    assert flights.partition == Partition("month", "month", "2013-01")
    assert flights.tolerance == pytest.approx(0.1)
    assert flights.missing == ("NA",)
    assert flights.members == ("owner@example.org",)
    assert flights.sla.retention == timedelta(days=5 * 365)
    assert (flights.sla.cron, flights.sla.timezone) == ("0 6 * * *", "America/New_York")
    assert flights.agreements[0].until == date(2030, 12, 31)
    assert flights.column("delay").sources == ("aviation.flights_raw.dep_delay",)


def test_a_contract_survives_the_way_to_another_process(flights: Contract) -> None:
    """Step processes get contracts by pickle."""
    assert pickle.loads(pickle.dumps(flights)) == flights


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("2013", "2014"),
        ("2013-01", "2013-02"),
        ("2013-12", "2014-01"),
        ("2012-02-28", "2012-02-29"),
        ("2013-02-28", "2013-03-01"),
        ("2013-12-31", "2014-01-01"),
    ],
)
def test_partitions_follow_one_another_as_on_the_calendar(name: str, after: str) -> None:
    """Over the end of a year, and over the end of February."""
    assert next_partition(name) == after


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("2013-01", True),
        ("2013-12", True),
        ("2012-12", False),
        ("2014-01", False),
        ("2013", False),
        ("2013-05-01", False),
        ("2013-10", True),
        ("2013-00", False),
        ("2013-1x", False),
        ("2013-0\u0661", False),
        ("", False),
    ],
)
def test_a_partition_is_held_from_the_first_to_the_last(name: str, held: bool) -> None:
    """Both included; a day of a month is none of its months."""
    assert Partition("month", "month", "2013-01", "2013-12").holds(name) == held


def test_partitions_without_an_end_hold_all_later_ones() -> None:
    """Their words say so."""
    endless, single = Partition(None, "year", "2013"), Partition(None, "year", "2013", "2013")
    assert endless.holds("9999")
    assert (endless.span, single.span) == ("2013 and later", "2013 to 2013")
