"""``mesh why``: an asset's reasons to wait, its last runs and their reasons, and the next tick."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mesh_pipelines.dagster_names import DOMAIN, REASON, asset_key, op_name
from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.declaring.node import Node, RegisteredNode
from mesh_pipelines.errors import cause_in_words
from mesh_pipelines.governance.load_mesh import load_sound_mesh
from mesh_pipelines.modeling.registry import registry_of
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.judge import judge
from mesh_pipelines.planning.lag import late_nodes, refusal_in_words
from mesh_pipelines.planning.lookup import facts_of, registry_exists
from mesh_pipelines.planning.next_run import NoRun, next_run
from mesh_pipelines.planning.plan import plan
from mesh_pipelines.planning.step import Plan, Step
from mesh_pipelines.planning.verdicts import remedy_of
from mesh_pipelines.reporting.loaded_code import reload_remark
from mesh_pipelines.reporting.reports import Card, Section
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.runtime.preload import READING, preload
from mesh_pipelines.shared import SharedResources, shared_resources
from resources.ui_address import running_ui


def explain(key: str) -> Card:
    """The reasons for an asset's state. Raises SelectionError: nothing in the mesh has that key."""
    preload(READING)
    from mesh_pipelines.governance.load_mesh import project_root
    from mesh_pipelines.orchestration.tick import attempts_in

    mesh = load_sound_mesh(project_root())
    node = mesh.node(key)
    shared = shared_resources()
    instance = dagster_instance(shared)
    settle = shared.settings.settle_seconds
    settled = facts_of(mesh.nodes, shared, settle=settle, instance=lambda: instance)
    decision = next_run(mesh, node.domain, settled, attempts_in(instance, node.domain))
    facts = facts_of(mesh.nodes, shared, instance=lambda: instance)  # as `mesh status` and `mesh run` see it
    idle = isinstance(decision, NoRun)
    if idle:
        following = f"nothing for {node.domain}: {decision.reason}"
    else:
        made = ", ".join(step.key for step in decision.steps)
        leading = [judge(step.node, settled) for step in decision.steps if not step.follows]
        fails = bool(leading) and all(found.fault for found in leading)
        following = f"a run of {made}, {'which fails' if fails else 'because'}: {decision.reason}"
    now = [
        *_now(node, facts, plan(mesh.select([key]), facts)),
        *_unfit(node, facts),
        *_refused_inputs(node, mesh, facts),
        *facts.record_of(node.key).notes.items(),
    ]
    sections = [
        Section("Now", [*now, *_held(node, facts, shared), *_late(node, facts)]),
        Section("Last", _last(instance, node)),
        Section(
            "Next tick", [(f"{node.domain}_current", following), *_remarks(mesh, node, shared, idle=idle)]
        ),
    ]
    return Card(key, node.stage, "", sections)


def _remarks(mesh: Mesh, node: Node, shared: SharedResources, *, idle: bool) -> list[tuple[str, str]]:
    """Remarks that no tick comes, or that it is made by other code than this answer.

    Args:
        idle: the tick would start no run.
    """
    remark = reload_remark(mesh, shared.settings, [node.domain])
    found = [("first", remark)] if remark else []
    if not running_ui(shared.settings):
        absent = "no `mesh ui` of this home runs"
        found.append(("but", absent if idle else f"{absent}: `mesh run {node.domain}` makes it now"))
    return found


def _now(node: Node, facts: Facts, whole: Plan) -> list[tuple[str, str]]:
    found = judge(node, facts)
    if found.fault:
        what = f"{found.fault.where}: {found.fault.what}" if found.fault.where else found.fault.what
        return [("fault", what), *([("what to do", found.fault.remedy)] if found.fault.remedy else [])]
    waits = [wait.reason for wait in whole.waiting if wait.node.key == node.key]
    if waits or found.waits:
        return [("waits", reason) for reason in waits or [found.waits]]
    if found.reasons:
        return [("out of date", reason) for reason in found.reasons]
    ahead = [step for step in whole.steps if step.key != node.key]
    if ahead:
        return [_ahead(step, facts) for step in ahead if not step.follows]
    return [("up to date", "made from what is published now")]


def _ahead(step: Step, facts: Facts) -> tuple[str, str]:
    """What is made before an asset, or what keeps it from being made."""
    refusal = refusal_in_words(step, facts)
    return ("waits", refusal) if refusal else ("will follow", f"{step.key}: {'; '.join(step.reasons)}")


def _refused_inputs(node: Node, mesh: Mesh, facts: Facts) -> list[tuple[str, str]]:
    """Inputs of an asset that are left out of the mesh for a broken rule, and the version that it reads on."""
    found: list[tuple[str, str]] = []
    for given in node.inputs:
        if refusal := mesh.refusal(given.key):
            record = facts.of(given.key)
            version = f"version {record.version} is read" if record else "nothing of it is published"
            found.append(
                ("left out", f"{given.key}, and {version}: {refusal[0].where}: {refusal[0].problem}")
            )
    return found


def _unfit(node: Node, facts: Facts) -> list[tuple[str, str]]:
    """The reason why nothing may follow an asset, and the remedy; empty where everything may."""
    reason = judge(node, facts).unfit
    return [("nobody follows", reason), ("what to do", remedy_of(node.key))] if reason else []


def _held(node: Node, facts: Facts, shared: SharedResources) -> list[tuple[str, str]]:
    """The pin or the challenger in shadow that keeps a model's champion."""
    if not isinstance(node, RegisteredNode) or not registry_exists(shared):
        return []
    shadow = facts.of_model(node.model_key).shadow
    held = [
        ("in shadow" if shadow else "not trained", reason)
        for reason in judge(facts.nodes[node.model_key], facts).held
    ]
    pinned = registry_of(shared).pinned(node.model_key)
    if pinned is not None:
        held.append(("pinned", f"to version {pinned.to} by {pinned.who} at {pinned.at}: {pinned.because}"))
    return held


def _late(node: Node, facts: Facts) -> list[tuple[str, str]]:
    return [("late", text) for text in late_nodes([node], facts, datetime.now(UTC)).values()]


def _last(instance: Any, node: Node) -> list[tuple[str, str]]:
    import dagster as dg

    key = asset_key(node.key)
    facts: list[tuple[str, str]] = []
    event = instance.get_latest_materialization_event(key)
    if event is None:
        facts.append(("made", "never"))
    else:
        when = datetime.fromtimestamp(event.timestamp, UTC).isoformat(timespec="seconds")
        made = instance.get_run_by_id(event.run_id) if event.run_id else None
        why = made.tags.get(REASON, "launched by hand") if made else "decided by a person"
        facts.append(("made", f"{when}{f', run {made.run_id[:8]}' if made else ''}, because: {why}"))
    failed = instance.get_run_records(
        filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], tags={DOMAIN: node.domain}),
        limit=1,
    )
    run = failed[0].dagster_run if failed else None
    since = failed[0].create_timestamp.timestamp() if failed else 0.0
    # The run that made it may have failed at some of its partitions.
    if run and (event is None or since > event.timestamp or run.run_id == event.run_id):
        errors = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        for entry in errors:
            if entry.dagster_event and entry.dagster_event.step_key == op_name(node.key):
                words = cause_in_words(entry.dagster_event.step_failure_data.error)
                facts.append(("failed since", f"run {run.run_id[:8]}: {words}"))
    return facts
