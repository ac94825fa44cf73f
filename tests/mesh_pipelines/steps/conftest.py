"""What the steps are given: a Dagster instance, the small mesh of facts, a trained model, a table of a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests.mesh_pipelines.landing.conftest import orders as orders
from tests.mesh_pipelines.landing.conftest import shop as shop
from tests.mesh_pipelines.modeling.conftest import history as history
from tests.mesh_pipelines.modeling.conftest import registered as registered
from tests.mesh_pipelines.modeling.conftest import trained as trained
from tests.mesh_pipelines.planning.made import fresh as fresh
from tests.mesh_pipelines.planning.made import made as made
from tests.mesh_pipelines.planning.made import promises as promises


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance of this test's own."""
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as made:
        yield made
