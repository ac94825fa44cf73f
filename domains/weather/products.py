"""Weather's data products: the hourly readings, and the low visibility to expect."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from mesh_pipelines import data_product, predictions, provenance

TIMEZONE = "America/New_York"

PUBLISHED_AFTER = timedelta(minutes=20)
"""A reading of hour H is published this long after H at the latest; it may not be used before."""

HORIZON = timedelta(hours=3)
"""Forecast horizon of visibility, counted from the reading."""


@data_product
def observations(observations_raw: pl.LazyFrame) -> pl.LazyFrame:
    """One row per airport and hour, in UTC; units are in the columns' names, a missing reading is null.

    Args:
        observations_raw: readings as landed; ``time_hour`` is the hour in UTC, the other time columns are local.
    """
    observed_at = pl.col("time_hour")
    return observations_raw.select(
        month=observed_at.dt.convert_time_zone(TIMEZONE).dt.strftime("%Y-%m"),
        origin="origin",
        observed_at=observed_at,
        available_at=observed_at + PUBLISHED_AFTER,
        temperature_f="temp",
        dew_point_f="dewp",
        humidity_pct="humid",
        wind_direction_deg="wind_dir",
        wind_speed_mph="wind_speed",
        wind_gust_mph="wind_gust",
        precipitation_in="precip",
        pressure_hpa="pressure",
        visibility_mi="visib",
        **provenance(observations_raw),
    )


@predictions(model="low_visibility", history="walk_forward")
def visibility_forecast(scores: pl.LazyFrame) -> pl.LazyFrame:
    """One row per airport and hour: the probability that visibility is under 3 miles three hours after the reading.

    Args:
        scores: ``visibility_features`` with ``score`` and ``model_version``.
    """
    return scores.select(
        month=pl.col("observed_at").dt.convert_time_zone(TIMEZONE).dt.strftime("%Y-%m"),
        origin="origin",
        issued_at="issued_at",
        valid_at=pl.col("observed_at") + HORIZON,
        probability="score",
        model_version="model_version",
    )
