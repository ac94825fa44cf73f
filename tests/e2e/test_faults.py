"""No storms and no loss: real processes are killed at each stage, and each change is still handled exactly once.

The mesh is small (:mod:`tests.e2e.small_mesh`): a model trains in a moment; daemon, code servers and runs are real.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress

import dagster as dg
import pytest

from mesh_pipelines.dagster_names import PROCESS
from mesh_pipelines.governance.load_mesh import load_mesh
from mesh_pipelines.publishing.record import PublishRecord
from mesh_pipelines.testing import workspace
from resources.lost_training import ENDED_BECAUSE
from resources.processes import is_gone, number_of
from tests.e2e import small_mesh
from tests.e2e.living_mesh import LivingMesh, made
from tests.mesh_pipelines.small_domains import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MODELS = ("plant.wear", "shop.delay")
YEAR = [f"2013-{month:02d}" for month in range(1, 13)]


class Small(LivingMesh):
    """The small mesh, and how often everything in it was made."""

    def build(self) -> None:
        """Write its workspace, and start it with nothing landed."""
        self.home.mkdir(parents=True)
        self.world: World = small_mesh.write(self.root, self.settings.landing_folder)
        with workspace(self.root):
            nodes = load_mesh(self.root).nodes.values()
        self.tables = [node.key for node in nodes if node.stage not in ("model", "champion")]
        self.start()

    def counts(self) -> dict[str, int]:
        """How many versions there are of each table and model."""
        tables = {key: self.content(key)[0] + 1 for key in self.tables}
        return tables | {key: len(self.versions(key)) for key in MODELS}

    def correct(self, seed: int) -> None:
        """Let other content of December land, in both domains at once."""
        small_mesh.land(self.world, YEAR[-1:], seed=seed)

    def at_step(self, step: str, after: int) -> dg.DagsterRun:
        """Wait until a run later than the first ``after`` ones has begun a step and not ended it."""
        found: list[dg.DagsterRun] = []

        def begun() -> bool:
            with self.instance() as instance:
                for run in self.runs()[after:]:
                    began = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)
                    if not run.is_finished and any(entry.step_key == step for entry in began):
                        found.append(run)
            return bool(found)

        self.wait_for(f"a run is at {step}", begun, every=0.05)
        return found[0]

    def each_once(self, before: Mapping[str, int]) -> None:
        """Everything was made once more than before: nothing is lost, nothing was done twice."""
        self.wait_for(f"all is made once more than {before}", lambda: min(self.more(before).values()) > 0)
        self.settle()
        assert self.more(before) == dict.fromkeys(before, 1)
        self.wait_for(
            "no tick finds anything to do",
            lambda: set(self.ticks().values()) == {"everything is up to date"},
        )
        self.wait_for("a tick ends what killed processes left running in MLflow", lambda: not self.training())

    def training(self) -> list[str]:
        """MLflow runs that have not ended."""
        client = self.platform.tracking.client()
        ids = [found.experiment_id for found in client.search_experiments()]
        return [run.info.run_id for run in client.search_runs(ids, "attributes.status = 'RUNNING'")]

    def more(self, before: Mapping[str, int]) -> dict[str, int]:
        """Versions since."""
        return {key: count - before[key] for key, count in self.counts().items()}


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """The small mesh, living."""
    folder = tmp_path_factory.mktemp("faults")
    mesh = Small(folder / "work", folder / "home")
    mesh.build()
    yield mesh
    mesh.stop()


def test_twelve_months_that_land_at_once_train_each_model_once(mesh: Small) -> None:
    """In both domains at once: one training a model, and shop's, which reads both, is on both."""
    before = mesh.counts()
    mesh.wait_for("both domains have looked", lambda: len(mesh.ticks()) == 2)
    assert mesh.runs() == [], "nothing has landed"
    small_mesh.land(mesh.world, YEAR)
    mesh.each_once(before)
    runs = mesh.runs()
    assert all(run.is_success for run in runs)
    assert set(made(runs).values()) == {1}
    features = mesh.platform.record("shop.order_features")
    assert features is not None
    read = {key: given.version for key, given in PublishRecord.of(features).inputs.items()}
    assert read == {"shop.orders": 0, "plant.wear_forecast": 0}
    assert features.rows == 365 * small_mesh.MACHINES


def test_content_that_stays_the_same_wakes_nobody(mesh: Small) -> None:
    """A file delivered again is looked at, and products that come out as they were are followed by nobody."""
    before, count = mesh.counts(), len(mesh.runs())
    small_mesh.land(mesh.world, YEAR[:1])
    again = mesh.settings.landing_folder / "shop" / "orders-2013-01.csv"
    again.write_text(
        again.read_text().replace("m0,", '"m0",')
    )  # other bytes, the same rows: a run has to look
    mesh.wait_for("shop looks at it", lambda: len(mesh.runs()) > count)
    mesh.settle()
    woken = mesh.runs()[count:]
    assert [(run.tags["mesh/domain"], run.is_success) for run in woken] == [("shop", True)]
    assert {key for key, more in mesh.more(before).items() if more} <= {"shop.orders_raw"}


