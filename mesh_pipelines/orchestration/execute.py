"""One Dagster run in this process, with its steps reported as they go."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mesh_pipelines.dagster_names import IF_STALE, REASON, WORK_SECONDS
from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import LoadedDomain, ModelNode, OwnCheck
from mesh_pipelines.errors import cause_in_words
from mesh_pipelines.orchestration.check_events import FailedChecks
from mesh_pipelines.orchestration.run_report import Reporter, Status, StepReport
from mesh_pipelines.planning.step import Step
from mesh_pipelines.planning.verdicts import quoted, remedy_of
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.runtime.preload import MODELS, ROWS, preload
from mesh_pipelines.shared import Platform


@dataclass(frozen=True)
class Execution:
    """One Dagster run, as it ended.

    Args:
        run_id: its id.
        steps: one entry an asset.
        began: when its first step did (s, of ``time.monotonic``); ``None`` where none did.
    """

    run_id: str
    steps: tuple[StepReport, ...]
    began: float | None = None


def execute(
    mesh: Mesh,
    domain: str,
    steps: Sequence[Step],
    window: tuple[str, str] | None,
    shared: Platform,
    show: Reporter,
    reason: str,
) -> Execution:
    """Run some assets of one domain as one Dagster run in this process.

    Args:
        mesh: the whole mesh.
        domain: whose code location it is.
        steps: its assets to make.
        window: first and last partition, where some of them are partitioned.
        shared: the platform.
        show: who is told.
        reason: why, for the run's tags.
    """
    import dagster as dg
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import create_execution_plan, execute_run_iterator
    from dagster._core.remote_origin import RemoteRepositoryOrigin
    from dagster._core.snap import snapshot_from_execution_plan
    from dagster._core.storage.defs_state.base import set_defs_state_storage

    from mesh_pipelines.dagster_names import PROCESS
    from mesh_pipelines.orchestration.tick import attempts_in
    from mesh_pipelines.steps.checks import checks_to_run
    from resources.processes import this_process

    preload(ROWS, MODELS if any(isinstance(step.node, ModelNode) for step in steps) else ())
    instance = dagster_instance(shared)
    # A run of the domain whose process was killed is found here, and is one that runs no more.
    attempts_in(instance, domain)(domain)
    # Dagster asks the instance that was opened last, which may be another home's, and closed by now.
    with set_defs_state_storage(instance.defs_state_storage):
        repository = _definitions(mesh, domain).get_repository_def()
    keys = frozenset(dg.AssetKey(step.key.split(".")) for step in steps)
    checks = {
        dg.AssetCheckKey(dg.AssetKey(step.key.split(".")), name)
        for step in steps
        for name in checks_to_run(step.node)
    }
    whole = repository.get_implicit_global_asset_job_def()
    job = whole.get_subset(asset_selection=set(keys), asset_check_selection=checks)
    tags = {IF_STALE: "true", REASON: _short(reason), "mesh/domain": domain}
    tags[PROCESS] = this_process()
    tags["mesh/priority"] = str(mesh.domains[domain].profile.priority)
    if window and window[0] == window[1]:
        tags["dagster/partition"] = window[0]
    elif window:
        tags |= {
            "dagster/asset_partition_range_start": window[0],
            "dagster/asset_partition_range_end": window[1],
        }
    if any("asked for" in step.reasons for step in steps):
        del tags[IF_STALE]
    origin = RemoteRepositoryOrigin(_location_origin(mesh, domain), repository.name)
    run_config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    execution = create_execution_plan(job, run_config=run_config, tags=tags)
    # Not create_run_for_job: it forgets which checks were chosen, and a run would rebuild every model it makes.
    dagster_run = instance.create_run(
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
        asset_selection=keys,
        asset_check_selection=frozenset(checks),
        resolved_op_selection=None,
        op_selection=None,
        remote_job_origin=origin.get_job_origin(job.name),
        job_code_origin=None,
        asset_graph=job.asset_layer.asset_graph,
    )
    names = {"__".join(step.key.split(".")): step for step in steps}
    clock: dict[str, float] = {}
    work: dict[str, float] = {}
    unchanged: set[str] = set()
    reports: dict[str, StepReport] = {}
    by_hand = FailedChecks(step.node for step in steps)
    for event in execute_run_iterator(InMemoryJob(job), dagster_run, instance):
        if by_hand.concerns(event.step_key):
            for check, said in by_hand.of(event):
                _tell_of_check(check, said, event, reports, show)
            continue
        step = names.get(event.step_key or "")
        if step is None:
            if event.event_type_value == "ASSET_CHECK_EVALUATION":
                _count_watching(event.asset_check_evaluation_data, reports)
            continue
        match event.event_type_value:
            case "STEP_START":
                clock[step.key] = time.monotonic()
                show.started(step.key)
            case "ASSET_MATERIALIZATION":
                metadata = event.step_materialization_data.materialization.metadata
                work[step.key] = _seconds_of_work(metadata)
                if "unchanged" in metadata:
                    unchanged.add(step.key)
            case "STEP_SUCCESS" | "STEP_FAILURE" | "STEP_SKIPPED":
                seconds = time.monotonic() - clock.get(step.key, time.monotonic())
                status: Status = "done"
                message = ""
                if event.event_type_value == "STEP_FAILURE":
                    status, message = "failed", cause_in_words(event.step_failure_data.error)
                elif event.event_type_value == "STEP_SKIPPED":
                    status, message = "skipped", "nothing to read from upstream"
                elif step.key in unchanged:
                    status = "up to date"
                elif step.key not in work:
                    status, message = "skipped", "it published nothing"
                reports[step.key] = StepReport(
                    step.key, domain, step.node.stage, status, seconds, work.get(step.key, 0.0), message
                )
                show.finished(step.key, status, seconds, message)
            case _:
                pass
    for step in steps:
        reports.setdefault(
            step.key, StepReport(step.key, domain, step.node.stage, "skipped", message="not reached")
        )
    ordered = tuple(reports[step.key] for step in steps)
    return Execution(dagster_run.run_id, ordered, min(clock.values(), default=None))


def _tell_of_check(
    check: OwnCheck, said: str | None, event: Any, reports: dict[str, StepReport], show: Reporter
) -> None:
    """A blocking check that failed is a failure of its asset, which stays published and is followed by nobody."""
    words = quoted(said) if said is not None else f" to run: {cause_in_words(event.step_failure_data.error)}"
    message = f"check {check.name} of {check.asset} failed{words}"
    report = reports.get(check.asset)
    if not check.blocking or report is None:
        show.note(message)
        return
    message = f"{message}\n  -> {remedy_of(check.asset)}"
    reports[check.asset] = replace(report, status="failed", message=message)
    show.finished(check.asset, "failed", 0.0, message)


def _count_watching(evaluation: Any, reports: dict[str, StepReport]) -> None:
    """Looking at predictions in use is part of the work on them, though a step of its own does it."""
    key = ".".join(evaluation.asset_key.path)
    spent = _seconds_of_work(evaluation.metadata)
    if key in reports:
        before = reports[key]
        reports[key] = replace(
            before, seconds=before.seconds + spent, work_seconds=before.work_seconds + spent
        )


def _seconds_of_work(metadata: Mapping[str, Any]) -> float:
    return float(getattr(metadata.get(WORK_SECONDS), "value", 0.0) or 0.0)


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
    from dagster._core.workspace.load_target import WorkspaceFileTarget

    location = next(place for place in mesh.locations if place.package.rpartition(".")[2] == domain)
    origins = WorkspaceFileTarget([str(mesh.root / "workspace.yaml")]).create_origins()
    return next(origin for origin in origins if origin.location_name == location.name)


def _short(text: str, limit: int = 240) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
