"""Operations' source: one file of departures a month, by the month in New York."""

from __future__ import annotations

from mesh_pipelines import source

departures_raw = source("departures-{month}.csv")
