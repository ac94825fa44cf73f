"""Runs whose process was killed: they are failed, and hold no place in a pool any more.

The daemon does the same every few seconds; this is for whoever runs without one, and must not wait for the dead.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from mesh_pipelines.dagster_names import PROCESS
from resources.processes import is_gone, repeat_in_background

SECONDS = 5.0
"""Between two looks at who holds the places that a run may be waiting for."""


def fail_if_lost(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    """The run as it stands, failed if its process is gone.

    Args:
        instance: the Dagster instance.
        run: one of its runs.
    """
    if run.is_finished or not is_gone(run.tags.get(PROCESS, "")):
        return run
    now = instance.get_run_by_id(run.run_id) or run  # it may have ended well, and its process after it
    if not now.is_finished:
        instance.report_run_failed(now, "the process that executed it is gone")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return instance.get_run_by_id(run.run_id) or run


def free_places(instance: dg.DagsterInstance) -> None:
    """Free what lost runs of any domain hold or wait for in the pools.

    Args:
        instance: the Dagster instance.
    """
    log = instance.event_log_storage
    for run_id in log.get_concurrency_run_ids():
        run = instance.get_run_by_id(run_id)
        if run is None or (fail_if_lost(instance, run).is_finished and is_gone(run.tags.get(PROCESS, ""))):
            log.free_concurrency_slots_for_run(run_id)


@contextmanager
def keep_places_free(instance: dg.DagsterInstance) -> Generator[None]:
    """Free such places now and again: whoever holds one may be killed while this run waits for it.

    Args:
        instance: the Dagster instance.
    """
    free_places(instance)
    with repeat_in_background(lambda: free_places(instance), SECONDS):
        yield
