"""Operations: every departure from New York's three airports, and the delay to expect."""

from __future__ import annotations

from mesh_pipelines import domain

defs = domain(__package__)
