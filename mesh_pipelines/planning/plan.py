"""What is out of date, and why: a pure comparison of what was published with what it would be made from now.

The lake and the model registry hold the truth: each table remembers the content (not the run) of everything it was
made from. So the same answer comes out for the ``mesh`` command, the sensors and a person who asks why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mesh_pipelines.declaring.node import Node
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.judge import all_partitions, declared_partitions, stale, unchecked
from mesh_pipelines.planning.step import Plan, Step, Waiting
from mesh_pipelines.planning.verdicts import unfit


def plan(
    nodes: Iterable[Node],
    facts: Facts,
    *,
    force: Collection[str] = (),
    without: Collection[str] = (),
    settled: Collection[str] = (),
) -> Plan:
    """What has to be made for the given nodes to be up to date.

    Args:
        nodes: the selection, upstream first.
        facts: where to look.
        force: keys to make whether or not they are out of date.
        without: keys that failed before, with all that is downstream of them left out.
        settled: keys to leave as they are published, while what is downstream of them goes on.
    """
    steps: dict[str, Step] = {}
    waiting: dict[str, Waiting] = {}
    out: set[str] = set(without)
    for node in nodes:
        if node.key in out or any(i.key in out for i in node.inputs):
            out.add(node.key)
            continue
        if node.key in settled:
            continue
        found = stale(node, facts) or unchecked(node, facts)
        ahead = [steps[i.key] for i in node.inputs if i.key in steps]
        unfit_inputs = [unfit(i.key, facts) for i in node.inputs if i.key not in steps]
        held = "; ".join(reason for reason in unfit_inputs if reason)
        if held and (ahead or isinstance(found, Step) or node.key in force):
            waiting[node.key] = Waiting(node, held, blocks=not facts.there(node.key))
            out |= {node.key} if waiting[node.key].blocks else set()
            continue
        if isinstance(found, Waiting):
            ready = ahead and all(i.key in steps or facts.there(i.key) for i in node.inputs)
            if not ready and (found.blocks or node.key not in force):
                waiting[node.key] = found
                out |= {node.key} if found.blocks else set()
                continue
            found = None
        if node.key in force:
            found = _asked_for(node, found, facts)
        if ahead:
            steps[node.key] = _following(node, ahead, found)
        elif found is not None:
            steps[node.key] = found
    return Plan(tuple(steps.values()), tuple(waiting.values()))


def _asked_for(node: Node, found: Step | None, facts: Facts) -> Step:
    partitions = all_partitions(node, facts)
    if partitions is not None and found is not None:
        partitions = tuple(sorted({*partitions, *(found.partitions or ())}))
    return Step(node, ("asked for", *(found.reasons if found else ())), partitions)


def _following(node: Node, ahead: Iterable[Step], found: Step | None) -> Step:
    ahead = list(ahead)
    reasons = (*(found.reasons if found else ()), *(f"{step.key} is made first" for step in ahead))
    partitions: set[str] = set(found.partitions or ()) if found else set()
    for step in ahead:
        partitions |= set(step.partitions or ())
    parts = declared_partitions(node, partitions) if node.partitioned else None
    return Step(node, reasons, parts, follows=found is None)
