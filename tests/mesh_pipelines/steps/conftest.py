"""What the steps are given: a Dagster instance, the small mesh of facts, a trained model, a table of a database."""

from __future__ import annotations
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
import dagster as dg
import pytest
import yaml
from mesh_pipelines.dagster_names import IF_STALE, asset_key
from mesh_pipelines.declaring.mesh import Location, Mesh, read_workspace
from mesh_pipelines.declaring.node import Node, ProductNode
from mesh_pipelines.governance.load_mesh import load_mesh
from mesh_pipelines.orchestration.assets import DAGSTER_KINDS, GROUPS
from mesh_pipelines.orchestration.location import definitions
from mesh_pipelines.publishing.quarantine import QUARANTINE
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps.checks import checks_of
from quality.contract import load_contract
from quality.rules import rules_of
from tests.mesh_pipelines.run_reports import failure
from tests.mesh_pipelines.small_domains import World, promise
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
