"""Brings the mesh up to date: plan, run one domain's share as a Dagster run, plan again, until nothing is left.

A Dagster run lives in one code location, so the steps of a plan are grouped by domain, as many to a run as lineage
allows, and every run is recorded in the Dagster instance under its code location.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import Node
from mesh_pipelines.declaring.reader import Reader
from mesh_pipelines.errors import DomainError, SelectionError, Violation
from mesh_pipelines.governance.load_mesh import load_sound_mesh, project_root
from mesh_pipelines.orchestration.execute import Share, execute
from mesh_pipelines.orchestration.run_report import (
    WAITS,
    Reporter,
    RunReport,
    SilentReporter,
    Status,
    StepReport,
    merge_reports,
)
from mesh_pipelines.planning.attempts import causes_of
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.judge import is_published, judge
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
    earlier: Mapping[str, tuple[Status, float, str]] | None = None,
) -> RunReport:
    """Materialize what is out of date.

    Whatever fails or breaks a rule holds up nothing else: it is reported, and its readers, if they have a reason of
    their own to be made, read the version that was published last.

    Args:
        selection: keys (with all that they need upstream) or domains; empty means the whole mesh.
        partition: one partition, or a range ``2013-01..2013-03``, to make anew; implies ``force`` for the
            partitioned assets selected.
        earlier: assets that a process before this one made or failed to make, each with status, seconds and message.

    Raises:
        DomainError: all of the selection breaks the federation's rules.
        SelectionError: a name or partition fits nothing.
    """
    from mesh_pipelines.runtime.lost_runs import end_lost

    started = time.monotonic()
    shared = shared_resources()
    with shared.auditor.beside():
        preload(PLANNING)
        show = reporter or SilentReporter()
        whole = mesh or load_sound_mesh(project_root())
        refused = whole.refused_in(selection)
        sound = [item for item in selection if item not in refused]
        nodes = whole.select(sound) if sound or not selection else []
        if refused and not nodes:
            raise DomainError("the mesh", list(dict.fromkeys(v for found in refused.values() for v in found)))
        end_lost(shared)
        forced = _forced(whole, sound, nodes, partition, force)
        forced -= set(earlier or ())
        begun = _Run(whole, nodes, shared, show, forced, partition, reason, by)
        begun.take_over(earlier or {})
        report = begun.to_the_end(started)
        _note_refused_inputs(whole, nodes, refused, show)
        return replace(report, steps=(*report.steps, *_reports_of_refused(refused)))


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
    facts: Facts | None = None

    def take_over(self, earlier: Mapping[str, tuple[Status, float, str]]) -> None:
        """Count what a process before this one failed to make as failed, and do not try it again."""
        for node in self.nodes:
            if node.key in earlier:
                status, seconds, message = earlier[node.key]
                report = StepReport(node.key, node.domain, node.stage, status, seconds, message=message)
                self.reports[node.key] = report
                if status == "failed":
                    self.failed.add(node.key)
                    self.attempted.add(node.key)

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
        self.facts = facts = facts_of(
            self.mesh.nodes,
            self.shared,
            without_registry=True,
            instance=lambda: dagster_instance(self.shared),
        )
        # A reader of what failed may have other reasons: it reads the published version, where there is one.
        published = {key for key in self.failed if is_published(key, facts)}
        return plan(
            self.nodes,
            facts,
            force=self.forced - self.attempted,
            without=self.failed - published,
            settled=published,
        )

    def _todo(self, found: Plan) -> list[Step]:
        todo = [step for step in found.steps if step.key not in self.attempted]
        if self.partition is None:
            return todo
        cut = [_only(step, self.partition) if step.key in self.forced else step for step in todo]
        named = [step for step in todo if step.key in self.forced and step.partitions is not None]
        if (
            named
            and not self.attempted
            and not any(step.partitions for step in cut if step.key in self.forced)
        ):
            raise _no_partition_error(named[0], self.partition)
        return [step for step in cut if step.partitions != ()]

    def _make(self, group: Sequence[Step]) -> None:
        """Run one domain's share of the plan, as one run where it can be."""
        from mesh_pipelines.runtime.lost_runs import keep_places_free
        from mesh_pipelines.runtime.signs_of_life import give_signs

        domain = group[0].node.domain
        self.attempted |= {step.key for step in group}
        assert self.facts is not None
        for batch, partitions in runs_of(group):
            causes = causes_of(batch, partitions, self.facts)
            share = Share(domain, tuple(batch), partitions, self.reason, self.by, causes)
            instance = dagster_instance(self.shared)
            with keep_places_free(instance), give_signs(instance, self.shared.settings.scratch):
                outcome = execute(self.mesh, share, self.shared, self.show)
            self.run_ids += [outcome.run_id] if outcome.run_id else []
            self.began = outcome.began if self.began is None else self.began
            held = self._note_failures(batch, outcome.steps)
            for report in outcome.steps:
                if report.key not in held:
                    self.reports[report.key] = merge_reports(self.reports.get(report.key), report)

    def _note_failures(self, batch: Sequence[Step], reports: Sequence[StepReport]) -> set[str]:
        """Note what failed; what was skipped because one ahead of it in the run did is left to the next plan.

        Returns:
            Keys of which the next plan decides, for this run has not made anything of them.
        """
        failed = {report.key for report in reports if report.status == "failed"}
        skipped = {report.key for report in reports if report.status == "skipped"}
        held: set[str] = set()
        for step in batch:
            if step.key in skipped and any(given.key in failed | held for given in step.node.inputs):
                held.add(step.key)
        self.failed |= failed | (skipped - held)
        self.attempted -= held - self.forced
        return held - self.forced

    def _report(self, found: Plan, started: float) -> RunReport:
        assert self.facts is not None
        for step in found.steps:
            made = step.key in self.attempted and self.reports[step.key].status == "done"
            if not made or step.follows:
                continue
            if refused := judge(step.node, self.facts).fault:  # all else of it was made
                self.reports[step.key] = replace(
                    self.reports[step.key], status="failed", message=str(refused)
                )
            else:
                self.show.note(
                    f"{step.key} is out of date again, run it once more: {'; '.join(step.reasons)}"
                )
        for wait in found.waiting:
            node, judged = wait.node, judge(wait.node, self.facts)
            if any(given.key in self.failed for given in node.inputs):
                continue
            # It waits for a fault to be mended: it was asked for, and cannot be made.
            status = "failed" if judged.fault else "waiting"
            message = str(judged.fault or wait.reason)
            self.reports.setdefault(
                node.key, StepReport(node.key, node.domain, node.stage, status, message=message)
            )
            self.failed |= {node.key} if judged.fault else set()
        for node in self.nodes:
            if node.key not in self.reports:
                self.reports[node.key] = _report_without_run(node, self.reports, self.failed)
            if self.reports[node.key].status == "skipped":
                self.failed.add(node.key)
        ended = time.monotonic()
        ordered = tuple(self.reports[node.key] for node in self.nodes)
        return RunReport(ordered, ended - started, tuple(self.run_ids), (self.began or ended) - started)


