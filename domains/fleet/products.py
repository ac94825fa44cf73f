"""Fleet's data products: the aircraft, how much they fly, and how much each will fly tomorrow."""

from __future__ import annotations

from typing import Annotated

import polars as pl

from mesh_pipelines import Port, data_product, predictions

PROVENANCE = ("_file", "_row")
MAKERS = ("AIRBUS", "BOEING", "BOMBARDIER", "CANADAIR", "EMBRAER", "MCDONNELL DOUGLAS")


@data_product
def aircraft(aircraft_raw: pl.LazyFrame) -> pl.LazyFrame:
    """One row per registered aircraft.

    Args:
        aircraft_raw: the register as landed.
    """
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
        **_provenance(aircraft_raw),
    )


@data_product
def utilisation(
    departures: Annotated[pl.LazyFrame, Port("operations.departures", purpose="fleet-planning")],
) -> pl.LazyFrame:
    """One row per aircraft and day on which it was scheduled to leave New York.

    Args:
        departures: one row per scheduled departure.
    """
    flew = ~pl.col("cancelled")
    return (
        departures.filter(pl.col("tailnum").is_not_null())
        .group_by("tailnum", day="local_day")
        .agg(
            flights=flew.sum().cast(pl.Int32),
            cancelled=pl.col("cancelled").sum().cast(pl.Int32),
            diverted=pl.col("diverted").sum().cast(pl.Int32),
            air_hours=pl.col("air_time_min").sum() / 60,
            distance_mi=pl.col("distance_mi").filter(flew).sum().cast(pl.Int32),
        )
        .sort("day", "tailnum")
    )


@predictions(model="flying_hours", history="walk_forward")
def flying_hours_forecast(scores: pl.LazyFrame) -> pl.LazyFrame:
    """One row per aircraft and day: the hours it will be in the air on the day after ``day``.

    Args:
        scores: ``flying_features`` with ``score`` and ``model_version``.
    """
    return scores.select(
        "tailnum",
        "day",
        forecast_day=pl.col("day").dt.offset_by("1d"),
        # The trainer knows no lower bound, but nobody flies less than nothing.
        air_hours=pl.col("score").clip(lower_bound=0.0),
        model_version="model_version",
    )


def _provenance(frame: pl.LazyFrame) -> dict[str, pl.Expr]:
    """Where a row came from, for the quarantine; absent where a test calls with bare rows."""
    have = frame.collect_schema().names()
    return {name: pl.col(name) for name in PROVENANCE if name in have}
