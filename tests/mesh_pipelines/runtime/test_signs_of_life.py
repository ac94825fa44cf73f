"""A machine that gives no sign of life has lost its runs; one that does keeps them, whatever its clock says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.test_utils import create_run_for_test

from mesh_pipelines.dagster_names import PROCESS
from mesh_pipelines.runtime import signs_of_life
from mesh_pipelines.runtime.launcher import WarmRunLauncher
from mesh_pipelines.runtime.lost_runs import fail_lost_runs, free_places
from mesh_pipelines.runtime.signs_of_life import SILENCE, give_signs, why_lost
from resources.processes import this_process
from resources.scratch import own_scratch

pytestmark = pytest.mark.odd_input("after a kill, and odd homes", "lost", "held up")
Status = dg.DagsterRunStatus
A_DAY = 24 * 3600
OTHER = "other:1:2"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in memory."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


class Clock:
    """The clock of this machine, as a test sets it."""

    def __init__(self) -> None:
        self.now = time.time()

    def time(self) -> float:
        """Seconds since 1970."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which signs of others are timed."""
    clock = Clock()
    monkeypatch.setattr(signs_of_life, "time", clock)
    return clock


def sign_of(host: str, instance: dg.DagsterInstance, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another machine give one sign."""
    with monkeypatch.context() as there:
        there.setattr(signs_of_life, "gethostname", lambda: host)
        with give_signs(instance, scratch):
            pass


def test_a_silent_machine_has_lost_its_runs(
    instance: dg.DagsterInstance, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Minutes after its last sign, as this machine counts them; its places in pools are free then."""
    sign_of("other", instance, tmp_path, monkeypatch)
    run = create_run_for_test(instance, tags={PROCESS: OTHER}, status=Status.STARTED)
    log = instance.event_log_storage
    log.set_concurrency_slots("training", 1)
    log.claim_concurrency_slot("training", run.run_id, "shop__late")

    def status() -> Status:
        fail_lost_runs(instance)
        free_places(instance)
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        return found.status

    for _ in range(5):
        assert status() == Status.STARTED
        clock.now += SILENCE - 1
        assert status() == Status.STARTED
        sign_of("other", instance, tmp_path, monkeypatch)
    assert status() == Status.STARTED
    assert log.get_concurrency_run_ids() == {run.run_id}
    clock.now += SILENCE + 1
    launcher = WarmRunLauncher()
    launcher.register_instance(instance)
    assert launcher.check_run_worker_health(run).status == WorkerStatus.FAILED
    assert status() == Status.FAILURE
    assert log.get_concurrency_run_ids() == set()
    messages = [entry.user_message or entry.message for entry in instance.all_logs(run.run_id)]
    assert any(f"the machine that executed it gives no sign of life: {OTHER}" in text for text in messages)


def test_a_machine_without_any_sign_is_given_a_day(instance: dg.DagsterInstance, clock: Clock) -> None:
    """It may execute an older version, which gives none."""
    assert not why_lost(lambda: instance, OTHER)
    clock.now += A_DAY - 1
    assert not why_lost(lambda: instance, OTHER)
    clock.now += 2
    assert why_lost(lambda: instance, OTHER)


def test_this_machine_needs_no_sign(instance: dg.DagsterInstance, clock: Clock) -> None:
    """Its processes are seen; a run that nobody executes yet is nobody's."""
    for process in (this_process(), ""):
        assert not why_lost(lambda: instance, process)
        clock.now += 2 * A_DAY
        assert not why_lost(lambda: instance, process)


def test_signs_go_on_while_a_run_is_executed(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Again and again, also after a storage that did not answer; temporary files stay in use meanwhile."""
    monkeypatch.setattr(signs_of_life, "BEAT", 0.01)
    storage, signs = instance.daemon_cursor_storage, list[str]()
    write = storage.set_cursor_values

    def record(values: dict[str, str]) -> None:
        signs.extend(values.values())
        if len(signs) == 2:
            raise ConnectionError("not now")
        write(values)

    monkeypatch.setattr(storage, "set_cursor_values", record)
    folder = own_scratch(tmp_path)
    before = folder.stat().st_mtime_ns
    with give_signs(instance, tmp_path):
        deadline = time.monotonic() + 30
        while len(signs) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(set(signs)) >= 4
    assert folder.stat().st_mtime_ns > before
