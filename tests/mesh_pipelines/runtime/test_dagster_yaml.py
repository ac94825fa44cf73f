"""The dagster.yaml that is written: who runs when, how much at once; tried on Dagster's own queue and pools."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import LaunchRunContext, RunLauncher
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test, create_test_daemon_workspace_context
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from hypothesis import given
from hypothesis import strategies as st

from mesh_pipelines.errors import MeshError
from mesh_pipelines.orchestration.location import definitions
from mesh_pipelines.orchestration.run import run
from mesh_pipelines.runtime.dagster_yaml import TRAINING, WORTH, ensure_dagster_home, urgency
from mesh_pipelines.scaffold import new_domain
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.testing import small_domain
from resources.settings import Settings, get_settings
from tests.mesh_pipelines.postgres import Postgres
from tests.mesh_pipelines.small_domains import World

PRIORITIES = st.integers(1, 10)


@given(PRIORITIES, PRIORITIES, st.floats(0, 2e9), st.floats(0, 1e6))
def test_nobody_is_overtaken_by_who_came_much_later(
    mine: int, other: int, asked: float, later: float
) -> None:
    """The higher priority goes first, unless the other has waited longer than that is worth: so nobody starves."""
    ahead = urgency(other, asked + later) > urgency(mine, asked)
    if later > WORTH * (other - mine) + 1:
        assert not ahead
    elif later < WORTH * (other - mine) - 1:
        assert ahead


class Taking(RunLauncher):
    """Takes what the queue gives it, and says that it has started."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[dg.DagsterRun] = []

    def launch_run(self, context: LaunchRunContext) -> None:
        self.taken.append(context.dagster_run)
        event = dg.DagsterEvent("PIPELINE_START", context.dagster_run.job_name)
        self._instance.report_dagster_event(event, context.dagster_run.run_id)

    def terminate(self, run_id: str) -> bool:
        return False


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance as the mesh configures it, for one run at a time, and one training."""
    home = ensure_dagster_home(Settings(home=tmp_path))
    file = home / "dagster.yaml"
    written = yaml.safe_load(file.read_text())
    written["concurrency"]["runs"]["max_concurrent_runs"] = 1
    written["concurrency"]["pools"]["default_limit"] = 1
    file.write_text(yaml.safe_dump(written))
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.mark.parametrize("waiting_counts", [True, False])
def test_a_domain_of_low_priority_gets_its_turn_in_a_full_queue(
    instance: dg.DagsterInstance, waiting_counts: bool
) -> None:
    """A domain of priority 10 always has two runs in the queue; without what waiting is worth, the other starves."""
    queue, launcher = QueuedRunCoordinatorDaemon(interval_seconds=1), Taking()
    launcher.register_instance(instance)
    instance._run_launcher = launcher
    seconds = 100  # that a run takes

    def ask(domain: str, priority: int, at: int) -> None:
        value = urgency(priority, at) if waiting_counts else priority
        tags = {"mesh/domain": domain, "dagster/priority": str(value)}
        origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(domain), "repository")
        queued = dg.DagsterRunStatus.QUEUED
        create_run_for_test(
            instance, domain, status=queued, tags=tags, remote_job_origin=origin.get_job_origin(domain)
        )

    ask("low", 1, 0)
    ask("high", 10, 0)
    with create_test_daemon_workspace_context(EmptyWorkspaceTarget(), instance) as context:
        for turn in range(8):
            ask("high", 10, turn * seconds)
            list(queue.run_iteration(context))
            assert len(launcher.taken) == turn + 1, "one at a time"
            done = instance.get_run_by_id(launcher.taken[-1].run_id)
            assert done is not None
            instance.report_dagster_event(dg.DagsterEvent("PIPELINE_SUCCESS", done.job_name), done.run_id)
    order = [run.job_name for run in launcher.taken]
    assert order[:3] == ["high"] * 3, "priority decides first"
    assert ("low" in order) is waiting_counts


def test_a_model_trains_when_the_pool_has_a_place(instance: dg.DagsterInstance) -> None:
    """While another one trains, it waits."""
    began: list[float] = []
    released: list[float] = []
    storage = instance.event_log_storage

    @dg.op(pool=TRAINING)
    def train() -> None:
        began.append(time.monotonic())

    @dg.job(executor_def=dg.in_process_executor)
    def training() -> None:
        train()

    def release() -> None:
        released.append(time.monotonic())
        storage.free_concurrency_slot_for_step("another", "train")

    storage.initialize_concurrency_limit_to_default(TRAINING)
    assert storage.claim_concurrency_slot(TRAINING, "another", "train").is_claimed
    other = threading.Timer(1.0, release)
    other.start()
    assert training.execute_in_process(instance=instance).success
    other.join()
    assert began > released


def test_training_and_nothing_else_takes_a_place_in_the_pool(tmp_path: Path) -> None:
    """Products and predictions of a domain do not wait for models."""
    with small_domain(tmp_path) as mesh:
        made = definitions(mesh.domains["machines"]).assets or ()
        assets = [asset for asset in made if isinstance(asset, dg.AssetsDefinition)]
        pools = {asset.key.path[-1]: asset.op.pool for asset in assets}
    assert {name for name, pool in pools.items() if pool} == {"repair"}
    assert pools["repair"] == TRAINING


def test_the_address_of_the_database_is_named_and_not_written(tmp_path: Path) -> None:
    """The file says which variable holds it; the password stays out of it."""
    settings = Settings(home=tmp_path, dagster_storage="postgresql+psycopg2://mesh:secret@db/dagster")  # pyright: ignore[reportArgumentType]
    text = (ensure_dagster_home(settings) / "dagster.yaml").read_text()
    assert yaml.safe_load(text)["storage"] == {"postgres": {"postgres_url": {"env": "MESH_DAGSTER_STORAGE"}}}
    assert "secret" not in text
    assert "secret" not in repr(settings)


def test_runs_events_and_pools_are_kept_in_postgresql(
    world: World, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the setting says so: a domain runs to its champion, and nothing of it is in a file of the home."""
    postgres.do("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    monkeypatch.setenv(
        "MESH_DAGSTER_STORAGE", postgres.superuser.replace("postgresql://", "postgresql+psycopg2://")
    )
    get_settings.cache_clear()
    new_domain("machines", world.root)
    report = run(["machines"])
    assert report.ok, report
    home = shared_resources().settings.dagster_home
    with dg.DagsterInstance.from_config(str(home)) as instance:
        kept = instance.get_runs()
        assert {run.run_id for run in kept} == set(report.run_ids)
        assert all(run.is_success for run in kept)
        assert instance.event_log_storage.get_concurrency_keys() == {TRAINING}
        assert not instance.event_log_storage.get_concurrency_run_ids(), "every place is free again"
    assert not list(home.rglob("*.db"))
    assert {step.status for step in run(["machines"]).steps} == {"up to date"}


