"""`mesh demo`, as a newcomer types it: a process that has imported nothing, and a home in which nothing is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.slow
def test_a_newcomer_gets_every_product_and_champion_and_nothing_twice(tmp_path: Path) -> None:
    """Nine months land, three domains are made in one go, each model beats its baseline; again, nothing is done."""
    assert "19 steps: 19 done." in mesh(tmp_path, "demo")
    stand = json.loads(mesh(tmp_path, "status", "--json"))
    assert all(product["rows"] and product["version"] == 0 for product in stand["products"])
    assert [model["champion"]["version"] for model in stand["models"]] == [1, 1, 1]
    assert "up to date" in mesh(tmp_path, "demo")
    again = json.loads(mesh(tmp_path, "status", "--json"))
    for model in (*stand["models"], *again["models"]):
        assert model["lag"].pop("age_seconds") >= 0  # all but its age stays
    assert again == stand
