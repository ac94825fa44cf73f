"""A month of real departures with the weather and aircraft that were known, and a forecast for every hour of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import polars as pl
import pytest

from domains.operations.features import departure_features
from domains.operations.products import departures

ReadRows = Callable[[str, str], pl.LazyFrame]


@dataclass(frozen=True)
class World:
    """Everything that the features are made of."""

    departures: pl.DataFrame
    observations: pl.DataFrame
    forecasts: pl.DataFrame
    aircraft: pl.DataFrame

    def but(self, **changed: pl.DataFrame) -> World:
        return replace(self, **changed)

    def features(self) -> pl.DataFrame:
        frames = (self.departures, self.observations, self.forecasts, self.aircraft)
        return departure_features(*(frame.lazy() for frame in frames)).collect()


@pytest.fixture(scope="session")
def world(read_source: ReadRows, read_product: ReadRows) -> World:
    """January, as it was."""
    read = read_product("weather.observations", "observations-2013-01.csv").collect()
    forecasts = read.select(
        "month",
        "origin",
        issued_at="available_at",
        valid_at=pl.col("observed_at") + timedelta(hours=3),
        probability=(10 - pl.col("visibility_mi")) / 10,
        model_version=pl.lit("1"),
    )
    return World(
        departures=departures(read_source("operations.departures_raw", "departures-2013-01.csv")).collect(),
        observations=read,
        forecasts=forecasts,
        aircraft=read_product("fleet.aircraft", "aircraft.csv").collect(),
    )