def _report_without_run(node: Node, reports: Mapping[str, StepReport], failed: Collection[str]) -> StepReport:
    """Report on a node without a run: up to date, or held up by what it reads, which is named."""
    for wanted in node.inputs:
        upstream = reports.get(wanted.key)
        held = upstream is not None and upstream.status in ("skipped", "waiting")
        reason = upstream.message if upstream and held and upstream.message.startswith(WAITS) else ""
        if wanted.key in failed:
            reason = reason or f"{WAITS}{wanted.key}, which failed"
            return StepReport(node.key, node.domain, node.stage, "skipped", message=reason)
        if upstream is not None and upstream.status == "waiting":
            reason = reason or f"{WAITS}{wanted.key}: {upstream.message}"
            return StepReport(node.key, node.domain, node.stage, "waiting", message=reason)
    return StepReport(node.key, node.domain, node.stage, "up to date")


def _note_refused_inputs(
    mesh: Mesh, nodes: Sequence[Node], refused: Mapping[str, object], show: Reporter
) -> None:
    """Name, once each, what the selection reads that is left out and was not asked for itself."""
    read = {given.key for node in nodes for given in node.inputs if mesh.refusal(given.key)}
    for key in sorted(read - set(refused)):
        if key.partition(".")[0] not in refused:
            first = mesh.refusal(key)[0]
            show.note(
                f"{key} is left out, and its readers read what is published of it: {first.where}: {first.problem}"
            )


def _reports_of_refused(refused: Mapping[str, Sequence[Violation]]) -> list[StepReport]:
    return [
        StepReport(
            key,
            key.partition(".")[0],
            "asset" if "." in key else "domain",
            "refused",
            message="\n".join(map(str, found)),
        )
        for key, found in sorted(refused.items())
    ]


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
    """A step with those of its partitions that lie in a range; a month has its days, and a year its months."""
    if step.partitions is None:
        return step
    first, _, last = partition.partition("..")
    last = last or first
    wanted = tuple(
        name
        for name in step.partitions
        if len(name) >= len(first) and first <= name[: len(first)] and name[: len(last)] <= last
    )
    return replace(step, partitions=wanted)


def _no_partition_error(step: Step, partition: str) -> SelectionError:
    there = step.partitions or ()
    return SelectionError(
        f"{step.key} has no partition {partition!r}",
        remedy=f"it has {', '.join(there[:3])} ... {there[-1]}" if there else "land it first",
    )
