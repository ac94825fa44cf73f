"""Brings the mesh up to date: plan, run one domain's share as a Dagster run, plan again, until nothing is left.

A Dagster run lives in one code location, so the steps of a plan are grouped by domain, as many to a run as lineage
allows, and every run is recorded in the Dagster instance under its code location.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.declaring.reader import Reader
from mesh_pipelines.errors import SelectionError
from mesh_pipelines.governance.lint import lint_mesh
from mesh_pipelines.governance.load_mesh import load_mesh, project_root
from mesh_pipelines.orchestration.execute import Share, execute
from mesh_pipelines.orchestration.run_report import (
    Reporter,
    RunReport,
    SilentReporter,
    StepReport,
    merge_reports,
)
from mesh_pipelines.planning.lookup import facts_of
from mesh_pipelines.planning.plan import plan
from mesh_pipelines.planning.shares import next_group, runs_of
from mesh_pipelines.planning.step import Plan, Step
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.runtime.preload import PLANNING, preload
from mesh_pipelines.shared import SharedResources, shared_resources


def run(
    selection: Sequence[str] = (),
    *,
    partition: str | None = None,
    force: bool = False,
    reporter: Reporter | None = None,
    mesh: Mesh | None = None,
    reason: str = "asked for by a person",
    by: Reader | None = None,
) -> RunReport:
    """Materialize what is out of date.

    Args:
        selection: keys (with all that they need upstream) or domains; empty means the whole mesh.
        partition: one partition, or a range ``2013-01..2013-03``, to make anew; implies ``force`` for the
            partitioned assets selected.
        force: make the selection even where it is up to date.
        reporter: receiver of the progress.
        mesh: a mesh that has been loaded already.
        reason: for the run's tags.
        by: the person who asks, for the run's tags.

    Raises:
        DomainError: a domain breaks the federation's rules.
        SelectionError: a name or partition fits nothing.
    """
    started = time.monotonic()
    shared = shared_resources()
    with shared.auditor.beside():
        preload(PLANNING)
        show = reporter or SilentReporter()
        whole = mesh or load_mesh(project_root())
        _refuse_unsound(whole)
        nodes = whole.select(selection)
        forced = _forced(whole, selection, nodes, partition, force)
        return _Run(whole, nodes, shared, show, forced, partition, reason, by).to_the_end(started)


@dataclass
class _Run:
    """Bringing some nodes up to date: plan, run one domain's share, look again, until nothing is left."""

    mesh: Mesh
    nodes: Sequence[Node]
    shared: SharedResources
    show: Reporter
    forced: set[str]
    partition: str | None
    reason: str
    by: Reader | None
    began: float | None = None
    reports: dict[str, StepReport] = field(default_factory=dict[str, StepReport])
    run_ids: list[str] = field(default_factory=list[str])
    failed: set[str] = field(default_factory=set[str])
    attempted: set[str] = field(default_factory=set[str])

    def to_the_end(self, started: float) -> RunReport:
        found = self._plan()
        todo = self._todo(found)
        self.show.planned(todo)
        while group := next_group(self.mesh, todo):
            self._make(group)
            found = self._plan()
            todo = self._todo(found)
        return self._report(found, started)

    def _plan(self) -> Plan:
        facts = facts_of(
            self.mesh.nodes,
            self.shared,
            without_registry=True,
            instance=lambda: dagster_instance(self.shared),
        )
        return plan(self.nodes, facts, force=self.forced - self.attempted, without=self.failed)

    def _todo(self, found: Plan) -> list[Step]:
        todo = [step for step in found.steps if step.key not in self.attempted]
        if self.partition is None:
            return todo
        return [_only(step, self.partition) if step.key in self.forced else step for step in todo]

    def _make(self, group: Sequence[Step]) -> None:
        """Run one domain's share of the plan, as one run where it can be."""
        from mesh_pipelines.runtime.lost_runs import keep_places_free

        domain = group[0].node.domain
        self.attempted |= {step.key for step in group}
        for batch, partitions in runs_of(group):
            share = Share(domain, tuple(batch), partitions, self.reason, self.by)
            with keep_places_free(dagster_instance(self.shared)):
                outcome = execute(self.mesh, share, self.shared, self.show)
            self.run_ids.append(outcome.run_id)
            self.began = outcome.began if self.began is None else self.began
            for report in outcome.steps:
                self.reports[report.key] = merge_reports(self.reports.get(report.key), report)
            broken = {report.key for report in outcome.steps if report.status in ("failed", "skipped")}
            self.failed |= broken
            if broken:
                return

    def _report(self, found: Plan, started: float) -> RunReport:
        for step in found.steps:
            made = step.key in self.attempted and self.reports[step.key].status == "done"
            if made and not step.follows:
                self.show.note(
                    f"{step.key} is out of date again, run it once more: {'; '.join(step.reasons)}"
                )
        for wait in found.waiting:
            report = StepReport(
                wait.node.key, wait.node.domain, wait.node.stage, "waiting", message=wait.reason
            )
            self.reports.setdefault(wait.node.key, report)
        for node in self.nodes:
            if node.key not in self.reports:
                self.reports[node.key] = _report_without_run(node, self.reports, self.failed)
            if self.reports[node.key].status == "skipped":
                self.failed.add(node.key)
        ended = time.monotonic()
        ordered = tuple(self.reports[node.key] for node in self.nodes)
        return RunReport(ordered, ended - started, tuple(self.run_ids), (self.began or ended) - started)


def _report_without_run(node: Node, reports: Mapping[str, StepReport], failed: Collection[str]) -> StepReport:
    """Report on a node without a run: up to date, or held up by what it reads."""
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
