"""Weather: hourly observations at New York's three airports, and the low visibility to expect."""

from __future__ import annotations

from mesh_pipelines import domain

defs = domain(__package__)
