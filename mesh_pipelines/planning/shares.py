"""Cuts a plan into runs: one domain and one unbroken range of days, months or years each."""

from __future__ import annotations

from collections.abc import Sequence

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.planning.step import Step
from quality.contract import next_partition


def next_group(mesh: Mesh, steps: Sequence[Step], *, only: str | None = None) -> list[Step]:
    """The largest share of the plan that one domain can run now; ties go to the higher priority.

    Args:
        steps: steps of the plan, upstream first.
        only: the one domain that may be chosen.
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
    """Cut a group into runs of one unbroken range of days, months or years; steps without any go with the last."""
    cut: dict[str, list[Step]] = {}
    for step in group:
        if step.partitions:
            cut.setdefault(step.cadence, []).append(step)
    found: list[tuple[list[Step], tuple[str, str] | None]] = [
        (list(steps), window) for steps in cut.values() for window in _ranges(steps)
    ]
    if not found:
        return [(list(group), None)]
    last, window = found[-1]
    kept = {step.key for step in last}
    return [*found[:-1], ([step for step in group if step.key in kept or not step.partitions], window)]


def _ranges(steps: Sequence[Step]) -> list[tuple[str, str]]:
    """First and last of each unbroken range of partitions."""
    ranges: list[tuple[str, str]] = []
    for name in sorted({name for step in steps for name in step.partitions or ()}):
        if ranges and next_partition(ranges[-1][1]) == name:
            ranges[-1] = (ranges[-1][0], name)
        else:
            ranges.append((name, name))
    return ranges
