"""The plan: the assets to make, upstream first, and those that wait.

Lake and model registry hold the content hash of everything a table was made from, so the ``mesh`` command, the sensors
and ``mesh why`` come to the same plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from mesh_pipelines.declaring.node import Node
from mesh_pipelines.planning.compare import all_partitions, declared_partitions
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.judge import is_published, judge, unfit_inputs
from mesh_pipelines.planning.step import Plan, Step, Waiting


def plan(
    nodes: Iterable[Node],
    facts: Facts,
    *,
    force: Collection[str] = (),
    without: Collection[str] = (),
    settled: Collection[str] = (),
) -> Plan:
    """The steps that bring the given nodes up to date.

    ``without``, which failed before, is left out with all downstream; ``settled`` stays, and downstream goes on.
    """
    steps: dict[str, Step] = {}
    waiting: dict[str, Waiting] = {}
    out: set[str] = set(without)
    stuck: set[str] = set()  # waits, and has no earlier version that what is downstream of it could read
    for node in nodes:
        if node.key in out or any(i.key in out for i in node.inputs):
            out.add(node.key)
            continue
        if any(i.key in stuck for i in node.inputs):
            stuck |= set() if is_published(node.key, facts) else {node.key}
            continue
        if node.key in settled:
            continue
        found = judge(node, facts)
        ahead = [steps[i.key] for i in node.inputs if i.key in steps]
        unfit = "; ".join(why for key, why in unfit_inputs(node, facts).items() if key not in steps)
        if unfit and (ahead or found.reasons or node.key in force):
            waiting[node.key] = Waiting(node, unfit, blocks=not facts.exists(node.key))
        elif (
            found.waits
            and not _may_follow(node, ahead, steps, facts)
            and (found.blocks or node.key not in force)
        ):
            waiting[node.key] = Waiting(node, found.waits, found.blocks)
        if node.key in waiting:
            stuck |= {node.key} if waiting[node.key].blocks else set()
            continue
        own = Step(node, found.reasons, found.partitions) if found.reasons else None
        if node.key in force:
            own = _asked_for(node, own, facts)
        if ahead:
            steps[node.key] = _follow(node, ahead, own)
        elif own is not None:
            steps[node.key] = own
    return Plan(tuple(steps.values()), tuple(waiting.values()))


def _may_follow(node: Node, ahead: list[Step], steps: Mapping[str, Step], facts: Facts) -> bool:
    """True if what a node waits for is made ahead of it in this plan."""
    return bool(ahead) and all(given.key in steps or facts.exists(given.key) for given in node.inputs)


def _asked_for(node: Node, found: Step | None, facts: Facts) -> Step:
    partitions = all_partitions(node, facts)
    if partitions is not None and found is not None:
        partitions = tuple(sorted({*partitions, *(found.partitions or ())}))
    return Step(node, ("asked for", *(found.reasons if found else ())), partitions)


def _follow(node: Node, ahead: Iterable[Step], found: Step | None) -> Step:
    ahead = list(ahead)
    reasons = (*(found.reasons if found else ()), *(f"{step.key} is made first" for step in ahead))
    partitions: set[str] = set(found.partitions or ()) if found else set()
    for step in ahead:
        partitions |= set(step.partitions or ())
    parts = declared_partitions(node, partitions) if node.partitioned else None
    return Step(node, reasons, parts, follows=found is None)
