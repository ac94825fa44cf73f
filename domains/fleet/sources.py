"""Fleet's source: the aircraft register, landed whole whenever it changes."""

from __future__ import annotations

from mesh_pipelines import source

aircraft_raw = source("aircraft.csv")
