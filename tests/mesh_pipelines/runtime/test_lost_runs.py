"""What a killed process left running is ended by whoever comes next; what lives is left alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.storage.tags import RUN_FAILURE_REASON_TAG
from dagster._core.test_utils import create_run_for_test

from mesh_pipelines.dagster_names import PROCESS
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.runtime.lost_runs import end_lost, fail_lost_runs
from mesh_pipelines.shared import shared_resources
from resources.processes import start_of, this_process
from resources.scratch import own_scratch

pytestmark = pytest.mark.odd_input("after a kill, and odd homes", "lost", "held up")
Status = dg.DagsterRunStatus


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in memory."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(scope="module")
def gone() -> str:
    """Name of a process that was killed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        name = f"{this_process().partition(':')[0]}:{process.pid}:{start_of(process.pid)}"
        process.kill()
    return name


@pytest.mark.parametrize(
    ("status", "after"),
    [
        (Status.NOT_STARTED, Status.FAILURE),
        (Status.STARTING, Status.FAILURE),
        (Status.STARTED, Status.FAILURE),
        (Status.CANCELING, Status.CANCELED),
        (Status.SUCCESS, Status.SUCCESS),
    ],
)
def test_a_run_of_a_killed_process_ends(
    instance: dg.DagsterInstance, gone: str, status: Status, after: Status
) -> None:
    """Whatever it was doing, whoever's it was, and however many came after it."""
    run = create_run_for_test(instance, tags={PROCESS: gone}, status=status)
    living = [
        create_run_for_test(instance, tags=tags, status=Status.STARTED)
        for tags in ({PROCESS: this_process()}, {PROCESS: "elsewhere:1:2"}, {}, *[{PROCESS: ""}] * 12)
    ]
    fail_lost_runs(instance)
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status == after
    assert {run.status for run in instance.get_runs(filters=dg.RunsFilter([r.run_id for r in living]))} == {
        Status.STARTED
    }
    if after != status:
        messages = [entry.user_message or entry.message for entry in instance.all_logs(run.run_id)]
        assert any(f"the process that executed it is gone: {gone}" in message for message in messages)
        assert found.tags.get(RUN_FAILURE_REASON_TAG) != "STEP_FAILURE"


def test_temporary_files_go_with_the_runs(gone: str, mesh_home: object) -> None:
    """Also in a home where nothing was ever trained, in which no database of MLflow's appears."""
    shared = shared_resources()
    (shared.settings.scratch / gone).mkdir(parents=True)
    mine = own_scratch(shared.settings.scratch)
    end_lost(shared)
    assert not shared.settings.dagster_home.exists(), "to open Dagster takes a second"
    assert list(shared.settings.scratch.iterdir()) == [mine]
    assert not (shared.settings.home / "mlflow").exists()


@pytest.mark.parametrize("left", ["a run", "a place in a pool"])
def test_a_home_on_disk_is_looked_through(left: str, gone: str, mesh_home: object) -> None:
    """Dagster is opened where its databases show something unfinished."""
    shared = shared_resources()
    instance = dagster_instance(shared)
    status = Status.STARTED if left == "a run" else Status.FAILURE
    run = create_run_for_test(instance, tags={PROCESS: gone}, status=status)
    log = instance.event_log_storage
    log.set_concurrency_slots("training", 1)
    if left != "a run":
        log.claim_concurrency_slot("training", run.run_id, "shop__late")
        assert log.get_concurrency_run_ids() == {run.run_id}
    end_lost(shared)
    assert log.get_concurrency_run_ids() == set()
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status == Status.FAILURE
