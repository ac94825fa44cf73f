"""What is known about an aircraft at the end of a day, to say how much it will fly on the next."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from mesh_pipelines import feature_set

WINDOWS_D = (3, 7, 14, 28)
IN_SERVICE = timedelta(days=7)
"""An aircraft that has not been planned to leave New York for longer than this is not forecast."""


@feature_set(key=("tailnum", "day"), time="day")
def flying_features(utilisation: pl.LazyFrame, aircraft: pl.LazyFrame) -> pl.LazyFrame:
    """One row per aircraft and day, days without a flight included, as long as it was seen in the last 7 days.

    ``next_day_air_hours`` is the target. It is null on the last day of the data, for its next day is not known yet.
    Whether an aircraft comes back is not known either: rows end 7 days after it was last seen, not on the day.

    Args:
        utilisation: the product, one row per ``tailnum`` and ``day`` with a planned departure.
        aircraft: the register, one row per ``tailnum``.
    """
    days = _every_day(utilisation)
    register = aircraft.select("tailnum", "maker", "built_year", "seats", "engines")
    return (
        _with_history(days)
        .filter(pl.col("days_since_planned") <= IN_SERVICE.days)
        .with_columns(
            weekday=pl.col("day").dt.weekday().cast(pl.Int32),
            week_of_year_sin=(pl.col("day").dt.ordinal_day() * (2 * 3.141592653589793 / 365.25)).sin(),
        )
        .join(register, on="tailnum", how="left")
        .sort("tailnum", "day")
    )


def _every_day(utilisation: pl.LazyFrame) -> pl.LazyFrame:
    """One row per aircraft and day from the first on which it was seen to the last of the data, in that order."""
    calendar = utilisation.select(
        day=pl.date_range(pl.col("day").min(), pl.col("day").max(), "1d", closed="both")
    )
    return (
        utilisation.group_by("tailnum")
        .agg(first=pl.col("day").min())
        .join_where(calendar, pl.col("day") >= pl.col("first"))
        .join(
            utilisation.select(
                "tailnum",
                "day",
                "flights",
                "cancelled",
                # Whole minutes add up to the same bits in any order.
                air_minutes=(pl.col("air_hours") * 60).round().cast(pl.Int64),
                planned_on="day",
            ),
            on=["tailnum", "day"],
            how="left",
        )
        .with_columns(pl.col("flights", "cancelled", "air_minutes").fill_null(0))
        .sort("tailnum", "day")
        .drop("first")
    )


def _with_history(days: pl.LazyFrame) -> pl.LazyFrame:
    """Hours flown over the last days; each aircraft has one row a day, so that rows are days."""
    total = pl.col("air_minutes").cum_sum().over("tailnum")
    flown = (pl.col("air_minutes") > 0).cast(pl.Int64).cum_sum().over("tailnum")
    age = pl.int_range(1, pl.len() + 1).over("tailnum")
    return days.with_columns(_total=total, _flown=flown, days_seen=age.cast(pl.Int32)).select(
        "tailnum",
        "day",
        "flights",
        "cancelled",
        "days_seen",
        days_since_planned=(
            pl.col("day") - pl.col("planned_on").forward_fill().over("tailnum")
        ).dt.total_days(),
        air_hours=pl.col("air_minutes") / 60,
        **{f"air_hours_{lag}d_ago": pl.col("air_minutes").shift(lag).over("tailnum") / 60 for lag in (1, 6)},
        **{f"air_hours_per_day_{window}d": _mean("_total", window) / 60 for window in WINDOWS_D},
        **{f"share_of_days_flown_{window}d": _mean("_flown", window) for window in WINDOWS_D},
        next_day_air_hours=pl.col("air_minutes").shift(-1).over("tailnum") / 60,
    )


def _mean(total: str, window: int) -> pl.Expr:
    """Mean per day over a window that ends with the row's day, shorter for an aircraft that is new."""
    before = pl.col(total).shift(window).over("tailnum").fill_null(0)
    return (pl.col(total) - before) / pl.min_horizontal(pl.lit(window), "days_seen")
