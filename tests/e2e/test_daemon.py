"""The mesh keeps itself current: a real daemon, real code servers, real files that land."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.demo import land
from mesh_pipelines.mesh import load_mesh
from mesh_pipelines.planner import REASON
from mesh_pipelines.platform import Platform
from mesh_pipelines.sensors import PROCESS
from mesh_pipelines.ui import ensure_dagster_home
from resources.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
HISTORY = [f"2013-{month:02d}" for month in range(1, 7)]
PATIENCE = 420.0
QUIET = 20.0
"""Seconds without a new run after which the mesh has settled; its sensors look every five."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


class LivingMesh:
    """A mesh whose daemon runs in processes of its own; everything is seen from outside, as a person would."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = os.environ | {
            "MESH_HOME": str(home),
            "MESH_SENSOR_SECONDS": "5",
            "MESH_SETTLE_SECONDS": "1",
        }
        self.settings = Settings(home=home)
        self.platform = Platform(self.settings)
        self._process: subprocess.Popen[bytes] | None = None

    def mesh(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Type a ``mesh`` command."""
        command = [sys.executable, "-c", "from mesh_pipelines.cli import main; main()", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )

    def start(self) -> None:
        """Start webserver, daemon and code servers, as ``mesh ui`` does."""
        ensure_dagster_home(self.settings)
        command = [
            sys.executable,
            "-c",
            "from mesh_pipelines.cli import main; main()",
            "ui",
            "--port",
            "3987",
        ]
        with (self.home / "ui.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self) -> None:
        """Stop all of them."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)

    def daemon_runs(self) -> list[dg.DagsterRun]:
        """Runs that no person started, the oldest first."""
        with dg.DagsterInstance.from_config(str(self.settings.dagster_home)) as instance:
            return [run for run in reversed(instance.get_runs()) if PROCESS not in run.tags]

    def wait_for(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait until something has come about."""
        until = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > until:
                log = (self.home / "ui.log").read_text(errors="replace")[-4000:]
                raise AssertionError(f"not in {PATIENCE:.0f} s: {what}\n{log}")
            time.sleep(1)

    def settle(self) -> None:
        """Wait until all runs have ended and no new one comes."""
        since, seen = time.monotonic(), -1

        def quiet() -> bool:
            nonlocal since, seen
            runs = self.daemon_runs()
            if len(runs) != seen or not all(run.is_finished for run in runs):
                since, seen = time.monotonic(), len(runs)
            return time.monotonic() - since > QUIET

        self.wait_for("the mesh settles", quiet)

    def versions(self, key: str) -> tuple[Any, ...]:
        """Registered versions of a model."""
        return self.platform.registry.versions(key)

    def content(self, key: str) -> tuple[int, str]:
        """Version and content of a table."""
        record = self.platform.record(key)
        assert record is not None
        return record.version, record.data_version


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingMesh]:
    """Half a year has been made by hand; then the daemon takes over."""
    mesh = LivingMesh(tmp_path_factory.mktemp("living") / "home")
    land(HISTORY, mesh.settings.landing)
    made = mesh.mesh("run", "--json")
    assert made.returncode == 0, made.stderr + made.stdout
    mesh.start()
    yield mesh
    mesh.stop()


def _made(runs: list[dg.DagsterRun]) -> Counter[str]:
    return Counter(".".join(key.path) for run in runs for key in run.asset_selection or ())


def test_a_month_that_lands_is_followed_everywhere_once_and_in_order(living: LivingMesh) -> None:
    """Without a further command every domain follows: each asset once, weather's model before operations'."""
    living.settle()
    assert living.daemon_runs() == [], "nothing was out of date, so nothing may run"

    land(["2013-07"], living.settings.landing)
    living.wait_for(
        "operations has a new model", lambda: len(living.versions("operations.departure_delay")) > 1
    )
    living.settle()

    runs = living.daemon_runs()
    assert all(run.is_success for run in runs)
    assert all(run.tags[REASON] for run in runs)
    expected = {key for key in load_mesh(ROOT).nodes if not key.startswith("fleet.aircraft")}
    assert _made(runs) == Counter(expected), "each asset once: not twice for two inputs, and none left out"
    weather, operations = (
        living.versions("weather.low_visibility"),
        living.versions("operations.departure_delay"),
    )
    assert len(weather) == len(operations) == len(living.versions("fleet.flying_hours")) == 2
    assert weather[1].trained_at <= operations[1].trained_at
    assert all(
        version.gate in ("promoted", "refused") and version.reason for version in (*weather, *operations)
    )
    forecast = living.platform.lake.scan("operations.delay_forecast").collect()
    assert forecast.filter(month="2013-07").height > 20_000
    assert set(forecast["model_version"].unique()) <= {"departure_delay@1", "departure_delay@2"}


def test_a_poisoned_month_stops_at_its_door_and_a_corrected_file_heals_it(living: LivingMesh) -> None:
    """Bad beyond tolerance: nothing downstream runs, in no domain, and not again and again; mending it is enough."""
    living.settle()
    before = {key: living.content(key) for key in ("operations.departures", "fleet.utilisation")}
    count = len(living.daemon_runs())
    path = living.settings.landing / "operations" / "departures-2013-08.csv"
    good = _departures("2013-08", living.home)
    path.write_bytes(good.replace(b",EWR,", b",???,"))
    living.wait_for("the poisoned month is refused", lambda: len(living.daemon_runs()) > count)
    living.settle()

    refused = living.daemon_runs()[count:]
    assert [run.is_failure for run in refused] == [True]
    assert {key: living.content(key) for key in before} == before
    assert len(living.versions("operations.departure_delay")) == 2
    why = living.mesh("why", "operations.departures_raw", "--json")
    told = json.dumps(json.loads(why.stdout))
    assert "tolerates" in told
    assert "nothing has changed since" in told

    path.write_bytes(good)
    living.wait_for(
        "operations has a third model", lambda: len(living.versions("operations.departure_delay")) > 2
    )
    living.settle()
    healed = living.daemon_runs()[count + 1 :]
    assert all(run.is_success for run in healed)
    assert max(_made(healed).values()) == 1
    assert "2013-08" in living.platform.lake.partitions("operations.departures")
    assert not any(key.startswith("weather.") for key in _made(healed)), "nothing of weather's had changed"


def _departures(month: str, home: Path) -> bytes:
    aside = home / "aside"
    land([month], aside)
    return (aside / "operations" / f"departures-{month}.csv").read_bytes()
