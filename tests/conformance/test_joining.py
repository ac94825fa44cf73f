"""A domain that joins the three: its folder and one line of workspace.yaml, and all tests are as green as before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Type = Callable[..., str]
OF_OTHERS = ("e2e", "mesh_pipelines", "quality", "resources", "test_packaging.py", "test_tutorial.py")
"""Below ``tests``: what takes long, and is of the platform alone."""

THREE = ("fleet", "operations", "weather")


@pytest.fixture
def clone(root: Path, tmp_path: Path) -> Path:
    """This project as it is, without what was installed or made in its folder."""
    made = (".git", ".venv", ".mesh", ".*_cache", ".hypothesis", "__pycache__", "mlruns", "build", "dist")
    return shutil.copytree(root, tmp_path / "clone", ignore=shutil.ignore_patterns(*made))


@pytest.fixture
def type_there(clone: Path) -> Type:
    """Runs a Python program with arguments in the clone, and gives what it prints; it has to end well."""
    env = {**os.environ, "PYTHONPATH": str(clone), "MESH_HOME": str(clone / ".mesh"), "COLUMNS": "160"}

    def run(program: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], cwd=clone, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_a_new_domain_passes_what_every_domain_is_held_to(type_there: Type) -> None:
    """It is sound, and plain `pytest` runs the federation's tests on it, the documents' and its own."""
    mesh, tests = (
        "from mesh_pipelines.commands.cli import main; main()",
        "import sys, pytest; sys.exit(pytest.main())",
    )
    contracts = "tests/conformance/test_contracts.py"
    type_there(mesh, "new", "domain", "newcomer")

    assert "Every contract, domain and code location is sound." in type_there(mesh, "check")
    ignored = [f"--ignore=tests/{name}" for name in OF_OTHERS]
    ignored += [f"--ignore=domains/{name}" for name in THREE]
    printed = type_there(tests, "-v", "-m", "not slow", "-p", "no:cacheprovider", *ignored)
    passed = {line.partition(" PASSED")[0] for line in printed.splitlines() if " PASSED" in line}
    for contract in ("readings_raw", "readings", "repair_forecast"):
        complete = f"{contracts}::test_a_contract_is_complete_by_the_standard[{contract}]"
        assert complete in passed
    assert any(test.startswith("domains/newcomer/tests/") for test in passed)
    assert any(test.startswith("tests/test_docs.py") for test in passed)