def test_the_file_follows_the_settings_until_somebody_makes_it_theirs(tmp_path: Path) -> None:
    """Its first line says so: without it the file is left as it is."""
    plain = Settings(home=tmp_path)
    postgres = Settings(home=tmp_path, dagster_storage="postgresql+psycopg2://db/dagster")  # pyright: ignore[reportArgumentType]
    file = ensure_dagster_home(plain) / "dagster.yaml"
    before = file.read_text()
    ensure_dagster_home(postgres)
    assert "postgres" in file.read_text()
    ensure_dagster_home(plain)
    assert file.read_text() == before
    own = before.partition("\n")[2]
    file.write_text(own)
    ensure_dagster_home(postgres)
    assert file.read_text() == own


def test_a_file_of_their_own_that_names_moved_modules_is_told_so(tmp_path: Path) -> None:
    """It is left as it is; the error names the module of now, instead of Dagster's failure to import the old one."""
    settings = Settings(home=tmp_path)
    file = settings.dagster_home / "dagster.yaml"
    file.parent.mkdir(parents=True)
    own = "run_launcher:\n  module: mesh_pipelines.launcher\n  class: WarmRunLauncher\n"
    file.write_text(own)
    with pytest.raises(MeshError, match=r"moved: mesh_pipelines\.launcher") as refused:
        ensure_dagster_home(settings)
    assert "write mesh_pipelines.runtime.launcher" in refused.value.remedy
    assert file.read_text() == own
