"""A home that an earlier version of the code made is opened by this one, and goes on from where it was."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.homes.unpack import CODE, HOME, OldHome, unpack

ARCHIVES = sorted(Path(__file__).parent.glob("*.tar.xz"))
AUC = 0.9109736417428725
SHA256 = "a43245b5bda06232e11ca3fe9435b343411094a302013088d1ac6a78ada36aee"

Type = Callable[..., str]


@pytest.fixture(params=ARCHIVES, ids=lambda archive: archive.name.partition(".")[0])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> OldHome:
    """An old home, unpacked for one test."""
    return unpack(request.param, tmp_path)


@pytest.fixture
def mesh(old: OldHome) -> Type:
    """Types a `mesh` command there, and gives what it prints; it has to end well."""
    env = {**os.environ, "MESH_HOME": str(old.home), "COLUMNS": "160"}

    def run(*words: str) -> str:
        command = [str(Path(sys.executable).parent / "mesh"), *words]
        done = subprocess.run(command, cwd=old.code, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def status(mesh: Type) -> tuple[dict[str, Any], dict[str, Any]]:
    """The product `machines.readings` and the model `machines.repair` as they stand."""
    found = json.loads(mesh("status", "--json"))
    products = {product["key"]: product for product in found["products"]}
    assert products.keys() == {"machines.readings", "machines.repair_forecast"}
    [model] = found["models"]
    return products["machines.readings"], model


def test_what_it_held_is_there(mesh: Type, old: OldHome) -> None:
    """Published versions, quarantined rows, the champion with its metrics, past versions, reasons of past runs.

    Modules that its dagster.yaml names are those of now once Dagster's records have been asked.
    """
    readings, model = status(mesh)
    assert (readings["version"], readings["rows"], readings["quarantined"]) == (1, 1080, 1)
    assert readings["uri"] == str(old.home / "lake" / "machines" / "readings")
    assert not readings["lag"]["behind"]
    assert model["champion"]["version"] == 1
    assert model["champion"]["metrics"]["auc"] == pytest.approx(AUC)
    assert model["challenger"] is None
    before = json.loads(mesh("show", "machines.readings@0", "--json"))["sections"]["Published"]
    assert (before["version"], before["rows"], before["quarantined"]) == ("0", "1,080", "0")
    assert "readings.csv was corrected" in mesh("why", "machines.readings")
    written = yaml.safe_load((old.home / "dagster" / "dagster.yaml").read_text())
    for named in (written["storage"]["custom"], written["run_launcher"]):
        assert hasattr(importlib.import_module(named["module"]), named["class"])


def test_it_is_up_to_date(mesh: Type) -> None:
    """`mesh run` starts no run: neither the platform's code nor the folder is a reason to make anything again."""
    report = json.loads(mesh("run", "--json"))
    assert report["runs"] == []
    assert {step["status"] for step in report["steps"]} == {"up to date"}
    assert {step["stage"] for step in report["steps"]} >= {
        "source",
        "product",
        "features",
        "model",
        "champion",
    }


def test_what_lands_now_leads_to_new_versions(mesh: Type, old: OldHome) -> None:
    """Another thirty days of one machine: a new version of the product, of the model and of its predictions."""
    days = (date(2026, 4, 1) + timedelta(days=number) for number in range(30))
    with (old.home / "landing" / "machines" / "readings.csv").open("a") as landed:
        landed.writelines(
            f"m00,{day},{60 + day.day % 9},2.0,{str(day.day % 7 == 0).lower()}\n" for day in days
        )
    report = json.loads(mesh("run", "--json"))
    made = {step["key"]: step["status"] for step in report["steps"]}
    assert made["machines.readings"] == made["machines.repair_features"] == made["machines.repair"] == "done"
    readings, model = status(mesh)
    assert readings["version"] == 2
    assert model["champion"]["version"] == 2 or model["challenger"]["version"] == 2


def test_its_model_is_rebuilt_bit_for_bit(mesh: Type) -> None:
    """Trained again from its record, the old model has the same bytes."""
    report = json.loads(mesh("rebuild", "machines.repair@1", "--json"))
    assert report["same"]
    assert report["recorded_sha256"] == SHA256


def test_nothing_points_to_where_it_was_made(old: OldHome) -> None:
    """The original folders are recorded nowhere that a command looks."""
    files = [file for file in old.home.rglob("*") if file.is_file()]
    assert files
    for file in files:
        content = file.read_bytes()
        assert HOME.encode() not in content, file
        assert CODE.encode() not in content, file
