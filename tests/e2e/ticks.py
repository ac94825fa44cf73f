"""Ticks of a domain's sensor, evaluated in this process, and the runs that they request, executed in it."""

from __future__ import annotations

import dagster as dg

from mesh_pipelines.dagster_names import PROCESS
from mesh_pipelines.declaring.node import LoadedDomain
from mesh_pipelines.orchestration.location import definitions
from mesh_pipelines.orchestration.sensors import update_sensor
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from resources.processes import this_process


def tick(domain: LoadedDomain) -> dg.RunRequest | str:
    """Evaluate the domain's sensor.

    Args:
        domain: the domain, of the workspace and home that are in force.

    Returns:
        The run that it requests, or why it requests none.
    """
    repository = definitions(domain).get_repository_def()
    with dg.build_sensor_context(
        instance=dagster_instance(shared_resources()), repository_def=repository
    ) as context:
        found = update_sensor(domain).evaluate_tick(context)
    if not found.run_requests:
        return found.skip_message or ""
    [request] = found.run_requests
    return request


def execute(domain: LoadedDomain, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """Execute a requested run, tagged with this process as a launched one is with its own.

    Args:
        domain: the domain whose sensor requested it.
        request: the run.
    """
    tags = {**request.tags, PROCESS: this_process()}
    if request.partition_key:
        tags["dagster/partition"] = request.partition_key
    whole = definitions(domain).get_repository_def().get_implicit_global_asset_job_def()
    job = whole.get_subset(
        asset_selection=set(request.asset_selection or ()),
        asset_check_selection=set(request.asset_check_keys or ()),
    )
    return job.execute_in_process(
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        instance=dagster_instance(shared_resources()),
        tags=tags,
        raise_on_error=False,
    )


def follow(domain: LoadedDomain) -> dg.ExecuteInProcessResult:
    """Execute the run that a tick requests; it has to request one.

    Args:
        domain: the domain.
    """
    request = tick(domain)
    assert isinstance(request, dg.RunRequest), request
    return execute(domain, request)
