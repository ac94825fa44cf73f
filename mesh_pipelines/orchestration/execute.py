"""Executes one Dagster run in this process and reports its steps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mesh_pipelines.dagster_names import CAUSES, IF_STALE, PERSON, PROCESS, asset_key
from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import LoadedDomain, ModelNode
from mesh_pipelines.declaring.reader import Reader
from mesh_pipelines.errors import TransformError
from mesh_pipelines.orchestration.run_report import Reporter, StepReport
from mesh_pipelines.planning.step import Step
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.runtime.preload import MODELS, ROWS, preload
from mesh_pipelines.shared import SharedResources
from resources.processes import this_process

if TYPE_CHECKING:
    from dagster import DagsterError, DagsterInstance, DagsterRun, JobDefinition


@dataclass(frozen=True)
class Share:
    """The part of a plan that one Dagster run makes."""

    domain: str
    steps: tuple[Step, ...]
    partitions: tuple[str, ...] | None
    reason: str
    by: Reader | None = None
    causes: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Execution:
    """Result of one Dagster run.

    Args:
        run_id: empty where Dagster began no run.
        steps: one entry per asset.
        began: start of its first step (s, of ``time.monotonic``); ``None`` where none started.
    """

    run_id: str
    steps: tuple[StepReport, ...]
    began: float | None = None


def execute(mesh: Mesh, share: Share, shared: SharedResources, show: Reporter) -> Execution:
    """Run some assets of one domain as one Dagster run in this process."""
    from dagster import DagsterError
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import execute_run_iterator

    from mesh_pipelines.orchestration.run_events import RunEvents
    from mesh_pipelines.runtime.lost_runs import fail_lost_runs

    preload(ROWS, MODELS if any(isinstance(step.node, ModelNode) for step in share.steps) else ())
    instance = dagster_instance(shared)
    fail_lost_runs(instance)  # one whose process was killed would hold up this one
    try:
        job, run = _create_run(mesh, share, instance)
    except DagsterError as error:  # of this domain's definitions: all others are made
        return _report_no_run(share, show, error)
    events = RunEvents(share.domain, share.steps, show)
    for event in execute_run_iterator(InMemoryJob(job), run, instance):
        events.take(event)
    return Execution(run.run_id, events.reports(), events.began)


def _report_no_run(share: Share, show: Reporter, error: DagsterError) -> Execution:
    """Every step of a run that Dagster does not begin has failed."""
    refusal = TransformError(
        f"Dagster begins no run of {', '.join(step.key for step in share.steps)}: {type(error).__name__}",
        where=share.domain,
        remedy="mend what it names in the domain's definitions; all of these wait for it",
        quoted=" ".join(str(error).split())[:_WORDS],
    )
    for step in share.steps:
        show.finished(step.key, "failed", 0.0, str(refusal))
    reports = (
        StepReport(step.key, share.domain, step.node.stage, "failed", message=str(refusal))
        for step in share.steps
    )
    return Execution("", tuple(reports))


_WORDS = 500
"""Letters of Dagster's own words that are shown."""


def _create_run(mesh: Mesh, share: Share, instance: DagsterInstance) -> tuple[JobDefinition, DagsterRun]:
    from dagster._core.execution.api import create_execution_plan
    from dagster._core.remote_origin import RemoteRepositoryOrigin
    from dagster._core.snap import snapshot_from_execution_plan
    from dagster._core.storage.defs_state.base import set_defs_state_storage

    from mesh_pipelines.orchestration.run_tags import check_keys

    # Dagster asks the instance that was opened last, which may be another home's, and closed by now.
    with set_defs_state_storage(instance.defs_state_storage):
        repository = _definitions(mesh, share.domain).get_repository_def()
    keys, checks = {asset_key(step.key) for step in share.steps}, set(check_keys(share.steps))
    whole = repository.get_implicit_global_asset_job_def()
    job = whole.get_subset(asset_selection=keys, asset_check_selection=checks)
    origin = RemoteRepositoryOrigin(_location_origin(mesh, share.domain), repository.name)
    tags = _tags(mesh, share)
    run_config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    execution = create_execution_plan(job, run_config=run_config, tags=tags)
    # Not create_run_for_job: it forgets which checks were chosen, and a run would rebuild every model it makes.
    run = instance.create_run(
        job_name=job.name,
        run_id=None,
        run_config=run_config,
        status=None,
        tags=tags,
        root_run_id=None,
        parent_run_id=None,
        step_keys_to_execute=execution.step_keys_to_execute,
        execution_plan_snapshot=snapshot_from_execution_plan(execution, job.get_job_snapshot_id()),
        job_snapshot=job.get_job_snapshot(),
        parent_job_snapshot=job.get_parent_job_snapshot(),
        asset_selection=frozenset(keys),
        asset_check_selection=frozenset(checks),
        resolved_op_selection=None,
        op_selection=None,
        remote_job_origin=origin.get_job_origin(job.name),
        job_code_origin=None,
        asset_graph=job.asset_layer.asset_graph,
    )
    return job, run


def _tags(mesh: Mesh, share: Share) -> dict[str, str]:
    from mesh_pipelines.orchestration.run_tags import partition_tags, run_tags

    tags = run_tags(mesh.domains[share.domain], share.reason) | partition_tags(share.partitions)
    tags[PROCESS] = this_process()
    tags[CAUSES] = json.dumps(dict(share.causes), separators=(",", ":"))
    if share.by is not None:
        tags[PERSON] = share.by.name
    if any("asked for" in step.reasons for step in share.steps):
        del tags[IF_STALE]
    return tags


_DEFINITIONS: dict[str, tuple[LoadedDomain, Any]] = {}


def _definitions(mesh: Mesh, domain: str) -> Any:
    from mesh_pipelines.orchestration.location import definitions

    loaded = mesh.domains[domain]
    known = _DEFINITIONS.get(domain)
    if known is None or known[0] is not loaded:
        known = (loaded, definitions(loaded))
        _DEFINITIONS[domain] = known
    return known[1]


def _location_origin(mesh: Mesh, domain: str) -> Any:
    from dagster._core.workspace.load import location_origin_from_module_name

    location = next(place for place in mesh.locations if place.domain == domain)
    return location_origin_from_module_name(
        location.module,
        location.attribute or None,
        location.working_directory or None,
        location.name,
        location.executable_path or None,
    )
