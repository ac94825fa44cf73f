"""This project's own mesh, and what Dagster is given of it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.governance.load_mesh import load_mesh
from mesh_pipelines.orchestration.location import definitions

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def mesh() -> Mesh:
    """The mesh of this project."""
    return load_mesh(ROOT)


@pytest.fixture(scope="session")
def shown(mesh: Mesh) -> dict[str, dg.Definitions]:
    """What Dagster is given, by domain."""
    return {name: definitions(domain) for name, domain in mesh.domains.items()}
