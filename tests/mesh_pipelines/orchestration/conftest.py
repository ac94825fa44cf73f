"""This project's own mesh, and what Dagster is given of it."""

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

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def mesh() -> Mesh:
    """The mesh of this project."""
    return load_mesh(ROOT)


@pytest.fixture(scope="session")
def shown(mesh: Mesh) -> dict[str, dg.Definitions]:
    """What Dagster is given, by domain."""
    return {name: definitions(domain) for name, domain in mesh.domains.items()}
