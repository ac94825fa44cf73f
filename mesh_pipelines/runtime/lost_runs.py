"""Ends what a killed process left running: Dagster runs, their places in the pools, MLflow runs, temporary files.

The daemon's monitor fails lost Dagster runs every few seconds; this is for commands that run without one, and for all
that the monitor does not know of.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from mesh_pipelines.dagster_names import PROCESS
from mesh_pipelines.errors import TrackingUnavailable
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.runtime.signs_of_life import why_lost
from mesh_pipelines.shared import SharedResources
from resources.addresses import sqlite_file
from resources.processes import repeat_in_background

if TYPE_CHECKING:
    import dagster as dg

    from resources.settings import Settings

SECONDS = 5.0
"""Between two checks of the places that a run may be waiting for."""
# By name: to look is to import no Dagster.
_UNFINISHED = ("NOT_STARTED", "STARTING", "STARTED", "CANCELING")


def end_lost(shared: SharedResources) -> None:
    """End all that belongs to processes of this machine that are gone; what lives is left alone."""
    from resources.scratch import sweep_scratch

    if _may_run(shared.settings):
        fail_lost_runs(dagster_instance(shared))
        free_places(dagster_instance(shared))
    sweep_scratch(shared.settings.scratch)
    end_lost_training(lambda: dagster_instance(shared), shared)


def _may_run(settings: Settings) -> bool:
    """False where Dagster's SQLite files show no unfinished run and no place taken: it takes a second to open."""
    history = settings.dagster_home / "history"
    if settings.dagster_storage is not None:
        return True
    names = ", ".join(f"'{status}'" for status in _UNFINISHED)
    asked = {
        history / "runs.db": f"SELECT 1 FROM runs WHERE status IN ({names})",  # noqa: S608 (constants)
        history / "runs" / "index.db": "SELECT 1 FROM concurrency_slots WHERE run_id IS NOT NULL"
        " UNION SELECT 1 FROM pending_steps",
    }
    try:
        for file, query in asked.items():
            if file.exists():
                with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
                    if database.execute(query).fetchone():
                        return True
    except sqlite3.Error:
        return True  # Dagster meets it too, and its error is the one to show
    return False


def fail_lost_runs(instance: dg.DagsterInstance) -> None:
    """Fail every run, of any domain or of none, whose process was killed."""
    import dagster as dg

    unfinished = [dg.DagsterRunStatus(name) for name in _UNFINISHED]
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=unfinished)):
        fail_if_lost(instance, run)


def fail_if_lost(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    """The run as it stands, failed if its process is gone or its machine lost; cancelled if it was about to be."""
    from dagster import DagsterRunStatus

    if run.is_finished or not (why := why_lost(lambda: instance, run.tags.get(PROCESS, ""))):
        return run
    now = instance.get_run_by_id(run.run_id) or run  # it may have ended well, and its process after it
    if now.status == DagsterRunStatus.CANCELING:
        instance.report_run_canceled(now, why)
    elif not now.is_finished:
        instance.report_run_failed(now, why)
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return instance.get_run_by_id(run.run_id) or run


def free_places(instance: dg.DagsterInstance) -> None:
    """Free the places that lost runs of any domain hold or wait for in the pools."""
    log = instance.event_log_storage
    for run_id in log.get_concurrency_run_ids():
        run = instance.get_run_by_id(run_id)
        if run is None or (
            fail_if_lost(instance, run).is_finished and why_lost(lambda: instance, run.tags.get(PROCESS, ""))
        ):
            log.free_concurrency_slots_for_run(run_id)


def end_lost_training(instance: Callable[[], dg.DagsterInstance], shared: SharedResources) -> None:
    """End the MLflow runs of killed processes; a store that does not answer is asked again next time."""
    from resources import lost_training

    def is_over(run_id: str) -> bool:
        run = instance().get_run_by_id(run_id)
        return run is not None and run.is_finished

    file = sqlite_file(shared.settings.tracking_uri)
    if file is not None and not file.exists():
        return  # nothing was ever logged
    try:
        lost_training.end_lost_training(shared.tracking, is_over)
    except TrackingUnavailable:
        return  # a caller that needs it meets the same error, with its remedy


@contextmanager
def keep_places_free(instance: dg.DagsterInstance) -> Generator[None]:
    """Free such places again and again meanwhile: a run that holds one may be killed while this run waits for it."""
    free_places(instance)
    with repeat_in_background(lambda: free_places(instance), SECONDS):
        yield
