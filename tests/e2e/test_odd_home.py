"""A checkout and a home whose path holds every character that is possible, on the real path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.odd_input("after a kill, and odd homes", "lost", "held up")
ODD = "o d#1 100% üml&+;'\"$HOME*{a}~,=@!<>`:()e\u0301日"


@pytest.fixture(scope="module")
def odd_root(ground: Path) -> Path:
    """An empty workspace below such a folder."""
    root = ground / ODD / "checkout"
    (root / "domains").mkdir(parents=True)
    (root / "domains" / "__init__.py").write_text('"""The domains."""\n')
    (root / "workspace.yaml").write_text("load_from:\n")
    return root


def typed_in(root: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A `mesh` command, typed in a folder of that workspace."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("MESH_", "DAGSTER_"))}
    command = [str(Path(sys.executable).with_name("mesh")), *words]
    return subprocess.run(
        command, env=known | more, cwd=root / "domains", capture_output=True, check=False, text=True
    )


def test_every_command_works_in_an_odd_folder(odd_root: Path, ground: Path) -> None:
    """A new domain lands, is published, trained, shown and rebuilt; nothing is written beside that folder."""
    for words in (
        ("new", "domain", "revenue"),
        ("run",),
        ("show", "revenue.readings"),
        ("rebuild", "revenue.repair@1"),
    ):
        done = typed_in(odd_root, *words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
    state = json.loads(typed_in(odd_root, "status", "--json").stdout)
    assert {entry["key"] for entry in state["products"]} >= {"revenue.readings"}
    assert sorted(path.name for path in ground.iterdir() if path.name.startswith("o d")) == [ODD]
    assert [path.name for path in odd_root.parent.iterdir()] == ["checkout"]
    assert sorted(path.name for path in odd_root.iterdir()) == [".mesh", "domains", "workspace.yaml"]
    pages = list((odd_root / ".mesh" / "docs" / "revenue").rglob("index.html"))
    assert pages


def test_a_home_that_cannot_be_is_refused_with_the_character(odd_root: Path) -> None:
    """On one line, before anything is made."""
    done = typed_in(odd_root, "run", MESH_HOME=f"{odd_root}/e%20p/home")
    assert done.returncode == 1
    assert "MESH_HOME: the path" in done.stderr
    assert "has '%20'" in " ".join(done.stderr.split())
    assert "remedy" in done.stderr
    assert not (odd_root / "e%20p").exists()
