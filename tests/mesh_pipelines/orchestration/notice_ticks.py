"""A look of the sensor of failed runs, at the newest failed run."""

from __future__ import annotations

from typing import Any

import dagster as dg

from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.orchestration.notices import notice_sensor
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources


def tick(domain: LoadedDomain) -> str:
    """What the sensor says to the newest failed run."""
    instance = dagster_instance(shared_resources())
    run = instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]), limit=1)[0]
    [failed] = [
        entry.dagster_event
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        if entry.dagster_event
    ]
    context = dg.build_run_status_sensor_context("notices", failed, instance, run).for_run_failure()
    skipped: Any = notice_sensor(domain)(context)
    return skipped.skip_message
