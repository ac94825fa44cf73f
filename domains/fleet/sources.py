"""What lands for the fleet: the aircraft register, whole, whenever it changes."""

from __future__ import annotations

from mesh_pipelines import source

aircraft_raw = source("aircraft.csv")