def test_runs_killed_at_each_stage_lose_nothing_and_double_nothing(mesh: Small) -> None:
    """While publishing, training, judging and scoring: the next tick asks for what is missing, and no more."""
    before, count = mesh.counts(), len(mesh.runs())
    mesh.correct(seed=2)
    stages = ("plant__readings", "plant__wear", "plant__wear_champion", "plant__wear_forecast")
    killed: list[str] = []
    for stage in stages:
        run = mesh.at_step(stage, after=count)
        number = number_of(run.tags[PROCESS])
        if number is not None:
            os.kill(number, signal.SIGKILL)
            killed.append(run.run_id)
            mesh.wait_for("the killed run is found", lambda: _of(mesh, killed[-1]).is_finished, every=0.1)
    assert killed
    mesh.each_once(before)
    client = mesh.platform.tracking.client()
    ids = [found.experiment_id for found in client.search_experiments()]
    ended = client.search_runs(ids, "attributes.status = 'KILLED'")
    assert {run.data.tags["dagster_run_id"] for run in ended} <= set(killed)
    assert all("its process is gone" in run.data.tags[ENDED_BECAUSE] for run in ended)
    failed = [run.run_id for run in mesh.runs()[count:] if not run.is_success]
    assert set(failed) <= set(killed), "a run that nobody killed ends well"


def test_code_servers_killed_at_a_tick_come_back_and_miss_nothing(mesh: Small) -> None:
    """So does the process that runs are forked from: it is started again for the next run."""
    before = mesh.counts()
    mesh.correct(seed=3)
    time.sleep(1)
    assert len(mesh.kill("dagster api grpc")) >= 2
    assert mesh.kill("mesh_pipelines.runtime.worker")
    mesh.each_once(before)


def test_a_daemon_killed_during_a_run_takes_up_where_it_was(mesh: Small) -> None:
    """It is started again, finds what its runs had done, and does the rest."""
    before, count = mesh.counts(), len(mesh.runs())
    mesh.correct(seed=4)
    mesh.at_step("plant__wear", after=count)
    [killed] = mesh.kill("dagster._daemon")
    mesh.wait_for("another daemon", lambda: set(mesh.processes("dagster._daemon")) - {killed})
    mesh.each_once(before)


def test_a_mesh_stopped_during_a_run_takes_up_where_it_was(mesh: Small) -> None:
    """Ctrl-C ends the run too, and soon; started again, the mesh asks for what is missing."""
    before, count = mesh.counts(), len(mesh.runs())
    mesh.correct(seed=6)
    run = mesh.at_step("plant__wear", after=count)
    mesh.stop()
    assert mesh.processes("mesh_pipelines") == []
    mesh.start()
    mesh.each_once(before)
    assert _of(mesh, run.run_id).is_finished


def test_a_power_cut_loses_nothing(mesh: Small) -> None:
    """Everything is killed at once, runs too; started again, each change is handled once."""
    before, count = mesh.counts(), len(mesh.runs())
    mesh.correct(seed=5)
    mesh.at_step("shop__orders", after=count)
    mesh.kill("")
    mesh.wait_until_ended()
    mesh.start()
    mesh.each_once(before)


def test_twenty_kills_at_random_moments_lose_nothing_and_double_nothing(mesh: Small) -> None:
    """Of `mesh run` and of the daemon's run in turn, beside a refused month: the next command ends what was left."""
    before, drawn = mesh.counts(), random.Random(8)
    mesh.correct(seed=7)
    bad = mesh.settings.landing_folder / "plant" / "readings-2014-01.csv"
    bad.write_text(small_mesh.text("plant", "2014-01").replace(",2014-01-", ",not a day "))
    for number in range(20):
        if number % 2:
            _kill_mesh_run(mesh, drawn.uniform(1, 12))
        else:
            _kill_run(mesh, drawn.uniform(0, 3))
        assert mesh.mesh("status").returncode in (0, 1)
        with mesh.instance() as instance:
            ours = [run for run in instance.get_runs() if not run.is_finished and run.tags.get(PROCESS)]
            assert [run.tags[PROCESS] for run in ours if is_gone(run.tags[PROCESS])] == []
        scratch = mesh.settings.scratch
        assert [folder.name for folder in scratch.glob("*") if is_gone(folder.name)] == []
    done = mesh.mesh("run")
    assert "readings-2014-01.csv" in done.stdout + done.stderr
    bad.unlink()
    mesh.each_once(before)


def _kill_mesh_run(mesh: Small, after: float) -> None:
    command = [sys.executable, "-c", "from mesh_pipelines.commands.cli import main; main()", "run"]
    with subprocess.Popen(
        command,
        cwd=mesh.root,
        env=mesh.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        time.sleep(after)
        process.kill()


def _kill_run(mesh: Small, after: float) -> None:
    """Kill a run of the daemon some seconds after it was seen; without one there is nothing to kill."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        for run in mesh.runs():
            number = number_of(run.tags.get(PROCESS, ""))
            if not run.is_finished and number is not None:
                time.sleep(after)
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
                return
        time.sleep(0.2)


def _of(mesh: Small, run_id: str) -> dg.DagsterRun:
    return next(run for run in mesh.runs() if run.run_id == run_id)
