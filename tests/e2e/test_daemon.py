"""The mesh keeps itself current: a real daemon, real code servers, real files that land."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_pipelines.commands.demo_data import DOMAINS, land
from mesh_pipelines.dagster_names import REASON, VERSIONS
from mesh_pipelines.declaring.mesh import read_workspace
from mesh_pipelines.governance.load_mesh import load_mesh
from tests.e2e.living_mesh import LivingMesh, made

ROOT = Path(__file__).resolve().parents[2]
HISTORY = [f"2013-{month:02d}" for month in range(1, 6)]
MODELS = ("weather.low_visibility", "fleet.flying_hours", "operations.departure_delay")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingMesh]:
    """Five months have been made by hand; then the daemon takes over."""
    mesh = LivingMesh(ROOT, tmp_path_factory.mktemp("living") / "home")
    land(HISTORY, mesh.settings.landing_folder)
    by_hand = mesh.mesh("run", "--json")
    assert by_hand.returncode == 0, by_hand.stderr + by_hand.stdout
    mesh.start()
    yield mesh
    mesh.stop()


def test_a_month_that_lands_is_followed_everywhere_once_and_in_order(living: LivingMesh) -> None:
    """Without a further command every domain follows: each asset once, weather's model before operations'."""
    living.wait_for("every domain has looked", lambda: len(living.ticks()) == len(read_workspace(ROOT)))
    assert living.runs() == [], "nothing was out of date, so nothing may run"

    land(["2013-06"], living.settings.landing_folder)
    living.wait_for("operations has a new model", lambda: len(living.versions(MODELS[-1])) > 1)
    living.settle()

    runs = living.runs()
    assert all(run.is_success for run in runs)
    assert all(run.tags[REASON] and run.tags[VERSIONS] for run in runs)
    ours = {key for key in load_mesh(ROOT).nodes if key.partition(".")[0] in DOMAINS}
    expected = {key for key in ours if not key.startswith("fleet.aircraft")}
    assert set(made(runs)) == expected
    assert set(made(runs).values()) == {1}, "each asset once: not twice for two inputs, and none left out"
    weather, fleet, operations = (living.versions(key) for key in MODELS)
    assert len(weather) == len(operations) == len(fleet) == 2
    assert weather[1].trained_at <= operations[1].trained_at
    assert all(
        version.gate in ("promoted", "refused") and version.reason for version in (*weather, *operations)
    )
    forecast = living.platform.lake.scan("operations.delay_forecast").collect()
    assert forecast.filter(month="2013-06").height > 20_000
    assert set(forecast["model_version"].unique()) <= {"departure_delay@1", "departure_delay@2"}
    assert set(living.ticks().values()) == {"everything is up to date"}


def test_a_poisoned_month_stops_at_its_door_and_a_corrected_file_heals_it(living: LivingMesh) -> None:
    """Bad beyond tolerance: nothing downstream runs, in no domain, and not again and again; mending it is enough."""
    before = {key: living.content(key) for key in ("operations.departures", "fleet.utilisation")}
    count = len(living.runs())
    path = living.settings.landing_folder / "operations" / "departures-2013-07.csv"
    good = _departures("2013-07", living.home)
    path.write_bytes(good.replace(b",EWR,", b",???,"))
    living.wait_for("the poisoned month is refused", lambda: len(living.runs()) > count)
    living.settle()

    refused = living.runs()[count:]
    assert [run.is_failure for run in refused] == [True]
    assert {key: living.content(key) for key in before} == before
    assert len(living.versions(MODELS[-1])) == 2
    why = living.mesh("why", "operations.departures_raw", "--json")
    told = json.dumps(json.loads(why.stdout))
    assert "tolerates" in told
    assert "nothing has changed since" in told

    path.write_bytes(good)
    living.wait_for("operations has a third model", lambda: len(living.versions(MODELS[-1])) > 2)
    living.settle()
    healed = living.runs()[count + 1 :]
    assert all(run.is_success for run in healed)
    assert max(made(healed).values()) == 1
    assert "2013-07" in living.platform.lake.partitions("operations.departures")
    assert not any(key.startswith("weather.") for key in made(healed)), "nothing of weather's had changed"


def _departures(month: str, home: Path) -> bytes:
    aside = home / "aside"
    land([month], aside)
    return (aside / "operations" / f"departures-{month}.csv").read_bytes()
