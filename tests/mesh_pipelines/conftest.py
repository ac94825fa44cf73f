"""A workspace of each test's own, and one that has run to a champion."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.model_spec import Gate, ModelSpec
from mesh_pipelines.governance.load_mesh import load_mesh
from mesh_pipelines.orchestration.run import run
from mesh_pipelines.orchestration.run_report import RunReport
from mesh_pipelines.scaffold import new_domain
from mesh_pipelines.testing import mesh_home as home_at
from mesh_pipelines.testing import workspace
from tests.mesh_pipelines.postgres import postgres as postgres
from tests.mesh_pipelines.small_domains import World


@dataclass(frozen=True)
class Machines:
    """The domain that ``mesh new domain machines`` writes, run once.

    Args:
        folder: its workspace.
        written: the files that were written.
        first: how the first run went.
    """

    folder: Path
    written: tuple[Path, ...]
    first: RunReport

    @contextmanager
    def inside(self) -> Generator[Mesh]:
        """Be in that workspace, with its home."""
        with home_at(self.folder / ".mesh"), workspace(self.folder):
            yield load_mesh(self.folder)


@pytest.fixture
def world(tmp_path: Path, mesh_home: Path) -> Iterator[World]:
    """A workspace without domains."""
    with workspace(tmp_path / "work") as root:
        yield World(root, mesh_home / "landing")
    # The workspace forgets its domains; a test may have written another package beside them.
    for name in [name for name in sys.modules if name.partition(".")[0] == "others"]:
        del sys.modules[name]


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Machines:
    """A new domain that has been run from landing to champion and predictions, once for all tests."""
    folder = tmp_path_factory.mktemp("machines")
    with home_at(folder / ".mesh"), workspace(folder):
        written = tuple(new_domain("machines", folder))
        return Machines(folder, written, run(["machines"]))


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    """The declaration of a binary model, with sampling, a baseline and slices."""
    return ModelSpec(
        key="demo.lateness",
        features="demo.lateness_features",
        target="late",
        time="at",
        entity=("id",),
        ignore=("id",),
        params={"max_depth": 3, "subsample": 0.8},
        rounds=12,
        baseline=("port", "hour"),
        slices=("port",),
        gate=Gate(floors={"auc": 0.6}, margin=0.01, min_slice_rows=100),
    )


@pytest.fixture
def own_machines(machines: Machines, tmp_path: Path) -> Iterator[Path]:
    """A copy of the machines' workspace, of this test alone."""
    folder = tmp_path / "copy"
    shutil.copytree(machines.folder, folder)
    with home_at(folder / ".mesh"), workspace(folder):
        yield folder
