"""Weather's source: one file of hourly readings a month, by the month in New York."""

from __future__ import annotations

from mesh_pipelines import source

observations_raw = source("observations-{month}.csv")
