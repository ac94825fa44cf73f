"""Imports are tried once for the same files, and again when these have changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mesh_pipelines.governance import import_trial
from mesh_pipelines.governance.import_trial import ImportTrial, digest_of, hazards_of
from tests.mesh_pipelines.governance.odd_domain import root as root
from tests.mesh_pipelines.governance.odd_domain import write

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")


def test_an_import_is_tried_once_for_the_same_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started for what is known; a change of a file, of its package or beside it, is tried anew."""
    tried: list[str] = []

    def try_(_root: Path, packages: list[str]) -> dict[str, ImportTrial]:
        tried.extend(packages)
        return dict.fromkeys(packages, ImportTrial("it ends", outside=("beside.py",)))

    monkeypatch.setattr(import_trial, "_try", try_)
    package = write(root, "x = 1")
    for _ in range(2):
        assert hazards_of(root, [package])
    assert tried == [package]
    write(root, "x = 2")
    (root / "beside.py").write_text("y = 1")
    assert hazards_of(root, [package])
    (root / "beside.py").write_text("y = 2")
    assert hazards_of(root, [package])
    assert len(tried) == 3
    hazards_of(root, [package], anew=True)
    assert len(tried) == 4, "what did not come to an end is tried again where that is asked for"
    monkeypatch.setattr(import_trial, "AGAIN", 0.0)
    hazards_of(root, [package])
    assert len(tried) == 5, "and after a time"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"trial": 1}', '{"trial": {"outside": 1}, "digest": ""}'])
def test_a_memory_that_cannot_be_read_is_tried_anew(root: Path, mesh_home: Path, text: str) -> None:
    """A file that was cut off, or is of another version."""
    package = write(root, "raise KeyboardInterrupt")
    (mesh_home / "loads").mkdir()
    file = mesh_home / "loads" / f"{package}.json"
    file.write_text(text)
    assert hazards_of(root, [package])
    assert json.loads(file.read_text())["digest"] == digest_of(root, package)


def test_modules_beside_the_domains_are_part_of_what_was_tried(root: Path) -> None:
    """A module of the workspace that the import reads ends the next one: the change is noticed."""
    (root / "beside.py").write_text("x = 1\n")
    package = write(root, "import beside")
    assert hazards_of(root, [package]) == {}
    (root / "beside.py").write_text("import os\nos._exit(0)\n")
    assert package in hazards_of(root, [package])
