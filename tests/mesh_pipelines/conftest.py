"""A workspace of each test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_pipelines.testing import workspace
from tests.mesh_pipelines.tiny import World


@pytest.fixture
def world(tmp_path: Path, mesh_home: Path) -> Iterator[World]:
    """A workspace without domains."""
    with workspace(tmp_path / "work") as root:
        yield World(root, mesh_home / "landing")
