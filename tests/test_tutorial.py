"""The tutorial is run as it is written: its shell commands, in a copy of the code without the big domains."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TUTORIAL = ROOT / "docs" / "tutorial.md"

FENCED = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """Commands of the tutorial, and what it says of them.

    Args:
        script: the commands, as a reader would paste them.
        promised: lines that the tutorial shows as their output.
    """

    script: str
    promised: tuple[str, ...]

    @property
    def code(self) -> int:
        """The exit code that the tutorial names; otherwise all goes well."""
        named = re.search(r"# ends with exit code (\d)", self.script)
        return int(named[1]) if named else 0


def steps(text: str) -> list[Step]:
    """The steps of a tutorial: each block of commands, with the output shown right after it."""
    found: list[Step] = []
    for language, content in FENCED.findall(text):
        if language == "sh":
            found.append(Step(content, ()))
        else:
            assert found, "output is shown before any command"
            found[-1] = Step(found[-1].script, tuple(content.splitlines()))
    return found


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The code as in a clone, in a workspace that has no domain yet."""
    folder = tmp_path / "clone"
    for room in ("mesh_pipelines", "quality", "resources"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "domains").mkdir()
    shutil.copy(ROOT / "domains" / "__init__.py", folder / "domains")
    (folder / "workspace.yaml").write_text("load_from:\n")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib -p no:cacheprovider\n")
    return folder


@pytest.fixture
def shell(clone: Path, tmp_path: Path) -> Mapping[str, str]:
    """The environment of a reader who has activated ``.venv``: `mesh` and `pytest` are those of the clone."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, code in {
        "mesh": "from mesh_pipelines.commands.cli import main; main()",
        "pytest": "import sys, pytest; sys.exit(pytest.main())",
    }.items():
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -c \'{code}\' "$@"\n')
        (commands / name).chmod(0o755)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MESH_", "PYTEST"))
    }
    return environment | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(clone)}


def test_a_reader_who_types_the_tutorial_sees_what_it_shows(clone: Path, shell: Mapping[str, str]) -> None:
    """Every block of commands ends with the exit code it names, and prints every line that is shown after it."""
    for step in steps(TUTORIAL.read_text(encoding="utf-8")):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", step.script],
            cwd=clone,
            env=dict(shell),
            capture_output=True,
            text=True,
            check=False,
        )
        printed = done.stdout + done.stderr
        assert done.returncode == step.code, f"{step.script}\n{printed[-4000:]}"
        for line in step.promised:
            assert _spaced(line) in _spaced(printed), f"not printed: {line}\n{step.script}\n{printed[-4000:]}"


def test_the_tutorial_runs_what_it_teaches() -> None:
    """No `mesh` command of the tutorial is left to chance: all are run here, save the one that never ends."""
    text = TUTORIAL.read_text(encoding="utf-8")
    run = "".join(step.script for step in steps(text))
    shown = {line.strip() for line in re.findall(r"^(?: {4})?(mesh [a-z].*?)(?:  #.*)?$", text, re.MULTILINE)}
    assert len(shown) >= 5
    assert {command for command in shown if command not in run} == {"mesh ui"}


def _spaced(text: str) -> str:
    return " ".join(text.split())
