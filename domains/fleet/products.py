"""Fleet's data products: the aircraft, their flying hours, and the forecast for the next day."""

from __future__ import annotations

from typing import Annotated

import polars as pl

from mesh_pipelines import Port, data_product, predictions, provenance, sql

MAKERS = ("AIRBUS", "BOEING", "BOMBARDIER", "CANADAIR", "EMBRAER", "MCDONNELL DOUGLAS")

UTILISATION = """
    SELECT
        tailnum,
        local_day AS day,
        CAST(count(*) FILTER (NOT cancelled) AS INTEGER) AS flights,
        CAST(count(*) FILTER (cancelled) AS INTEGER) AS cancelled,
        CAST(count(*) FILTER (diverted) AS INTEGER) AS diverted,
        -- whole minutes are summed, so that the order of the rows makes no difference to the last bit
        CAST(coalesce(sum(air_time_min), 0) AS DOUBLE) / 60 AS air_hours,
        CAST(coalesce(sum(distance_mi) FILTER (NOT cancelled), 0) AS INTEGER) AS distance_mi
    FROM departures
    WHERE tailnum IS NOT NULL
    GROUP BY tailnum, local_day
    ORDER BY day, tailnum
"""


@data_product
def aircraft(aircraft_raw: pl.LazyFrame) -> pl.LazyFrame:
    """One row per registered aircraft."""
    # AIRBUS and AIRBUS INDUSTRIE are one maker; a home-built aircraft bears the name of a private person.
    maker = pl.coalesce(
        *(pl.when(pl.col("manufacturer").str.starts_with(name)).then(pl.lit(name)) for name in MAKERS),
        pl.lit("OTHER"),
    )
    return aircraft_raw.select(
        tailnum="tailnum",
        maker=maker,
        manufacturer="manufacturer",
        model="model",
        built_year="year",
        type="type",
        engines="engines",
        engine_type="engine",
        seats="seats",
        **provenance(aircraft_raw),
    )


@data_product
def utilisation(
    departures: Annotated[pl.LazyFrame, Port("operations.departures", purpose="fleet-planning")],
) -> pl.LazyFrame:
    """One row per aircraft and day on which it was scheduled to leave New York."""
    columns = ("tailnum", "local_day", "cancelled", "diverted", "air_time_min", "distance_mi")
    return sql(UTILISATION, departures=departures.select(columns))


@predictions(model="flying_hours")
def flying_hours_forecast(scores: pl.LazyFrame) -> pl.LazyFrame:
    """One row per aircraft and day: the hours it will be in the air on the day after ``day``.

    Args:
        scores: ``flying_features`` with ``score`` and ``model_version``.
    """
    return scores.select(
        "tailnum",
        "day",
        forecast_day=pl.col("day").dt.offset_by("1d"),
        # The model has no lower bound, but flying hours are never negative.
        air_hours=pl.col("score").clip(lower_bound=0.0),
        model_version="model_version",
    )
