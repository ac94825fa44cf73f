"""Code locations: each domain is complete, and loads by itself, fast and without the others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mesh_pipelines.declaring.mesh import Location, Mesh, read_workspace
from quality.contract import load_contract

ROOT = Path(__file__).resolve().parents[3]
LOCATIONS = read_workspace(ROOT)
OWN = {"contracts", "tests", "README.md", "domain.yaml"}
HEAVY = ("mlflow", "great_expectations", "xgboost", "pandera", "sklearn", "matplotlib", "duckdb", "ray")
pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")
in_each = pytest.mark.parametrize("location", LOCATIONS, ids=lambda location: location.name)


@in_each
def test_a_domain_has_what_a_domain_has(location: Location) -> None:
    """README, profile, contracts and code; its folder holds nothing else."""
    folder = ROOT.joinpath(*location.package.split("."))
    assert (folder / "README.md").read_text(encoding="utf-8").startswith("# ")
    profile = yaml.safe_load((folder / "domain.yaml").read_text(encoding="utf-8"))
    assert {"owner", "contact", "priority", "timezone", "description"} == set(profile)
    held = {path.name for path in folder.iterdir() if path.suffix != ".py" and path.name != "__pycache__"}
    assert held <= OWN
    assert all(path.name.endswith(".odcs.yaml") for path in (folder / "contracts").iterdir())


@in_each
def test_every_contract_of_a_domain_is_somebodys(location: Location, mesh: Mesh) -> None:
    """Each contract is sound and belongs to an asset; each file is named as what it promises."""
    domain = mesh.domains[location.name]
    for file in sorted((domain.folder / "contracts").iterdir()):
        name = file.name.removesuffix(".odcs.yaml")
        node = domain.nodes[name]
        contract = load_contract(file, stage="source" if node.stage == "source" else "product")
        assert (contract.name, contract.domain) == (name, location.name)


@in_each
def test_a_domain_readme_names_what_it_publishes(location: Location, mesh: Mesh) -> None:
    """Whoever reads a domain's README finds every product and model of it."""
    domain = mesh.domains[location.name]
    text = (domain.folder / "README.md").read_text(encoding="utf-8")
    for node in domain.nodes.values():
        if node.stage in ("product", "predictions", "model"):
            assert node.name in text


@in_each
def test_a_domain_loads_alone_and_light(location: Location, tmp_path: Path) -> None:
    """In a fresh interpreter its definitions load, without a warning, without other domains and heavy libraries."""
    program = f"""
import sys
import {location.module} as module
module.defs.get_repository_def()
loaded = set(sys.modules)
heavy = sorted(name for name in {HEAVY!r} if name in loaded)
others = sorted(n for n in loaded if n.startswith('domains.') and not n.startswith({location.package!r}))
assert not heavy, heavy
assert not others, others
"""
    env = {**os.environ, "MESH_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", program],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert not (tmp_path / "home").exists(), "loading a domain writes nothing"


@pytest.mark.slow
def test_dagster_itself_finds_the_workspace_sound(tmp_path: Path) -> None:
    """``dagster definitions validate -w workspace.yaml`` passes, each domain a location of its own."""
    env = {
        **os.environ,
        "MESH_HOME": str(tmp_path),
        "DAGSTER_HOME": str(tmp_path),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    done = subprocess.run(
        [str(Path(sys.executable).parent / "dagster"), "definitions", "validate", "-w", "workspace.yaml"],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for location in LOCATIONS:
        assert f"Validation successful for code location {location.name}." in said
