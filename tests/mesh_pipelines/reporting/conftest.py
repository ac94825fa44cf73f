"""The small mesh of made-up facts, as planning has it."""

from __future__ import annotations

from tests.mesh_pipelines.planning.made import fresh as fresh
from tests.mesh_pipelines.planning.made import made as made
from tests.mesh_pipelines.planning.made import promises as promises
