"""Features of an airport's weather when a forecast is issued."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from mesh_pipelines import angle_of_year, feature_set, totals_as_of, values_at

from .products import HORIZON, TIMEZONE

LOW_VISIBILITY_MI = 3.0
LAGS_H = (1, 3, 6)
CURRENT = (
    "temperature_f",
    "dew_point_f",
    "humidity_pct",
    "wind_speed_mph",
    "precipitation_in",
    "pressure_hpa",
    "visibility_mi",
)
DAY = timedelta(hours=24)
TRENDS = ("spread_f", "pressure_hpa", "visibility_mi", "wind_speed_mph")


@feature_set(key=("origin", "observed_at"), time="issued_at")
def visibility_features(observations: pl.LazyFrame) -> pl.LazyFrame:
    """One row per airport and hour: the reading, its trend over six hours, the day before, and the other airports.

    ``low_visibility`` is the target: visibility under 3 miles three hours after the reading. It is null where that
    reading does not exist, or not yet: such a row is scored, not trained on.

    Args:
        observations: the product, one row per ``origin`` and ``observed_at``.
    """
    readings = observations.select(
        "origin",
        "observed_at",
        *CURRENT,
        "wind_gust_mph",
        issued_at="available_at",
        spread_f=pl.col("temperature_f") - pl.col("dew_point_f"),
        # A direction is an angle: 350 and 10 degrees are neighbours.
        wind_north=pl.col("wind_direction_deg").cast(pl.Float64).radians().cos(),
        wind_east=pl.col("wind_direction_deg").cast(pl.Float64).radians().sin(),
    )
    outcomes = readings.select(
        "origin", "observed_at", low_visibility=pl.col("visibility_mi") < LOW_VISIBILITY_MI
    )
    rows = _with_day_before(_with_trends(readings)).join(
        _elsewhere(readings), on=["origin", "observed_at"], how="left"
    )
    return (
        values_at(rows, outcomes, when="observed_at", at="observed_at", by="origin", offset=HORIZON)
        .with_columns(
            hour=_local().dt.hour().cast(pl.Int32),
            day_of_year_sin=angle_of_year(_local()).sin(),
            day_of_year_cos=angle_of_year(_local()).cos(),
        )
        .sort("origin", "observed_at")
    )


def _local() -> pl.Expr:
    return pl.col("observed_at").dt.convert_time_zone(TIMEZONE)


def _with_trends(readings: pl.LazyFrame) -> pl.LazyFrame:
    """Change of each reading against the one exactly ``LAGS_H`` hours before; null where that hour is missing."""
    before = readings.select(
        "origin", "observed_at", *(pl.col(name).alias(f"{name}_before") for name in TRENDS)
    )
    rows = readings
    for hours in LAGS_H:
        rows = values_at(
            rows, before, when="observed_at", at="observed_at", by="origin", offset=-timedelta(hours=hours)
        )
        rows = rows.with_columns(
            (pl.col(name) - pl.col(f"{name}_before")).alias(f"{name}_change_{hours}h") for name in TRENDS
        ).drop(f"{name}_before" for name in TRENDS)
    return rows


def _with_day_before(readings: pl.LazyFrame) -> pl.LazyFrame:
    """Number of readings of low visibility in the 24 hours up to each reading: fog comes back."""
    figures = {"low_visibility_hours": (pl.col("visibility_mi") < LOW_VISIBILITY_MI).fill_null(False)}
    rows = totals_as_of(
        readings,
        readings,
        when="issued_at",
        at="issued_at",
        figures=figures,
        windows={"origin": {"day": DAY}},
    )
    return rows.with_columns(pl.col("day_low_visibility_hours").cast(pl.Int32))


def _elsewhere(readings: pl.LazyFrame) -> pl.LazyFrame:
    """The worst readings of the other airports in the same hour: fog comes from somewhere."""
    other = readings.select(
        "observed_at",
        elsewhere="origin",
        visibility="visibility_mi",
        spread="spread_f",
    )
    return (
        readings.select("origin", "observed_at")
        .join(other, on="observed_at")
        .filter(pl.col("origin") != pl.col("elsewhere"))
        .group_by("origin", "observed_at")
        .agg(
            visibility_elsewhere_mi=pl.col("visibility").min(),
            spread_elsewhere_f=pl.col("spread").min(),
        )
    )
