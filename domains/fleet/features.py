"""Features of an aircraft at the end of a day, for the hours that it will fly on the next."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from mesh_pipelines import angle_of_year, feature_set, latest_as_of, totals_as_of, values_at

WINDOWS_D = (3, 7, 14, 28)
IN_SERVICE = timedelta(days=7)
"""An aircraft without a planned departure from New York for longer than this is not forecast."""


@feature_set(key=("tailnum", "day"), time="day")
def flying_features(utilisation: pl.LazyFrame, aircraft: pl.LazyFrame) -> pl.LazyFrame:
    """One row per aircraft and day, days without a flight included, as long as it was seen in the last 7 days.

    ``next_day_air_hours`` is the target, null on the last day of the data. The return of an aircraft is not
    known in advance either: rows end 7 days after it was last seen, not on the day.

    Args:
        utilisation: the product, one row per ``tailnum`` and ``day`` with a planned departure.
        aircraft: the register, one row per ``tailnum``.
    """
    worked = utilisation.select(
        "tailnum",
        "day",
        "flights",
        "cancelled",
        # Whole minutes add up to the same bits in any order.
        air_minutes=(pl.col("air_hours") * 60).round().cast(pl.Int64),
    )
    register = aircraft.select("tailnum", "maker", "built_year", "seats", "engines")
    return (
        _with_history(_every_day(worked), worked)
        .with_columns(
            weekday=pl.col("day").dt.weekday().cast(pl.Int32),
            week_of_year_sin=angle_of_year(pl.col("day")).sin(),
        )
        .join(register, on="tailnum", how="left")
        .sort("tailnum", "day")
    )


def _every_day(worked: pl.LazyFrame) -> pl.LazyFrame:
    """One row per aircraft and day, from its ``first`` day to the last of the data."""
    calendar = worked.select(day=pl.date_range(pl.col("day").min(), pl.col("day").max(), "1d", closed="both"))
    return (
        worked.group_by("tailnum")
        .agg(first=pl.col("day").min())
        .join_where(calendar, pl.col("day") >= pl.col("first"))
        .join(worked, on=["tailnum", "day"], how="left")
        .with_columns(pl.col("flights", "cancelled", "air_minutes").fill_null(0))
    )


def _with_history(days: pl.LazyFrame, worked: pl.LazyFrame) -> pl.LazyFrame:
    """Days on which an aircraft is in service, with the hours of the day, the days before it and the one after."""
    planned = worked.select("tailnum", "day", planned_on="day")
    rows = latest_as_of(days, planned, when="day", at="day", by="tailnum").with_columns(
        days_seen=((pl.col("day") - pl.col("first")).dt.total_days() + 1).cast(pl.Int32),
        days_since_planned=(pl.col("day") - pl.col("planned_on")).dt.total_days(),
    )
    rows = totals_as_of(
        rows.filter(pl.col("days_since_planned") <= IN_SERVICE.days),
        worked,
        when="day",
        at="day",
        figures={"minutes": pl.col("air_minutes"), "flown": pl.col("air_minutes") > 0},
        windows={"tailnum": {f"{window}d": timedelta(days=window) for window in WINDOWS_D}},
    )
    for name, days_on in {"air_hours_1d_ago": -1, "air_hours_6d_ago": -6, "next_day_air_hours": 1}.items():
        hours = days.select("tailnum", "day", (pl.col("air_minutes") / 60).alias(name))
        rows = values_at(rows, hours, when="day", at="day", by="tailnum", offset=timedelta(days=days_on))
    return rows.select(
        *("tailnum", "day", "flights", "cancelled", "days_seen", "days_since_planned"),
        (pl.col("air_minutes") / 60).alias("air_hours"),
        *("air_hours_1d_ago", "air_hours_6d_ago"),
        *((_mean("minutes", window) / 60).alias(f"air_hours_per_day_{window}d") for window in WINDOWS_D),
        *(_mean("flown", window).alias(f"share_of_days_flown_{window}d") for window in WINDOWS_D),
        "next_day_air_hours",
    )


def _mean(figure: str, window: int) -> pl.Expr:
    """Mean per day over a window that ends with the row's day, shorter for an aircraft that is new."""
    return pl.col(f"{window}d_{figure}") / pl.min_horizontal(pl.lit(window), "days_seen")
