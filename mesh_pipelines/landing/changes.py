"""The difference between what has landed and what the last publish read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from mesh_pipelines.errors import LandingError, MeshError
from mesh_pipelines.landing.landed import LISTED, Known, Landed, LandedInput, Landing, SeenInput
from quality.contract import Contract, Partition


def look_at(
    open_landing: Callable[[], Landing], known: Known, *, settle: float = 0.0, key: str = ""
) -> Landed:
    """Look at a landing; a failure becomes part of the result, so that no source keeps another from being looked at."""
    try:
        with open_landing() as landing:
            return landing.look(known, settle=settle)
    except MeshError as fault:
        return Landed(fault=fault)
    except Exception as error:  # noqa: BLE001 (a library may raise anything at all)
        return Landed(
            fault=LandingError(
                f"what has landed cannot be looked at: {type(error).__name__}",
                where=key,
                remedy="the whole error is in the log of its next run; other sources go on",
            )
        )


def changed_partitions(landed: Landed, known: Known) -> dict[str, str]:
    """Partitions whose inputs are not those of the last publish, each with the reason in words.

    A partition that lost its last input is left out and keeps its rows: tidying up a folder loses no data.
    A partition with other inputs left is made anew from these.
    """
    reasons: dict[str, list[str]] = {}
    now = landed.by_partition()
    for partition, inputs in now.items():
        before = known.get(partition, {})
        for one in inputs:
            if one.name not in before:
                reasons.setdefault(partition, []).append(f"{one.name} landed")
            elif before[one.name].fingerprint != one.fingerprint:
                reasons.setdefault(partition, []).append(f"{one.name} {one.change}")
        gone = set(before) - {one.name for one in inputs} - set(landed.unfinished) - _unread(landed)
        reasons.setdefault(partition, []).extend(f"{name} was taken away" for name in sorted(gone))
    return {partition: "; ".join(why) for partition, why in sorted(reasons.items()) if why}


def removed_inputs(landed: Landed, known: Known) -> tuple[str, ...]:
    """Names of inputs that were the last of their partition and are gone, while their rows stay published."""
    now = landed.by_partition()
    gone = {name for partition, inputs in known.items() if partition not in now for name in inputs}
    return tuple(sorted(gone - set(landed.unfinished) - _unread(landed)))


def _unread(landed: Landed) -> set[str]:
    return {one.name for one in (*landed.outside, *landed.refused)}


def separate_undeclared(landed: Landed, cut: Partition | None) -> Landed:
    """The look with inputs of undeclared partitions moved from ``inputs`` to ``outside``."""
    outside = tuple(one for one in landed.inputs if cut and one.partition and not cut.holds(one.partition))
    return replace(landed, inputs=tuple(one for one in landed.inputs if one not in outside), outside=outside)


def refused_inputs_error(landed: Landed, contract: Contract) -> LandingError | None:
    """The error of inputs that are not read, by name; None if there are none."""
    found = [(one.name, one.why) for one in landed.refused]
    if landed.outside and contract.partition is not None:
        span = contract.partition.span
        found += [
            (f"{one.name} ({one.partition})", f"outside the partitions that its contract declares ({span})")
            for one in landed.outside
        ]
    if not found:
        return None
    lines = [f"  - {name}: {why}" for name, why in found[:LISTED]]
    if len(found) > LISTED:
        lines.append(f"  - and {len(found) - LISTED} more")
    remedies = [one.remedy for one in landed.refused]
    if landed.outside:
        where = f"contracts/{contract.path.name} (customProperties, partitions)"
        remedies.append(f"declare the partition in {where}, or take out what lies outside")
    return LandingError(
        "refused, and everything else is read:\n" + "\n".join(lines),
        where=f"{contract.domain}.{contract.name}",
        remedy="; ".join(dict.fromkeys(remedies))
        + "; what was refused is untouched, and so is what was published",
    )


def known_inputs(inputs: Iterable[LandedInput]) -> dict[str, dict[str, SeenInput]]:
    """Inputs as the publish record keeps them: see :data:`Known`."""
    found: dict[str, dict[str, SeenInput]] = {}
    for one in inputs:
        found.setdefault(one.partition, {})[one.name] = SeenInput(
            one.stamp, one.fingerprint, one.mark, one.note
        )
    return found
