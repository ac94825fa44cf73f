"""What every test gets: a mesh home of its own, and nothing of the machine's settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mesh_pipelines import testing

settings.register_profile(
    "here", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def mesh_home(tmp_path: Path) -> Iterator[Path]:
    """MESH_HOME of this test alone; nothing below it exists yet, and no other MESH_ setting is in force."""
    with testing.mesh_home(tmp_path / "mesh-home") as home:
        yield home


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of this project."""
    return ROOT
