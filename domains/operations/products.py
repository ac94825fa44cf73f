"""Operations' data products: every scheduled departure, and the delay to expect."""

from __future__ import annotations

import polars as pl

from mesh_pipelines import data_product, predictions, provenance

TIMEZONE = "America/New_York"


@data_product
def departures(departures_raw: pl.LazyFrame) -> pl.LazyFrame:
    """One row per scheduled departure; times in UTC, delays in minutes, a cancelled flight has neither.

    Clock times such as ``dep_time`` (local, 2400 for midnight, no date) are not used: scheduled departure plus
    delay gives the same time without doubt about the day or daylight saving.

    Args:
        departures_raw: departures as landed; ``time_hour`` is the scheduled hour in UTC, ``minute`` adds to it.
    """
    scheduled = pl.col("time_hour") + pl.duration(minutes="minute")
    local = scheduled.dt.convert_time_zone(TIMEZONE)
    return departures_raw.select(
        month=local.dt.strftime("%Y-%m"),
        scheduled_departure=scheduled,
        origin="origin",
        carrier="carrier",
        flight="flight",
        dest="dest",
        local_day=local.dt.date(),
        tailnum="tailnum",
        distance_mi="distance",
        departed_at=scheduled + pl.duration(minutes="dep_delay"),
        departure_delay_min="dep_delay",
        arrival_delay_min="arr_delay",
        air_time_min="air_time",
        cancelled=pl.col("dep_delay").is_null(),
        diverted=pl.col("dep_delay").is_not_null() & pl.col("arr_delay").is_null(),
        **provenance(departures_raw),
    )


@predictions(model="departure_delay")
def delay_forecast(scores: pl.LazyFrame) -> pl.LazyFrame:
    """One row per scheduled departure: the probability, two hours before, that it leaves 15 minutes late or more.

    Args:
        scores: ``departure_features`` with ``score`` and ``model_version``.
    """
    return scores.select(
        month=pl.col("scheduled_departure").dt.convert_time_zone(TIMEZONE).dt.strftime("%Y-%m"),
        scheduled_departure="scheduled_departure",
        origin="origin",
        carrier="carrier",
        flight="flight",
        dest="dest",
        issued_at="predicted_at",
        probability="score",
        model_version="model_version",
    )
