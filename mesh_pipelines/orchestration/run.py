"""Bringing the mesh up to date: plan, run one domain's share as a Dagster run, look again, until nothing is left.

A Dagster run lives in one code location. So the steps of a plan are grouped by domain, as many to a run as
lineage lets go together, and every run is recorded in the Dagster instance under its code location.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import SelectionError
from mesh_pipelines.governance.federation import load_mesh, project_root
from mesh_pipelines.governance.lint import lint_mesh
from mesh_pipelines.orchestration.execute import execute
from mesh_pipelines.orchestration.run_report import (
    Reporter,
    RunReport,
    SilentReporter,
    StepReport,
    merge_reports,
)
from mesh_pipelines.planning.lookup import facts_of
from mesh_pipelines.planning.plan import plan
from mesh_pipelines.planning.shares import next_group, windows
from mesh_pipelines.planning.step import Plan, Step
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.runtime.preload import PLANNING, preload
from mesh_pipelines.shared import Platform, platform


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
        show = reporter or SilentReporter()
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
        facts = facts_of(
            whole.nodes, shared, without_registry=True, instance=lambda: dagster_instance(shared)
        )
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
                reports[report.key] = merge_reports(reports.get(report.key), report)
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
