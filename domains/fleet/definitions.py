"""Fleet: the aircraft that fly from New York, how much they fly, and how much they will."""

from __future__ import annotations

from mesh_pipelines import domain

defs = domain(__package__)
