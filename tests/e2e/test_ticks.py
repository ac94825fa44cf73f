"""The living mesh in seconds: sensors are evaluated here, runs are executed here, or in a process that is killed.

Short twins of ``test_daemon.py`` and ``test_faults.py``, on the same small mesh with two months; docs/testing.md has
the pairs. Each test lands other content and leaves the mesh up to date.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest

from mesh_pipelines.dagster_names import REASON, VERSIONS
from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.orchestration import tick as orchestration_tick
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.runtime import instance as instances
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.runtime.lost_runs import end_lost
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.testing import mesh_home as home_at
from mesh_pipelines.testing import workspace
from resources.processes import is_gone
from resources.settings import get_settings
from tests.e2e import small_mesh
from tests.e2e.forked_runs import ForkedRun, ForkServer
from tests.e2e.ticks import execute, follow, tick
from tests.mesh_pipelines.small_domains import World

DOMAINS = ("plant", "shop")
MODELS = ("plant.wear", "shop.delay")
MONTHS = ("2013-01", "2013-02")
UP_TO_DATE = "everything is up to date"
KILLS, LONGEST = 6, 4.0
"""Runs that are killed, and the seconds within which each is."""


class TickedMesh:
    """The small mesh without a daemon.

    Args:
        folder: holds its workspace and its home, which are in force.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.world = World(folder / "work", self.home / "landing")
        self.mesh: Mesh = self.world.mesh()

    def tick(self, domain: str) -> dg.RunRequest | str:
        """The run that a tick of a domain requests, or why it requests none."""
        return tick(self.mesh.domains[domain])

    def follow(self, domain: str) -> dg.ExecuteInProcessResult:
        """Execute the run that a tick of a domain requests."""
        return follow(self.mesh.domains[domain])

    def settle(self) -> Counter[str]:
        """Tick in turn and execute what is requested, until a tick of each domain requests nothing.

        Returns:
            How often each asset was requested; each run has to succeed.
        """
        requested: Counter[str] = Counter()
        while requests := {name: r for name in DOMAINS if isinstance(r := self.tick(name), dg.RunRequest)}:
            assert max(requested.values(), default=0) < 4, f"no end: {requests}"
            domain, request = next(iter(requests.items()))
            assert execute(self.mesh.domains[domain], request).success
            requested.update(".".join(key.path) for key in request.asset_selection or ())
        return requested

    def land(self, seed: int) -> None:
        """Land other content of the last month, in both domains."""
        small_mesh.land(self.world, MONTHS[-1:], seed=seed)

    def runs(self) -> list[dg.DagsterRun]:
        """All runs, the oldest first."""
        return list(reversed(dagster_instance(shared_resources()).get_runs()))

    def counts(self) -> Counter[str]:
        """Number of versions of each table and model."""
        shared = shared_resources()
        found = Counter({key: len(registry_of(shared).versions(key)) for key in MODELS})
        for node in self.mesh.nodes.values():
            if node.key not in MODELS and not node.key.endswith("_champion"):
                record = shared.record(node.key)
                found[node.key] = record.version + 1 if record else 0
        return found

    def assert_each_once(self, before: Mapping[str, int]) -> None:
        """Everything was made once more than before, and no tick finds anything to do."""
        now = self.counts()
        assert {key: now[key] - before[key] for key in before} == dict.fromkeys(before, 1)
        assert {self.tick(domain) for domain in DOMAINS} == {UP_TO_DATE}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small mesh, with nothing landed."""
    folder = tmp_path_factory.mktemp("ticks")
    (folder / "home").mkdir()
    small_mesh.write(folder / "work", folder / "home" / "landing")
    return folder


@pytest.fixture
def mesh(folder: Path, mesh_home: Path) -> Iterator[TickedMesh]:
    """The small mesh, in force; tests of this module go on from one another."""
    del mesh_home
    with home_at(folder / "home"), workspace(folder / "work"):
        os.environ["MESH_SETTLE_SECONDS"] = "0"
        get_settings.cache_clear()
        yield TickedMesh(folder)


def test_what_lands_is_followed_once_in_both_domains(mesh: TickedMesh) -> None:
    """Two months at once: one run a reason, each asset once, each model once, and shop's model is on both inputs."""
    before = mesh.counts()
    assert not any(isinstance(mesh.tick(domain), dg.RunRequest) for domain in DOMAINS), "nothing has landed"
    small_mesh.land(mesh.world, MONTHS)
    assert mesh.settle() == dict.fromkeys(mesh.mesh.nodes, 1)
    mesh.assert_each_once(before)
    assert all(run.is_success and run.tags[REASON] and run.tags[VERSIONS] for run in mesh.runs())
    [wear], [delay] = (registry_of(shared_resources()).versions(key) for key in MODELS)
    assert wear.trained_at <= delay.trained_at
    assert {wear.gate, delay.gate} == {"promoted"}
    features = shared_resources().record("shop.order_features")
    assert features is not None
    read = {key: given.version for key, given in PublishRecord.of(features).inputs.items()}
    assert read == {"shop.orders": 0, "plant.wear_forecast": 0}
    assert features.rows == 59 * small_mesh.MACHINES


def test_content_that_stays_the_same_is_looked_at_and_followed_by_nobody(mesh: TickedMesh) -> None:
    """Other bytes, the same rows: one run of that source, and no version of anything that reads it."""
    before, count = mesh.counts(), len(mesh.runs())
    again = mesh.world.landing / "shop" / "orders-2013-01.csv"
    again.write_text(again.read_text().replace("m0,", '"m0",'))
    assert "waits for shop.orders" in str(mesh.tick("plant"))
    requested = mesh.settle()
    assert {key.partition(".")[0] for key in requested} == {"shop"}
    assert requested["shop.orders_raw"] == 1
    assert len(mesh.runs()) == count + 1
    assert set(mesh.counts() - before) <= {"shop.orders_raw"}


