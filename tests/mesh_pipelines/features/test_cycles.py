"""The end of a year is next to its beginning."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import polars as pl
import pytest

from mesh_pipelines import angle_of_year


def test_the_angle_is_that_of_the_days_share_of_the_year() -> None:
    """Day 1 is a first step, day 365 is nearly the whole circle."""
    days = pl.DataFrame({"day": [date(2013, 1, 1), date(2013, 7, 2), date(2013, 12, 31)]})

    angles = days.select(angle_of_year(pl.col("day"))).to_series().to_list()

    assert angles == pytest.approx([2 * math.pi * n / 365.25 for n in (1, 183, 365)])


def test_a_time_counts_as_a_day_of_its_zone() -> None:
    """Late on the last of December in New York is not yet the first of January."""
    times = pl.DataFrame({"at": [datetime(2014, 1, 1, 3, tzinfo=UTC)]})
    local = pl.col("at").dt.convert_time_zone("America/New_York")

    angles = times.select(utc=angle_of_year(pl.col("at")), local=angle_of_year(local)).row(0)

    assert angles == pytest.approx((2 * math.pi / 365.25, 2 * math.pi * 365 / 365.25))
