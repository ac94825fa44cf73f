"""Domains whose import ends or hangs a process, or prints, and entries that are no location: each command names these
with reason and remedy, and goes on with everything else.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mesh_pipelines.testing import mesh_home as home_at
from mesh_pipelines.testing import workspace
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")

BAD = {
    "exits": ("import os\nos._exit(0)", "its import ends the process, with exit code 0"),
    "leaves": ("import sys\nsys.exit(0)", "cannot be imported: SystemExit: 0"),
    "throws": ("class Odd(BaseException): ...\nraise Odd('odd')", "cannot be imported: Odd: odd"),
    "interrupts": ("raise KeyboardInterrupt", "its import raises KeyboardInterrupt"),
    "crashes": ("import ctypes\nctypes.string_at(0)", "its import crashes the process (SIGSEGV)"),
    "loops": ("while True:\n    pass", "its import does not come to an end: it was stopped after 5 s"),
    "asks": ("input('who? ')", "cannot be imported: EOFError"),
}
"""A domain's module, and what is said of it."""
LOUD = "import os, sys\nprint('loud')\nos.write(1, b'loud')\nsys.stdout.close()\nos.chdir('/')\n"
ENTRIES = """\
- 7
- python_module:
  module_name: domains.outdented.definitions
- python_module: domains.nowhere.definitions
"""
NAMED = {
    "entry 9": "is the number 7",
    "outdented": "has `module_name` beside `python_module`",
    "nowhere": "there is no folder domains/nowhere",
}
COMMANDS = {
    "run": ("run",),
    "status": ("status",),
    "status --json": ("status", "--json"),
    "check": ("check",),
    "why": ("why", "loud.kept"),
    "show": ("show", "loud.kept"),
}
ASSET = "@data_product\ndef kept(kept_raw: pl.LazyFrame) -> pl.LazyFrame:\n    return kept_raw\n"


@dataclass(frozen=True)
class Told:
    """The answer of one command."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """All of it, with every space and line break as one space."""
        return re.sub(r"\s+", " ", self.out + self.err)


def mesh(root: Path, home: Path, *words: str) -> Told:
    """Type a command of the mesh."""
    return typed(root, home, "-c", "from mesh_pipelines.commands.cli import main; main()", *words)


def typed(root: Path, home: Path, *words: str) -> Told:
    """Type a command of Python."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MESH_")}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=root,
        env=environment | {"MESH_HOME": str(home), "MESH_LOAD_SECONDS": "5"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Told(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Workspace and home of a mesh with a bad domain of each kind, and one that prints and is sound."""
    folder = tmp_path_factory.mktemp("bad")
    home, rows = folder / "home", {"id": "integer"}
    with home_at(home), workspace(folder / "work") as root:
        world = World(root, home / "landing")
        for name, (text, _) in BAD.items():
            world.write(
                name, promise(name, "kept_raw", rows), sources=f'kept_raw = source("kept.csv")\n{text}\n'
            )
            world.land(name, "kept.csv", "id\n1\n")
        world.write(
            "loud",
            promise("loud", "kept_raw", rows),
            promise("loud", "kept", rows),
            sources=f'{LOUD}kept_raw = source("kept.csv")\n',
            products=ASSET,
        )
        world.land("loud", "kept.csv", "id\n1\n")
        with (root / "workspace.yaml").open("a") as file:
            file.write(ENTRIES)
    return root, home


@pytest.fixture(scope="module")
def told(bad: tuple[Path, Path]) -> Mapping[str, Told]:
    """The answers of all commands on it."""
    root, home = bad
    return {name: mesh(root, home, *words) for name, words in COMMANDS.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_goes_on_with_everything_else(told: Mapping[str, Told], command: str) -> None:
    """The sound domain is made and shown; no traceback is, and standard output holds the answer alone."""
    answer = told[command]
    assert "Traceback" not in answer.words
    assert "loudloud" not in answer.out.replace("\n", "")
    if command != "check":
        assert "loud.kept" in answer.words
    assert answer.code == (0 if command in ("why", "show") else 1)


@pytest.mark.parametrize("command", ["run", "status", "status --json", "check"])
@pytest.mark.parametrize("domain", [*BAD, *NAMED])
def test_each_is_refused_by_name_with_reason_and_remedy(
    told: Mapping[str, Told], command: str, domain: str
) -> None:
    """Every command that is about the whole mesh says it, as text or as JSON."""
    answer = told[command].words
    reason = BAD[domain][1] if domain in BAD else NAMED[domain]
    if command == "status --json":
        [fault] = json.loads(told[command].out)["refused"][domain]
        assert reason in fault["problem"]
        assert fault["fix"]
        return
    assert domain in answer
    assert reason in answer
    assert ("fix: " if command != "run" else "-> ") in told[command].out + told[command].err


def test_what_is_published_of_the_sound_domain_is_all_there_is(told: Mapping[str, Told]) -> None:
    """Nothing was made of a refused domain."""
    products = json.loads(told["status --json"].out)["products"]
    assert {product["key"]: product["rows"] for product in products} == {"loud.kept": 1}


@pytest.mark.parametrize("domain", BAD)
def test_a_refused_domain_has_one_line_in_the_report(told: Mapping[str, Told], domain: str) -> None:
    """Once each, in the report of the run."""
    assert told["run"].out.splitlines().count(f"{domain}: refused") == 1


def test_a_code_server_of_a_sound_domain_plans_with_the_rest(
    told: Mapping[str, Told], bad: tuple[Path, Path]
) -> None:
    """Its tick loads the whole mesh, and imports none of the domains that would end it."""
    root, home = bad
    code = (
        "from mesh_pipelines.declaring.load import load_domain\n"
        "from mesh_pipelines.orchestration.tick import mesh_of\n"
        "mesh = mesh_of(load_domain('domains.loud'))\n"
        "import sys; sys.stderr.write(f'{sorted(mesh.domains)} {len(mesh.refused)}')"
    )
    assert typed(root, home, "-c", code).err.endswith("['loud'] 10")


@pytest.mark.parametrize("domain", ["exits", "crashes", "loops", "interrupts"])
def test_its_own_code_server_says_why_it_does_not_load(
    told: Mapping[str, Told], bad: tuple[Path, Path], domain: str
) -> None:
    """As its page in Dagster shows it; the process is not lost."""
    root, home = bad
    answer = typed(root, home, "-m", f"domains.{domain}.definitions")
    assert answer.code == 1
    assert "mesh_pipelines.errors.DomainError" in answer.err
    assert BAD[domain][1] in answer.words
