"""A mesh with one month published, built once and copied for every test, in memory where the machine has it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_pipelines.commands.demo_data import land
from mesh_pipelines.orchestration import run as runs
from resources.settings import get_settings
from tests.e2e.forked_runs import ForkServer
from tests.e2e.small_home import CORRECTED, DEPARTURES, JANUARY, RAW, SmallHome, edited

ROWS = {"operations": 800, "weather": 300, "fleet": 100}
"""Rows of each landed file that are kept: 1 % of them is what the contracts tolerate."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The platform silences these two when it is imported; pytest sets its own filters for every test after that."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for name in ("BetaWarning", "PreviewWarning"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore::dagster_shared.utils.warnings.{name}"))


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """A folder for homes; in memory, since Dagster waits for the disk at every event."""
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="mesh-e2e-", dir=place) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slices of the real files of January and February, as they land."""
    folder = tmp_path_factory.mktemp("months")
    for landed in land(("2013-01", "2013-02"), folder):
        lines = landed.path.read_bytes().splitlines(keepends=True)
        landed.path.write_bytes(b"".join(lines[: 1 + ROWS[landed.path.parent.name]]))
    return folder


@pytest.fixture(scope="session")
def january(months: Path) -> bytes:
    """The departures of January, as they landed."""
    return (months / "operations" / "departures-2013-01.csv").read_bytes()


@pytest.fixture(scope="session")
def february(months: Path) -> bytes:
    """The departures of February: they have not landed."""
    return (months / "operations" / "departures-2013-02.csv").read_bytes()


@pytest.fixture(scope="session")
def built(ground: Path, months: Path) -> Path:
    """A home in which January landed, and operations' departures are published."""
    home = ground / "built"
    for name in (
        "operations/departures-2013-01.csv",
        "weather/observations-2013-01.csv",
        "fleet/aircraft.csv",
    ):
        path = home / "landing" / name
        path.parent.mkdir(parents=True)
        path.write_bytes((months / name).read_bytes())
    with living_in(home):
        report = runs.run([DEPARTURES])
        assert report.ok, [step.message for step in report.steps]
    return home


@pytest.fixture(scope="session")
def pending(built: Path, ground: Path, january: bytes) -> Path:
    """A home in which a correction of January is published as a source, and not yet as departures.

    One row of it has another aircraft, another a delay that the product refuses.
    """
    home = ground / "pending"
    shutil.copytree(built, home)
    changes = {1: {"tailnum": CORRECTED}, 2: {"dep_delay": "9999"}}
    (home / "landing" / "operations" / JANUARY).write_bytes(edited(january, changes))
    with living_in(home):
        assert runs.run([RAW]).ok
    return home


@pytest.fixture(scope="session")
def fork_server(root: Path) -> Iterator[ForkServer]:
    """A warm process that forks others."""
    with ForkServer.of(root) as fork_server:
        yield fork_server


@pytest.fixture
def corrected(pending: Path, ground: Path, mesh_home: Path) -> Iterator[SmallHome]:
    """A copy of the home whose correction is pending, of this test alone."""
    del mesh_home
    yield from _copy(pending, ground)


@pytest.fixture
def small_home(built: Path, ground: Path, mesh_home: Path) -> Iterator[SmallHome]:
    """A copy of that home, of this test alone."""
    del mesh_home  # it has cleared the machine's own settings
    yield from _copy(built, ground)


def _copy(home: Path, ground: Path) -> Iterator[SmallHome]:
    copy = Path(tempfile.mkdtemp(dir=ground)) / "home"
    shutil.copytree(home, copy)
    with living_in(copy):
        yield SmallHome(copy)
    shutil.rmtree(copy.parent)


class living_in:  # noqa: N801 (used like a function)
    """Have a home in force."""

    def __init__(self, home: Path) -> None:
        self._patch = pytest.MonkeyPatch()
        self._home = home

    def __enter__(self) -> None:
        self._patch.setenv("MESH_HOME", str(self._home))
        get_settings.cache_clear()

    def __exit__(self, *_: object) -> None:
        self._patch.undo()
        get_settings.cache_clear()
