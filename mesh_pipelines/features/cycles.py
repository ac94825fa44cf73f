"""Cyclic time as an angle: the end of a year is next to its beginning."""

from __future__ import annotations

import math

import polars as pl

DAYS_OF_YEAR = 365.25


def angle_of_year(day: pl.Expr) -> pl.Expr:
    """The angle of a day in the year, in radians; its sine and cosine are features."""
    return day.dt.ordinal_day() * (2 * math.pi / DAYS_OF_YEAR)
