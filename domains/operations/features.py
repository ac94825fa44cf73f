"""Features of a departure as known two hours before its schedule.

Three kinds of knowledge come together, each with its own moment:

- the plan (schedule, route, aircraft) is known long before; the planned aircraft is assumed to be the right one, for a
  departure and for those before it;
- events (departures that have left, or have not although they should have) are known as they happen;
- products of other domains (weather, forecast) are known from the moment at which their owner made them available.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import polars as pl

from mesh_pipelines import Port, feature_set, latest_as_of, totals_as_of

from .products import TIMEZONE

LEAD = timedelta(hours=2)
"""Time of the prediction before scheduled departure."""

LATE_MIN = 15
"""Minutes from which a departure is late, as the US Department of Transportation counts."""

LONGEST_DELAY_MIN = 180
"""Longer delays are capped to this, so that one stranded flight does not represent a whole airport."""

GIVEN_UP_AFTER = timedelta(hours=6)
"""A flight that has not left this long after its schedule no longer counts as waiting."""

STALE_AFTER = timedelta(hours=6)
"""Older weather counts as unknown."""

KEY = ("scheduled_departure", "origin", "carrier", "flight")

WINDOWS: dict[str | tuple[str, ...], dict[str, timedelta]] = {
    "origin": {
        "origin_1h": timedelta(hours=1),
        "origin_3h": timedelta(hours=3),
        "origin_24h": timedelta(hours=24),
    },
    ("origin", "carrier"): {"carrier_3h": timedelta(hours=3), "carrier_24h": timedelta(hours=24)},
    "dest": {"dest_6h": timedelta(hours=6)},
    ("origin", "carrier", "flight"): {"flight_30d": timedelta(days=30)},
    ("origin", "carrier", "dest"): {"route_30d": timedelta(days=30)},
    ("origin", "carrier", "local_hour"): {"hour_30d": timedelta(days=30)},
    "tailnum": {"tail_14d": timedelta(days=14)},
}
"""Windows over past departures: the columns that group them, the length of time, the prefix of the features."""


@feature_set(key=KEY, time="predicted_at")
def departure_features(
    departures: pl.LazyFrame,
    observations: Annotated[pl.LazyFrame, Port("weather.observations", purpose="delay-prediction")],
    visibility_forecast: Annotated[
        pl.LazyFrame, Port("weather.visibility_forecast", purpose="delay-prediction")
    ],
    aircraft: Annotated[pl.LazyFrame, Port("fleet.aircraft", purpose="delay-prediction")],
) -> pl.LazyFrame:
    """One row per scheduled departure, as known at ``predicted_at``, two hours before.

    ``delayed`` is the target: it left 15 minutes late or more. It is null for a cancelled flight, and for one whose
    departure has not been reported: such a row is scored, not trained on.

    Args:
        departures: the product, one row per scheduled departure.
        observations: hourly weather, known from ``available_at`` on.
        visibility_forecast: probability of low visibility, known from ``issued_at`` on.
        aircraft: the register, one row per ``tailnum``.
    """
    local = pl.col("scheduled_departure").dt.convert_time_zone(TIMEZONE)
    flights = departures.select(
        *KEY,
        "dest",
        "tailnum",
        "distance_mi",
        "departed_at",
        "departure_delay_min",
        predicted_at=pl.col("scheduled_departure") - LEAD,
        local_hour=local.dt.hour().cast(pl.Int32),
        minute_of_day=(local.dt.hour().cast(pl.Int32) * 60 + local.dt.minute().cast(pl.Int32)),
        weekday=local.dt.weekday().cast(pl.Int32),
    ).sort(*KEY)
    rows = flights.with_columns(delayed=pl.col("departure_delay_min") >= LATE_MIN).drop(
        "departed_at", "departure_delay_min"
    )
    rows = _with_past_departures(rows, flights)
    rows = _with_waiting(rows, flights)
    rows = _with_aircraft_turn(rows, flights)
    rows = _with_weather(rows, observations, visibility_forecast)
    register = aircraft.select(
        "tailnum", aircraft_maker="maker", aircraft_built="built_year", aircraft_seats="seats"
    )
    # Every join keeps the order of the rows, which is the order of the key.
    return rows.join(register, on="tailnum", how="left", maintain_order="left").drop("tailnum")


def _with_past_departures(rows: pl.LazyFrame, flights: pl.LazyFrame) -> pl.LazyFrame:
    """Punctuality of the departures that had left by ``predicted_at``, per airport, carrier, route and aircraft."""
    figures = {
        "departed": pl.lit(1),
        "late": pl.col("departure_delay_min") >= LATE_MIN,
        "minutes": pl.col("departure_delay_min").clip(0, LONGEST_DELAY_MIN),
    }
    rows = totals_as_of(
        rows, flights, when="predicted_at", at="departed_at", figures=figures, windows=WINDOWS
    )
    names = [name for windows in WINDOWS.values() for name in windows]
    return rows.with_columns(
        # No departure in the window: the rate is unknown, not zero.
        pl.when(pl.col(f"{name}_departed") > 0)
        .then(pl.col(f"{name}_{figure}") / pl.col(f"{name}_departed"))
        .cast(pl.Float32)
        .alias(f"{name}_{figure}")
        for name in names
        for figure in ("late", "minutes")
    ).with_columns(pl.col(f"{name}_departed").cast(pl.Int32) for name in names)


def _with_waiting(rows: pl.LazyFrame, flights: pl.LazyFrame) -> pl.LazyFrame:
    """Number of flights that should have left by ``predicted_at`` and have not, and the time they have waited."""
    given_up = pl.col("scheduled_departure") + GIVEN_UP_AFTER
    # A flight that never left waits until it is given up: who stops waiting at once has heard of the cancellation.
    left = pl.max_horizontal(pl.col("departed_at").fill_null(given_up), "scheduled_departure")
    gone = pl.min_horizontal(left, given_up)
    waits = flights.select(
        "origin",
        "carrier",
        "scheduled_departure",
        gone=gone,
        since=pl.col("scheduled_departure").dt.epoch("s") // 60,
    )
    steps = pl.concat(
        [
            waits.select("origin", "carrier", at="scheduled_departure", step=pl.lit(1), since="since"),
            waits.select("origin", "carrier", at="gone", step=pl.lit(-1), since=-pl.col("since")),
        ]
    )
    figures = {"waiting": pl.col("step"), "since": pl.col("since")}
    groups: dict[str, str | tuple[str, ...]] = {"origin": "origin", "carrier": ("origin", "carrier")}
    now = pl.col("predicted_at").dt.epoch("s") // 60
    for name, by in groups.items():
        rows = totals_as_of(
            rows, steps, when="predicted_at", at="at", figures=figures, windows={by: {name: None}}
        )
        waiting = pl.col(f"{name}_waiting")
        waited = waiting * now - pl.col(f"{name}_since")
        rows = rows.with_columns(
            waiting.cast(pl.Int32), waited.cast(pl.Int32).alias(f"{name}_waited_minutes")
        ).drop(f"{name}_since")
    return rows


def _with_aircraft_turn(rows: pl.LazyFrame, flights: pl.LazyFrame) -> pl.LazyFrame:
    """The same aircraft's departure planned before this one: its age, and its delay as far as known."""
    legs = (
        flights.filter(pl.col("tailnum").is_not_null())
        # By the whole key: where two departures at one minute name one aircraft, it is always the same that counts.
        .sort(KEY)
        .unique(subset=["tailnum", "scheduled_departure"], keep="first", maintain_order=True)
        .select(
            "tailnum",
            "scheduled_departure",
            before="scheduled_departure",
            _left_at="departed_at",
            _left_late="departure_delay_min",
        )
    )
    overdue = (pl.col("predicted_at") - pl.col("before")).dt.total_minutes()
    return (
        latest_as_of(
            rows,
            legs,
            when="scheduled_departure",
            at="scheduled_departure",
            by="tailnum",
            within=timedelta(days=1),
            strictly_before=True,
        )
        .with_columns(
            turn_minutes=(pl.col("scheduled_departure") - pl.col("before")).dt.total_minutes(),
            leg_late_minutes=pl.when(pl.col("_left_at") <= pl.col("predicted_at"))
            .then(pl.col("_left_late"))
            .when(pl.col("before") <= pl.col("predicted_at"))
            .then(overdue.clip(upper_bound=int(GIVEN_UP_AFTER.total_seconds() // 60))),
            leg_left=pl.col("_left_at") <= pl.col("predicted_at"),
        )
        .with_columns(pl.col("leg_left").fill_null(value=False))
        .drop("before", "_left_at", "_left_late")
    )


def _with_weather(rows: pl.LazyFrame, observations: pl.LazyFrame, forecast: pl.LazyFrame) -> pl.LazyFrame:
    """The last reading, and the last forecast, that had been published by ``predicted_at``."""
    readings = observations.select(
        "origin",
        "available_at",
        "visibility_mi",
        "wind_speed_mph",
        "wind_gust_mph",
        "precipitation_in",
        "pressure_hpa",
        "temperature_f",
        "humidity_pct",
        "wind_direction_deg",
    )
    forecasts = forecast.select("origin", "issued_at", low_visibility_probability="probability")
    for known, at in ((readings, "available_at"), (forecasts, "issued_at")):
        rows = latest_as_of(rows, known, when="predicted_at", at=at, by="origin", within=STALE_AFTER)
    return rows
