"""Bringing the mesh up to date: plan, run one domain's share as a Dagster run, look again, until nothing is left.

A Dagster run lives in one code location. So the steps of a plan are grouped by domain, as many to a run as
lineage lets go together, and every run is recorded in the Dagster instance under its code location.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from mesh_pipelines.declaring.load import LoadedDomain, Node
from mesh_pipelines.declaring.mesh import Mesh, load_mesh
from mesh_pipelines.errors import SelectionError, cause_in_words
from mesh_pipelines.governance.lint import lint_mesh
from mesh_pipelines.planning.lookup import facts_of
from mesh_pipelines.planning.plan import IF_STALE, REASON, Plan, Step, plan
from mesh_pipelines.planning.verdicts import FailedChecks, OwnCheck, quoted, remedy_of
from mesh_pipelines.reporting.reports import WORK_SECONDS, RebuildReport
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.runtime.preload import MODELS, PLANNING, ROWS, preload
from mesh_pipelines.shared import Platform, platform
from quality.contract import next_partition

Status = Literal["done", "failed", "skipped", "up to date", "waiting"]


@dataclass(frozen=True)
class StepReport:
    """How one asset fared.

    Args:
        seconds: wall time of its step, and of watching what it predicted.
        work_seconds: the part of it spent reading, auditing, training and writing.
        message: what went wrong or what is worth knowing, else empty.
    """

    key: str
    domain: str
    stage: str
    status: Status
    seconds: float = 0.0
    work_seconds: float = 0.0
    message: str = ""


@dataclass(frozen=True)
class RunReport:
    """How bringing the mesh up to date went.

    Args:
        steps: one entry an asset.
        seconds: wall time of all of it.
        run_ids: the Dagster runs it took.
        starting_seconds: the part of it before the first step began; all of it where none did.
    """

    steps: tuple[StepReport, ...]
    seconds: float
    run_ids: tuple[str, ...] = ()
    starting_seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not any(step.status in ("failed", "skipped") for step in self.steps)

    @property
    def overhead_seconds(self) -> float:
        """Wall time that was not spent reading, auditing, training or writing."""
        return max(0.0, self.seconds - sum(step.work_seconds for step in self.steps))


class Reporter(Protocol):
    """Whoever wants to show progress."""

    def planned(self, steps: Sequence[Step]) -> None: ...
    def started(self, key: str) -> None: ...
    def finished(self, key: str, status: str, seconds: float, message: str) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass
class _Silent:
    notes: list[str] = field(default_factory=list)

    def planned(self, steps: Sequence[Step]) -> None:
        return None

    def started(self, key: str) -> None:
        return None

    def finished(self, key: str, status: str, seconds: float, message: str) -> None:
        return None

    def note(self, text: str) -> None:
        self.notes.append(text)


def project_root() -> Path:
    """The folder of the nearest ``workspace.yaml``, from here upwards."""
    from resources.settings import find_root

    return find_root()


def run(
    selection: Sequence[str] = (),
    *,
    partition: str | None = None,
    force: bool = False,
    reporter: Reporter | None = None,
    mesh: Mesh | None = None,
    reason: str = "asked for by a person",
) -> RunReport:
    """Materialize what is out of date.

    Args:
        selection: keys (with all that they need upstream) or domains; empty means the whole mesh.
        partition: one partition, or a range ``2013-01..2013-03``, to make anew; implies ``force`` for the
            partitioned assets selected.
        force: make the selection even where it is up to date.
        reporter: who is told of the progress.
        mesh: a mesh that has been loaded already.
        reason: why, for the run's tags.

    Raises:
        DomainError: a domain breaks the federation's rules.
        SelectionError: a name or partition fits nothing.
    """
    started = time.monotonic()
    shared = platform()
    with shared.auditor.beside():
        preload(PLANNING)
        show = reporter or _Silent()
        whole = mesh or load_mesh(project_root())
        _refuse_unsound(whole)
        nodes = whole.select(selection)
        forced = _forced(whole, selection, nodes, partition, force)
        return _run(whole, nodes, shared, show, forced, partition, reason, started)


def _run(
    whole: Mesh,
    nodes: Sequence[Node],
    shared: Platform,
    show: Reporter,
    forced: set[str],
    partition: str | None,
    reason: str,
    started: float,
) -> RunReport:
    from mesh_pipelines.runtime.lost_runs import places_kept_free

    reports: dict[str, StepReport] = {}
    run_ids: list[str] = []
    failed: set[str] = set()
    announced = False
    began: float | None = None
    attempted: set[str] = set()
    current = Plan()
    while True:
        facts = facts_of(whole, shared, without_registry=True, instance=lambda: dagster_instance(shared))
        current = plan(nodes, facts, force=forced - attempted, without=failed)
        todo = [step for step in current.steps if step.key not in attempted]
        if partition:
            todo = [_only(step, partition) if step.key in forced else step for step in todo]
        if not announced:
            show.planned(todo)
            announced = True
        group = next_group(whole, todo)
        if not group:
            break
        domain = group[0].node.domain
        for batch, window in windows(group):
            with places_kept_free(dagster_instance(shared)):
                outcome = execute(whole, domain, batch, window, shared, show, reason)
            run_ids.append(outcome.run_id)
            began = outcome.began if began is None else began
            for report in outcome.steps:
                reports[report.key] = _merge(reports.get(report.key), report)
            broken = {report.key for report in outcome.steps if report.status in ("failed", "skipped")}
            failed |= broken
            if broken:
                break
        attempted |= {step.key for step in group}
    for step in current.steps:
        if step.key in attempted and not step.follows and reports[step.key].status == "done":
            show.note(f"{step.key} is out of date again, run it once more: {'; '.join(step.reasons)}")
    for wait in current.waiting:
        reports.setdefault(
            wait.node.key,
            StepReport(wait.node.key, wait.node.domain, wait.node.stage, "waiting", message=wait.reason),
        )
    for node in nodes:
        if node.key not in reports:
            reports[node.key] = _untouched(node, reports, failed)
        if reports[node.key].status == "skipped":
            failed.add(node.key)
    ordered = tuple(reports[node.key] for node in nodes)
    ended = time.monotonic()
    return RunReport(ordered, ended - started, tuple(run_ids), (began or ended) - started)


def _untouched(node: Node, reports: Mapping[str, StepReport], failed: Collection[str]) -> StepReport:
    """How a node fares that no run was started for: up to date, or held up by what it reads."""
    for wanted in node.inputs:
        upstream = reports.get(wanted.key)
        if wanted.key in failed:
            return StepReport(node.key, node.domain, node.stage, "skipped", message=f"{wanted.key} failed")
        if upstream is not None and upstream.status == "waiting":
            return StepReport(node.key, node.domain, node.stage, "waiting", message=f"{wanted.key} waits")
    return StepReport(node.key, node.domain, node.stage, "up to date")


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

    from mesh_pipelines.orchestration.location import checks_to_run
    from mesh_pipelines.orchestration.sensors import attempts_in
    from resources.processes import PROCESS, this_process

    preload(ROWS, MODELS if any(step.node.stage == "model" for step in steps) else ())
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


def rebuild(key: str, version: int) -> RebuildReport:
    """Train a version of a model again from its record; the result is shown on the model's page in Dagster too.

    Args:
        key: the model's key.
        version: which version of it.
    """
    from mesh_pipelines.steps.rebuild import rebuild_version, report_rebuild

    whole = load_mesh(project_root())
    node = whole.node(key)
    if node.stage != "model":
        raise SelectionError(f"{key} is a {node.stage}, and only models are rebuilt", remedy="name a model")
    shared = platform()
    report = rebuild_version(shared, key, version)
    report_rebuild(dagster_instance(shared), report)
    return report


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


def _refuse_unsound(mesh: Mesh) -> None:
    from datetime import UTC, datetime

    from mesh_pipelines.errors import DomainError

    found = lint_mesh(tuple(mesh.domains.values()), datetime.now(UTC).date())
    if found:
        raise DomainError("the mesh", found)


def _forced(
    mesh: Mesh, selection: Sequence[str], nodes: Iterable[Any], partition: str | None, force: bool
) -> set[str]:
    if not (force or partition):
        return set()
    if not selection:
        return {node.key for node in nodes}
    named = {
        key
        for item in selection
        for key in ([n.key for n in mesh.domains[item].nodes.values()] if item in mesh.domains else [item])
    }
    if partition and not any(mesh.node(key).partitioned for key in named):
        raise SelectionError(
            f"none of {', '.join(selection)} is made by partition",
            remedy="leave --partition out, or name a partitioned source or product",
        )
    return named


def _only(step: Step, partition: str) -> Step:
    if step.partitions is None:
        return step
    first, _, last = partition.partition("..")
    wanted = tuple(name for name in step.partitions if first <= name <= (last or first))
    if not wanted:
        raise SelectionError(
            f"{step.key} has no partition {partition!r}",
            remedy=f"it has {', '.join(step.partitions[:3])} ... {step.partitions[-1]}"
            if step.partitions
            else "land it first",
        )
    return Step(step.node, step.reasons, wanted, step.follows)


def next_group(mesh: Mesh, steps: Sequence[Step], *, only: str | None = None) -> list[Step]:
    """The largest share of the plan that one domain can run now; ties go to the higher priority.

    Args:
        mesh: the whole mesh.
        steps: what is to be made, upstream first.
        only: the domain whose share is wanted, where it is not for choosing.
    """
    pending = {step.key for step in steps}
    best: list[Step] = []
    for domain in [only] if only else dict.fromkeys(step.node.domain for step in steps):
        taken: list[Step] = []
        inside: set[str] = set()
        for step in steps:
            if step.node.domain == domain and all(
                i.key in inside or i.key not in pending for i in step.node.inputs
            ):
                taken.append(step)
                inside.add(step.key)
        rank = (len(taken), mesh.domains[domain].profile.priority)
        if taken and (not best or rank > (len(best), mesh.domains[best[0].node.domain].profile.priority)):
            best = taken
    return best


def windows(group: Sequence[Step]) -> list[tuple[list[Step], tuple[str, str] | None]]:
    """Cut a group into runs: a run covers one unbroken range of partitions; what has none goes with the last.

    Args:
        group: steps of one domain, upstream first.
    """
    cut = [step for step in group if step.partitions]
    names = sorted({name for step in cut for name in step.partitions or ()})
    if not names:
        return [(list(group), None)]
    ranges: list[tuple[str, str]] = []
    for name in names:
        if ranges and next_partition(ranges[-1][1]) == name:
            ranges[-1] = (ranges[-1][0], name)
        else:
            ranges.append((name, name))
    return [*((list(cut), window) for window in ranges[:-1]), (list(group), ranges[-1])]


def _merge(before: StepReport | None, now: StepReport) -> StepReport:
    if before is None:
        return now
    status = now.status if now.status in ("failed", "done") else before.status
    return StepReport(
        now.key,
        now.domain,
        now.stage,
        status,
        before.seconds + now.seconds,
        before.work_seconds + now.work_seconds,
        now.message,
    )


def _short(text: str, limit: int = 240) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
