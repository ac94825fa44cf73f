"""Fails runs whose process was killed, and frees their places in the pools.

The daemon does the same every few seconds; this is for commands that run without one.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from mesh_pipelines.dagster_names import PROCESS
from resources.processes import is_gone, repeat_in_background

SECONDS = 5.0
"""Between two checks of the places that a run may be waiting for."""


def fail_if_lost(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    """The run as it stands, failed if its process is gone."""
    if run.is_finished or not is_gone(run.tags.get(PROCESS, "")):
        return run
    now = instance.get_run_by_id(run.run_id) or run  # it may have ended well, and its process after it
    if not now.is_finished:
        instance.report_run_failed(now, "the process that executed it is gone")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return instance.get_run_by_id(run.run_id) or run


def free_places(instance: dg.DagsterInstance) -> None:
    """Free the places that lost runs of any domain hold or wait for in the pools."""
    log = instance.event_log_storage
    for run_id in log.get_concurrency_run_ids():
        run = instance.get_run_by_id(run_id)
        if run is None or (fail_if_lost(instance, run).is_finished and is_gone(run.tags.get(PROCESS, ""))):
            log.free_concurrency_slots_for_run(run_id)


@contextmanager
def keep_places_free(instance: dg.DagsterInstance) -> Generator[None]:
    """Free such places again and again meanwhile: a run that holds one may be killed while this run waits for it."""
    free_places(instance)
    with repeat_in_background(lambda: free_places(instance), SECONDS):
        yield
