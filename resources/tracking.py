"""MLflow through dagster-mlflow: exactly one run for each training step, always ended, in its own experiment.

dagster-mlflow's ``MlFlow`` looks for a run by Dagster run id and starts one if there is none: two root steps race into
two runs, a later step of the same process inherits the active run, and nobody ends it. So the run is made here first,
handed over by its id, and ended here.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import urllib.error
import urllib.request
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_pipelines.errors import TrackingUnavailable, TransientError
from resources.addresses import sqlite_file, sqlite_url
from resources.blank_databases import Blank
from resources.processes import this_process
from resources.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROCESS = "mesh.process"
"""Tag of a run: the name of the process that opened it (:func:`resources.processes.this_process`)."""
_BLANK = Blank("mlflow", "mlflow")
#: seconds to wait for the first sign of life of an MLflow server
_PROBE_TIMEOUT = 3.0
#: what MLflow's fluent functions leave in the environment, for child processes to inherit
_SET_BY_MLFLOW = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID")
_ARTIFACT_ROOT = "_MLFLOW_SERVER_ARTIFACT_ROOT"
"""Variable of MLflow that names the files of experiments without a place of their own."""
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass(frozen=True)
class Tracking:
    """The store of MLflow's runs and models; with empty ``artifacts`` a server decides where files go."""

    uri: str
    artifacts: str = ""

    @classmethod
    def under(cls, home: Path, uri: str | None = None, artifacts: str | None = None) -> Tracking:
        """The default store: SQLite and files below ``home/mlflow``; ``uri`` and ``artifacts`` override each."""
        folder = home.resolve() / "mlflow"
        remote = uri is not None and uri.startswith(("http://", "https://"))
        place = artifacts if artifacts is not None else "" if remote else (folder / "artifacts").as_uri()
        return cls(uri or sqlite_url(folder / "mlflow.db"), place)

    @classmethod
    def from_settings(cls, settings: Settings) -> Tracking:
        """The store of the settings; a server decides on its artifacts unless they are set."""
        remote = settings.tracking_uri.startswith(("http://", "https://"))
        chosen = "artifacts" in settings.model_fields_set and bool(settings.artifacts)
        return cls(settings.tracking_uri, settings.artifacts if chosen or not remote else "")

    def client(self) -> MlflowClient:
        """A client of the store, after a check that it answers.

        Raises TrackingUnavailable: it does not answer within seconds.
        """
        import_mlflow()
        from mlflow import MlflowClient

        # MLflow's own database mapping warns of what SQLAlchemy will drop; nothing of ours could change it.
        with unavailable(self), warnings.catch_warnings(action="ignore"):
            _prepare(self)
            return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def experiment(self, domain: str) -> str:
        """Id of a domain's experiment, made if there is none; safe under concurrent processes."""
        from mlflow.exceptions import MlflowException

        client = self.client()
        with unavailable(self):
            found = client.get_experiment_by_name(domain)
            if found is not None:
                return found.experiment_id
            place = f"{self.artifacts.rstrip('/')}/{domain}" if self.artifacts else None
            try:
                return client.create_experiment(domain, artifact_location=place)
            except MlflowException:
                found = client.get_experiment_by_name(domain)
                if found is None:
                    raise
                return found.experiment_id


@dataclass(frozen=True)
class TrainingRun:
    """One open MLflow run, and dagster-mlflow's resource on it, with all of MLflow's functions."""

    run_id: str
    experiment_id: str
    mlflow: Any  # an MlFlow, whose functions are set at run time
    client: MlflowClient
    tracking: Tracking


@dataclass(frozen=True)
class _RunOf:
    job_name: str


@dataclass(frozen=True)
class _MlflowContext:
    """The part of a resource context that dagster-mlflow's ``MlFlow`` reads."""

    log: Any
    dagster_run: _RunOf
    run_id: str
    resource_config: Mapping[str, Any]


@contextmanager
def training_run(
    tracking: Tracking,
    *,
    model: str,
    dagster_run_id: str,
    step: str,
    log: Any = None,
) -> Generator[TrainingRun]:
    """Open exactly one MLflow run for one training step, and always end it; the domain is the experiment.

    Raises TrackingUnavailable: the store does not answer.
    """
    domain, mlflow = model.partition(".")[0], import_mlflow()
    client = tracking.client()
    experiment_id = tracking.experiment(domain)
    own = {
        "dagster_run_id": dagster_run_id,
        "dagster_step": step,
        "domain": domain,
        "model": model,
        PROCESS: this_process(),
    }
    before = {name: os.environ.get(name) for name in _SET_BY_MLFLOW}
    with unavailable(tracking):
        _close_leftovers(mlflow, client, experiment_id, dagster_run_id, step)
        made = client.create_run(experiment_id, tags=own, run_name=model)
    run_id, status = made.info.run_id, "FAILED"
    try:
        with unavailable(tracking):
            config = {
                "mlflow_tracking_uri": tracking.uri,
                "experiment_name": domain,
                "mlflow_run_id": run_id,
                "extra_tags": own,
            }
            given = log or logging.getLogger(__name__)
            resource = _dagster_mlflow(_MlflowContext(given, _RunOf(model), dagster_run_id, config))
            yield TrainingRun(run_id, experiment_id, resource, client, tracking)
        status = "FINISHED"
    except (KeyboardInterrupt, GeneratorExit):
        status = "KILLED"
        raise
    finally:
        _end(mlflow, client, run_id, status)
        mlflow.set_tracking_uri(before["MLFLOW_TRACKING_URI"])
        _restore(before)


