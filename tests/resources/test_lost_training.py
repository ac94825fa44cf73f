"""MLflow runs whose process is gone are ended; those that live, elsewhere too, and those of other tools stay."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from resources.lost_training import ENDED_BECAUSE, end_lost_training
from resources.processes import start_of, this_process
from resources.tracking import PROCESS, Tracking, training_run

pytestmark = pytest.mark.odd_input("after a kill, and odd homes", "lost", "held up")


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    """A store on SQLite, made once for this module."""
    return Tracking.under(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def gone() -> str:
    """Name of a process that has ended."""
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        name = f"{this_process().partition(':')[0]}:{process.pid}:{start_of(process.pid)}"
        process.kill()
    return name


def _begun(tracking: Tracking, **tags: str) -> str:
    client = tracking.client()
    made = client.create_run(
        tracking.experiment("shop"), tags={k.replace("_of_", "."): v for k, v in tags.items()}
    )
    return made.info.run_id


@pytest.mark.parametrize("through", ["rows", "client"])
def test_only_what_nobody_works_on_is_ended(
    tracking: Tracking, gone: str, through: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off MLflow's database as through its client, with the reason in a tag."""
    if through == "client":
        monkeypatch.setattr("resources.lost_training.read_rows", lambda *_: None)
    client = tracking.client()
    tag = {"mesh_of_process": gone, "dagster_run_id": "lives"}
    killed = _begun(tracking, **tag)
    half = client.create_logged_model(tracking.experiment("shop"), name="half", source_run_id=killed)
    elsewhere = _begun(tracking, **tag | {"mesh_of_process": "elsewhere:1:2"})
    elsewhere_over = _begun(tracking, **tag | {"mesh_of_process": "elsewhere:1:2", "dagster_run_id": "over"})
    older = _begun(tracking, dagster_run_id="lives")
    older_over = _begun(tracking, dagster_run_id="over")
    own = _begun(tracking)
    with training_run(tracking, model="shop.late", dagster_run_id="over", step="shop__late") as living:
        assert client.get_run(living.run_id).data.tags[PROCESS] == this_process()
        ended = end_lost_training(tracking, lambda run_id: run_id == "over")
        assert sorted(ended) == sorted([killed, elsewhere_over, older_over])
        assert {client.get_run(run_id).info.status for run_id in (living.run_id, elsewhere, older, own)} == {
            "RUNNING"
        }
    run = client.get_run(killed)
    assert run.info.status == "KILLED"
    assert run.info.end_time
    assert run.data.tags[ENDED_BECAUSE] == f"its process is gone, killed or lost with its machine: {gone}"
    assert "over" in client.get_run(older_over).data.tags[ENDED_BECAUSE]
    assert str(client.get_logged_model(half.model_id).status) == "FAILED"
    assert client.get_run(living.run_id).info.status == "FINISHED"
    assert end_lost_training(tracking, lambda run_id: run_id == "over") == ()
    for run_id in (elsewhere, older, own):
        client.set_terminated(run_id)


def test_nothing_to_end_needs_no_mlflow(tracking: Tracking, tmp_path: Path) -> None:
    """Its import takes seconds, and `mesh status` looks each time."""
    script = (
        "import sys; from resources.tracking import Tracking; from resources.lost_training import end_lost_training;"
        "assert end_lost_training(Tracking(sys.argv[1]), lambda _: False) == (); print('mlflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tracking.uri], check=True, capture_output=True, text=True
    )
    assert done.stdout == "False\n"