def test_a_poisoned_month_stops_and_a_corrected_file_heals_it(mesh: TickedMesh) -> None:
    """Bad beyond tolerance: one failed run, no second one, nothing new in either domain; mending the file is enough."""
    before = mesh.counts()
    good = small_mesh.text("shop", MONTHS[-1], seed=2)
    path = mesh.world.landing / "shop" / "orders-2013-02.csv"
    path.write_text(good.replace(",2013-02-", ",not a day "))
    assert not mesh.follow("shop").success
    refused = mesh.tick("shop")
    assert "nothing has changed since" in str(refused)
    assert mesh.tick("plant") == UP_TO_DATE
    assert mesh.counts() == before
    path.write_text(good)
    assert max(mesh.settle().values()) == 1
    more = {key: count - before[key] for key, count in mesh.counts().items()}
    assert more == {key: int(key.startswith("shop.") or key == "plant.demand") for key in before}


def forked(mesh: TickedMesh, server: ForkServer, domain: str, stop: tuple[str, str]) -> ForkedRun:
    """The run that a tick requests, in a process of its own, stopped on its way."""
    run = server.start(mesh.home, [domain], stop, workspace=str(mesh.world.root))
    run.wait("reached")
    return run


def test_a_run_killed_while_it_trains_is_done_by_the_next_tick(
    mesh: TickedMesh, fork_server: ForkServer
) -> None:
    """The tick fails the lost run and requests what is missing, and no more."""
    before, count = mesh.counts(), len(mesh.runs())
    mesh.land(seed=3)
    forked(mesh, fork_server, "plant", ("plant.wear", "trained")).kill()
    again = mesh.tick("plant")
    assert isinstance(again, dg.RunRequest)
    assert dg.AssetKey(["plant", "wear"]) in (again.asset_selection or ())
    assert dg.AssetKey(["plant", "wear_features"]) not in (again.asset_selection or ()), "it is published"
    mesh.settle()
    assert mesh.runs()[count].is_failure
    mesh.assert_each_once(before)


def test_a_daemon_that_starts_anew_waits_for_the_run_that_goes_on(
    mesh: TickedMesh, fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run outlives the process that asked for it; the new one lets it end, then requests the rest."""
    before, count = mesh.counts(), len(mesh.runs())
    mesh.land(seed=4)
    run = forked(mesh, fork_server, "plant", ("plant.wear", "trained"))
    monkeypatch.setattr(orchestration_tick, "_meshes", {})
    instances._instance.cache_clear()
    assert "is on its way" in str(mesh.tick("plant"))
    fork_server.go(mesh.home)
    run.report()
    mesh.settle()
    assert all(run.is_success for run in mesh.runs()[count:])
    (mesh.home.parent / "go").unlink()
    mesh.assert_each_once(before)


def test_after_a_power_cut_each_change_is_handled_once(mesh: TickedMesh, fork_server: ForkServer) -> None:
    """Both domains' runs are killed at once, one at a commit; a tick of each asks for what is missing."""
    before, count = mesh.counts(), len(mesh.runs())
    mesh.land(seed=5)
    both = [
        forked(mesh, fork_server, "plant", ("plant.readings", "written")),
        forked(mesh, fork_server, "shop", ("shop.orders", "committing")),
    ]
    for run in both:
        run.kill()
    instances._instance.cache_clear()
    mesh.settle()
    assert [run.is_failure for run in mesh.runs()[count : count + 2]] == [True, True]
    mesh.assert_each_once(before)


def test_runs_killed_at_random_moments_lose_nothing_and_double_nothing(
    mesh: TickedMesh, fork_server: ForkServer
) -> None:
    """Of a person and of a tick in turn, beside a refused month: the next one ends what was left, and does the rest."""
    before, drawn = mesh.counts(), random.Random(8)
    mesh.land(seed=6)
    bad = mesh.world.landing / "plant" / "readings-2013-03.csv"
    bad.write_text(small_mesh.text("plant", "2013-03").replace(",2013-03-", ",not a day "))
    for number in range(KILLS):
        by_hand = number % 2 == 0
        run = fork_server.start(mesh.home, ["plant"], workspace=str(mesh.world.root), by_hand=by_hand)
        time.sleep(drawn.uniform(0, LONGEST))
        with suppress(ProcessLookupError):  # it had nothing to do
            run.kill()
        assert_nothing_goes_on(mesh)
        assert list((run.signs / "temporary").iterdir()) == []
    report = runs.run(["plant", "shop"])
    assert [step.key for step in report.steps if step.status == "failed"] == ["plant.readings_raw"]
    bad.unlink()
    assert_nothing_goes_on(mesh)
    assert mesh.settle() == {}
    mesh.assert_each_once(before)


def assert_nothing_goes_on(mesh: TickedMesh) -> None:
    """After the next command no run goes on, in Dagster or MLflow, and nothing temporary is left."""
    shared = shared_resources()
    end_lost(shared)
    assert [run.run_id for run in mesh.runs() if not run.is_finished] == []
    client = shared.tracking.client()
    ids = [found.experiment_id for found in client.search_experiments()]
    assert list(client.search_runs(ids, "attributes.status = 'RUNNING'")) == []
    scratch = shared.settings.scratch
    assert [folder.name for folder in scratch.glob("*") if is_gone(folder.name)] == []
