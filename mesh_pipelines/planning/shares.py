"""Cuts a plan into runs: one domain each, and the partitions that it makes."""

from __future__ import annotations

from collections.abc import Sequence

from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.planning.step import Step
from quality.contract import next_partition


def next_group(mesh: Mesh, steps: Sequence[Step], *, only: str | None = None) -> list[Step]:
    """The largest share of the plan that one domain can run now; ties go to the higher priority."""
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


def runs_of(group: Sequence[Step]) -> list[tuple[list[Step], tuple[str, ...] | None]]:
    """Cut a group into runs, each with its partitions: one run of days, one of months, one of years, gaps or none.

    Dagster tells a function that is written by hand the first and the last partition alone: with such an asset each
    unbroken range is a run. Steps without partitions go with the last run.
    """
    cut: dict[str, list[Step]] = {}
    for step in group:
        if step.partitions:
            cut.setdefault(step.cadence, []).append(step)
    found = [(steps, part) for steps in cut.values() for part in _parts(steps)]
    if not found:
        return [(list(group), None)]
    last, names = found[-1]
    kept = {step.key for step in last}
    whole = [step for step in group if step.key in kept or not step.partitions]
    return [*((list(steps), part) for steps, part in found[:-1]), (whole, names)]


def _parts(steps: Sequence[Step]) -> list[tuple[str, ...]]:
    names = tuple(sorted({name for step in steps for name in step.partitions or ()}))
    if not any(step.node.asset for step in steps):
        return [names]
    return [tuple(name for name in names if first <= name <= last) for first, last in spans_of(names)]


Spans = Sequence[tuple[str, str]]
"""Unbroken ranges of partitions, each by its first and last."""


def spans_of(names: Sequence[str]) -> Spans:
    """Sorted partitions as unbroken ranges."""
    found: list[tuple[str, str]] = []
    for name in names:
        if found and next_partition(found[-1][1]) == name:
            found[-1] = (found[-1][0], name)
        else:
            found.append((name, name))
    return found


def write_spans(spans: Spans) -> str:
    """Ranges as the text of a tag: ``2026-01-01..2026-01-09,2026-01-11``."""
    return ",".join(first if first == last else f"{first}..{last}" for first, last in spans)


def read_spans(text: str) -> Spans:
    """The ranges of a tag's text."""
    parts = (part.partition("..") for part in text.split(",") if part)
    return [(first, last or first) for first, _, last in parts]


def names_in(spans: Spans) -> tuple[str, ...]:
    """Every partition of some ranges."""
    found: list[str] = []
    for first, last in spans:
        name = first
        while name <= last:
            found.append(name)
            name = next_partition(name)
    return tuple(found)


def within(name: str, spans: Spans) -> bool:
    """True if a partition is in one of the ranges."""
    return any(first <= name <= last for first, last in spans)
