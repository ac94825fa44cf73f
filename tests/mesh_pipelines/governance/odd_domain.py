"""A domain of one module that may do anything when it is imported, in a workspace of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_pipelines.testing import workspace


@pytest.fixture
def root(tmp_path: Path, mesh_home: Path) -> Iterator[Path]:
    """A workspace."""
    mesh_home.mkdir()
    with workspace(tmp_path / "work") as folder:
        yield folder


def write(root: Path, text: str, name: str = "odd") -> str:
    """Write a domain of one module; its package."""
    folder = root / "domains" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    (folder / "domain.yaml").write_text("owner: a\ncontact: a@mesh.example\ndescription: b\n")
    (folder / "sources.py").write_text(f"{text}\n")
    return f"domains.{name}"
