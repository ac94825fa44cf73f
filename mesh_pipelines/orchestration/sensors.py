"""The sensor that keeps a domain up to date: every tick ends in a run with its reason, or in a reason for none."""

from __future__ import annotations

from typing import Any

import dagster as dg

from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.orchestration.tick import EVERY_ASSET, ask, run_request
from mesh_pipelines.planning.next_run import NoRun
from mesh_pipelines.shared import shared_resources


def update_sensor(domain: LoadedDomain) -> dg.SensorDefinition:
    """The sensor of one domain: asks for the next run by what landed and what other domains published."""
    interval = shared_resources().settings.sensor_seconds

    @dg.sensor(
        name=f"{domain.name}_current",
        job_name=EVERY_ASSET,
        minimum_interval_seconds=max(1, interval - 1),  # Dagster looks every 5 s, and not to the millisecond
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Keeps {domain.name} current: when files land, products of other domains change, or code changes, "
            "it makes what follows, once. Each tick says why, or why not."
        ),
    )
    def tick(context: dg.SensorEvaluationContext) -> Any:
        mesh, _, wanted = ask(domain, context.instance)
        return dg.SkipReason(wanted.reason) if isinstance(wanted, NoRun) else run_request(mesh, wanted)

    return tick
