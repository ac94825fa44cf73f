"""`mesh demo`, as a newcomer types it: a process that has imported nothing, and a home in which nothing is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mesh_pipelines.demo import DOMAINS
from mesh_pipelines.mesh import load_mesh

ROOT = Path(__file__).parents[2]


def mesh(home: Path, *words: str) -> str:
    """What the command prints; it has to end well."""
    command = [str(Path(sys.executable).with_name("mesh")), *words]
    env = {**os.environ, "MESH_HOME": str(home), "COLUMNS": "160"}
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def status(home: Path) -> dict[str, Any]:
    """How the products and models of the demo's domains stand."""
    stand = json.loads(mesh(home, "status", "--json"))
    return {kind: [one for one in stand[kind] if _lands(one["key"])] for kind in ("products", "models")}


def _lands(key: str) -> bool:
    return key.partition(".")[0] in DOMAINS


@pytest.mark.slow
def test_a_newcomer_gets_every_product_and_champion_and_nothing_twice(tmp_path: Path) -> None:
    """Nine months land, three domains are made in one go, each model beats its baseline; again, nothing is done."""
    done = re.findall(r"^done +(\S+) ", mesh(tmp_path, "demo"), re.MULTILINE)
    assert sorted(done) == sorted(filter(_lands, load_mesh(ROOT).nodes))
    stand = status(tmp_path)
    assert all(product["rows"] and product["version"] == 0 for product in stand["products"])
    assert [model["champion"]["version"] for model in stand["models"]] == [1, 1, 1]
    assert "up to date" in mesh(tmp_path, "demo")
    again = status(tmp_path)
    for model in (*stand["models"], *again["models"]):
        assert model["lag"].pop("age_seconds") >= 0  # all but its age stays
    assert again == stand
