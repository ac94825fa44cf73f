"""What every test gets: a mesh home of its own, and nothing of the machine's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mesh_pipelines import testing
from mesh_pipelines.governance.import_trial import keep_trial_process
from tests.odd_inputs import OddInputs

settings.register_profile(
    "here", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Count the odd inputs of this session."""
    config.pluginmanager.register(OddInputs(), "odd-inputs")


@pytest.fixture(autouse=True)
def mesh_home(tmp_path: Path) -> Iterator[Path]:
    """MESH_HOME of this test alone; nothing below it exists yet, and no other MESH_ setting is in force."""
    with testing.mesh_home(tmp_path / "mesh-home") as home:
        yield home


@pytest.fixture(scope="session", autouse=True)
def trial_process() -> Iterator[None]:
    """One process that tries the imports of all the workspaces of a session, started by the first."""
    with keep_trial_process():
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of this project."""
    return ROOT


_SLEEPER = """
import time
from mesh_pipelines.runtime.worker import take_signals
take_signals()  # as a run does, even if the tests were started in the background of a script
from resources.processes import this_process
print(this_process(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def sleeper() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process, and its name as it gives it itself."""
    with subprocess.Popen([sys.executable, "-c", _SLEEPER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.kill()