def _dagster_mlflow(context: _MlflowContext) -> Any:
    from dagster import BetaWarning

    with warnings.catch_warnings(action="ignore", category=BetaWarning):
        from dagster_mlflow.resources import MlFlow

        return MlFlow(context)


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _end(mlflow: Any, client: MlflowClient, run_id: str, status: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        while mlflow.active_run() is not None:
            mlflow.end_run(status)
        client.set_terminated(run_id, status)
    except MlflowException:
        # The store went away; the error raised already reports it.
        logging.getLogger(__name__).warning("MLflow run %s could not be ended as %s", run_id, status)


def _close_leftovers(
    mlflow: Any, client: MlflowClient, experiment_id: str, dagster_run_id: str, step: str
) -> None:
    """End a run that an earlier step left active in this process, or a killed attempt of this step left running."""
    while mlflow.active_run() is not None:
        mlflow.end_run()
    mine = f"tags.dagster_run_id = '{dagster_run_id}' and tags.dagster_step = '{step}'"
    for stale in client.search_runs([experiment_id], f"{mine} and attributes.status = 'RUNNING'"):
        client.set_terminated(stale.info.run_id, "KILLED")


def prepare_for_mlflow() -> None:
    """Set the environment that MLflow reads on import: no telemetry, short timeouts."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def know_packages() -> None:
    """Have MLflow list the installed packages ahead of the first model, which takes it seconds, once a process."""
    from mlflow.utils.requirements_utils import warn_dependency_requirement_mismatches

    warn_dependency_requirement_mismatches(["mlflow"])


def import_mlflow() -> Any:
    """Import MLflow after :func:`prepare_for_mlflow`."""
    prepare_for_mlflow()
    import mlflow

    # Its INFO lines (tables made, models registered) are on the asset's page already.
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    return mlflow


@contextmanager
def unavailable(tracking: Tracking) -> Generator[None]:
    """Raise the many errors of a store that does not answer as one transient error."""
    import requests
    import sqlalchemy.exc
    from mlflow.exceptions import MlflowException

    try:
        yield
    except TransientError:
        raise
    except (
        requests.exceptions.RequestException,
        sqlalchemy.exc.OperationalError,
        sqlite3.OperationalError,
    ) as error:
        raise _unavailable(tracking, error) from error
    except MlflowException as error:
        text = str(error)
        if "API request to" in text or "OperationalError" in text or "database is locked" in text:
            raise _unavailable(tracking, error) from error
        raise


def _unavailable(tracking: Tracking, error: Exception | str) -> TrackingUnavailable:
    reason = str(error).strip().splitlines()[0][:300]
    return TrackingUnavailable(
        f"MLflow does not answer: {reason}",
        where=_without_password(tracking.uri),
        remedy="Start the MLflow server, or correct MESH_TRACKING_URI; then run the same step again.",
    )


def _without_password(uri: str) -> str:
    if sqlite_file(uri) is not None:
        return uri
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _prepare(tracking: Tracking) -> None:
    if tracking.uri.startswith(("http://", "https://")):
        _probe(tracking)
    elif (file := sqlite_file(tracking.uri.partition("?")[0])) is not None:
        try:
            _create_database(file, tracking.uri, tracking.artifacts)
        except OSError as error:
            raise _unavailable(tracking, error) from error


def _probe(tracking: Tracking) -> None:
    """One quick request: MLflow's own client would try for minutes."""
    try:
        with urllib.request.urlopen(f"{tracking.uri.rstrip('/')}/health", timeout=_PROBE_TIMEOUT):
            pass
    except urllib.error.HTTPError as error:
        # Any answer but a 5xx shows that it is there; it may ask for credentials.
        if error.code >= 500:
            raise _unavailable(tracking, f"the server answers {error.code}") from error
    except (OSError, ValueError) as error:
        raise _unavailable(tracking, error) from error


def keep_blank(file: Path) -> None:
    """Make MLflow's tables in a file, and keep them for later homes."""
    import_mlflow()
    from mlflow.store.db import utils
    from sqlalchemy import create_engine

    engine = create_engine(sqlite_url(file))
    # Only the tables: a whole store would also make an experiment, which names its home.
    utils._safe_initialize_tables(engine)  # pyright: ignore[reportPrivateUsage]
    engine.dispose()
    _BLANK.keep(file)


@lru_cache(maxsize=64)
def _create_database(file: Path, uri: str, artifacts: str) -> None:
    """Create the SQLite store once: MLflow's own migration fails when two processes run it together."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with (file.parent / ".mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        from mlflow import MlflowClient

        _BLANK.copy_to(file)
        # Its first client makes an experiment for what belongs to no domain, whose files would lie in the working
        # folder; the SQL that it makes of that address is broken by a quote, and a colon would name a parameter.
        place = artifacts.replace("'", "%27").replace(":", "%3A").replace("file%3A", "file:", 1)
        os.environ[_ARTIFACT_ROOT] = place
        try:
            MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)
        finally:
            del os.environ[_ARTIFACT_ROOT]
        with sqlite3.connect(file, timeout=30) as database:
            # Readers (the MLflow UI) and a writer do not block each other.
            database.execute("PRAGMA journal_mode=WAL")
