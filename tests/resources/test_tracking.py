"""One training step is one MLflow run: always ended, never inherited, wherever MLflow is."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import dagster as dg
import pytest

from mesh_pipelines.errors import TrackingUnavailable
from resources.settings import Settings
from resources.tracking import Tracking, import_mlflow, training_run


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    """A store on SQLite, made once for this module."""
    store = Tracking.under(tmp_path_factory.mktemp("home"))
    store.client()
    return store


def _runs(tracking: Tracking, domain: str) -> list[tuple[str, str, str]]:
    client = tracking.client()
    found = client.search_runs([tracking.experiment(domain)], order_by=["attributes.start_time ASC"])
    return [(run.data.tags["dagster_step"], run.info.status, run.info.artifact_uri or "") for run in found]


def test_each_step_of_a_dagster_run_has_its_own_run(tracking: Tracking, tmp_path: Path) -> None:
    """Two steps in one process make two finished runs, each tagged, with artifacts below the home."""

    def step(context) -> None:  # dagster reads the annotation, and does not resolve one given as text
        key = ".".join(context.asset_key.path)
        run_id = context.run.run_id
        with training_run(tracking, model=key, dagster_run_id=run_id, step=key, log=context.log) as run:
            run.mlflow.log_params({f"p{index}": index for index in range(150)})
            run.mlflow.log_metric("auc", 0.7)

    assets = [dg.asset(name=name, key_prefix="steps")(step) for name in ("one", "two")]
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = dg.materialize(assets, instance=instance)
    assert result.success
    runs = _runs(tracking, "steps")
    assert sorted((name, status) for name, status, _ in runs) == [
        ("steps.one", "FINISHED"),
        ("steps.two", "FINISHED"),
    ]
    assert all(place.startswith(f"{tracking.artifacts}/steps/") for _, _, place in runs)


def test_a_failed_step_is_a_failed_run(tracking: Tracking) -> None:
    """The error goes on as it is; the run is FAILED, and nothing stays active or configured."""
    mlflow = import_mlflow()
    before = {name: os.environ.get(name) for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID")}
    with (
        pytest.raises(ZeroDivisionError),
        training_run(tracking, model="failing.model", dagster_run_id="r", step="s"),
    ):
        _ = 1 / 0
    assert [status for _, status, _ in _runs(tracking, "failing")] == ["FAILED"]
    assert mlflow.active_run() is None
    assert {name: os.environ.get(name) for name in before} == before


def test_a_run_left_active_is_not_inherited(tracking: Tracking) -> None:
    """A run that was left active in this process is ended; the step gets one of its own."""
    mlflow = import_mlflow()
    mlflow.set_tracking_uri(tracking.uri)
    left = mlflow.start_run(experiment_id=tracking.experiment("leaking"), tags={"dagster_step": "left"})
    with training_run(tracking, model="leaking.model", dagster_run_id="r", step="mine") as run:
        assert run.run_id != left.info.run_id
        active = mlflow.active_run()
        assert active is not None
        assert active.info.run_id == run.run_id
    assert min(_runs(tracking, "leaking"))[:2] == ("left", "FINISHED")


def test_a_killed_attempt_is_closed_by_the_next(tracking: Tracking) -> None:
    """A run that a killed process left RUNNING is KILLED when the same step is tried again."""
    client = tracking.client()
    tags = {"dagster_run_id": "r9", "dagster_step": "s"}
    stale = client.create_run(tracking.experiment("killed"), tags=tags)
    other = client.create_run(tracking.experiment("killed"), tags={**tags, "dagster_step": "another"})
    with training_run(tracking, model="killed.model", dagster_run_id="r9", step="s"):
        pass
    assert client.get_run(stale.info.run_id).info.status == "KILLED"
    assert client.get_run(other.info.run_id).info.status == "RUNNING"


PROGRAM = """
import sys
from pathlib import Path
from resources.tracking import Tracking, training_run
with training_run(Tracking.under(Path(sys.argv[1])), model="race.m", dagster_run_id="r", step=sys.argv[2]) as run:
    run.mlflow.log_metric("n", float(sys.argv[2]))
"""


@pytest.mark.slow
def test_processes_race_for_a_new_store(tmp_path: Path) -> None:
    """Two processes that find no store at all make one store, one experiment, and a run each."""
    started = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path), str(number)], stderr=subprocess.PIPE)
        for number in range(2)
    ]
    for process in started:
        _, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors.decode()[-2000:]
    runs = _runs(Tracking.under(tmp_path), "race")
    assert sorted(name for name, _, _ in runs) == ["0", "1"]
    assert {status for _, status, _ in runs} == {"FINISHED"}


@pytest.fixture
def broken_server() -> Iterator[str]:
    """A server that answers 503 to everything."""

    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Broken) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_server_that_does_not_answer_is_reported_quickly(broken_server: str) -> None:
    """Refused or failing, it takes seconds, not MLflow's minutes; the remedy is named, a password is not."""
    import_mlflow()
    host = broken_server.removeprefix("http://")
    for uri in ("http://127.0.0.1:9", f"http://ann:secret@{host}", "sqlite:////proc/none/mlflow.db"):
        started = time.monotonic()
        with (
            pytest.raises(TrackingUnavailable) as caught,
            training_run(Tracking(uri), model="demo.m", dagster_run_id="r", step="s"),
        ):
            pass
        assert time.monotonic() - started < 10
        assert "MESH_TRACKING_URI" in str(caught.value)
        assert "secret" not in str(caught.value)


def test_settings_choose_the_store(tmp_path: Path) -> None:
    """SQLite below the home by default; a server decides on its artifacts without a setting."""
    local = Tracking.from_settings(Settings(home=tmp_path))
    assert local.uri == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert local.artifacts == str(tmp_path / "mlflow" / "artifacts")
    server = Settings(home=tmp_path, tracking_uri="https://mlflow.example")
    assert Tracking.from_settings(server) == Tracking("https://mlflow.example", "")
    given = Settings(home=tmp_path, tracking_uri="https://mlflow.example", artifacts="s3://models")
    assert Tracking.from_settings(given).artifacts == "s3://models"


def test_a_store_is_made_whatever_the_folders_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow writes a folder into SQL as it is: a quote in it, or a colon, must not break the first start."""
    odd = tmp_path / 'it\'s :odd "100%" #1'
    odd.mkdir()
    monkeypatch.chdir(odd)
    tracking = Tracking.under(odd / "home")
    found = tracking.client().get_experiment("0")
    assert tracking.client().get_experiment(tracking.experiment("shop")).artifact_location
    assert Path(unquote(urlsplit(found.artifact_location).path)) == odd / "home/mlflow/artifacts/0"
    assert [path.name for path in odd.iterdir()] == ["home"]
