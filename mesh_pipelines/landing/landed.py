"""What lands for a source, of whatever kind: files in a folder or an object store, a table of a database.

Every kind answers the same two questions. ``look`` says what is there now, by input, each with a fingerprint of its
content; ``read`` gives the rows of some inputs as they came, with their provenance. A look is cheap first: an input
whose stamp is the one that the last publish saw is what it was, and only another one is looked at more closely.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self

import polars as pl

from mesh_pipelines.errors import LandingError, MeshError
from quality.contract import Contract, Partition
from quality.typed import PROVENANCE

if TYPE_CHECKING:
    from mesh_pipelines.declaring.load import Node
    from resources.settings import Settings

_LISTED = 8
FILE, ROW = PROVENANCE
"""Provenance of a source's row: the file or table that it came from, and its number among the rows read, from 1."""

Known = Mapping[str, Mapping[str, Sequence[str]]]
"""What a publish record keeps of its inputs: by partition and name the stamp, the fingerprint and the mark."""


@dataclass(frozen=True)
class LandedInput:
    """One thing that rows come from: a file, or a table (or one partition of it).

    Args:
        name: path below the domain's landing folder; of a table, its name.
        partition: the partition it belongs to; empty where the source has none.
        stamp: what a cheap look sees of it, which changes whenever the content may have; empty where there is none.
        fingerprint: of the content.
        mark: how far its rows had come: the highest watermark, as text; empty where there is none.
        since: rows below this mark are known already and not read again; empty to read all.
        change: what to say of it where its fingerprint is another one.
    """

    name: str
    partition: str
    stamp: str
    fingerprint: str
    mark: str = ""
    since: str = ""
    change: str = "was corrected"


@dataclass(frozen=True)
class Landed:
    """All inputs of a source as one look found them.

    Args:
        inputs: what can be read, by name.
        unfinished: names of what is still being written; it is left for the next look.
        fault: why nothing could be looked at, where that is so.
        outside: what cannot be read, being of a partition that the contract does not declare.
    """

    inputs: tuple[LandedInput, ...] = ()
    unfinished: tuple[str, ...] = ()
    fault: MeshError | None = None
    outside: tuple[LandedInput, ...] = ()

    def by_partition(self) -> dict[str, tuple[LandedInput, ...]]:
        """Inputs by their partition, sorted."""
        found: dict[str, list[LandedInput]] = {}
        for one in self.inputs:
            found.setdefault(one.partition, []).append(one)
        return {partition: tuple(inputs) for partition, inputs in sorted(found.items())}


class Landing(Protocol):
    """Where a source's rows come from. What is looked at and read inside one ``with`` block is of one moment."""

    where: str
    """What to call it in an error."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def look(self, known: Known, *, settle: float = 0.0) -> Landed:
        """What is there now.

        Args:
            known: what the last publish knew of each input.
            settle: seconds that something unknown must have been left unchanged before it counts as finished. A look
                with 0 is a thorough one.

        Raises:
            LandingError, SourceUnavailable: it cannot be looked at.
        """
        ...

    def read(self, inputs: Sequence[LandedInput], contract: Contract) -> pl.LazyFrame:
        """The rows of some inputs, as they came, with where each came from.

        Args:
            inputs: what to read, of the last look.
            contract: the source's contract, which names the columns.

        Returns:
            A frame of the contract's columns, ``_file``, ``_row`` and, for a partitioned source, its partition.

        Raises:
            LandingError: an input has other columns than the contract, or cannot be read; all such are named.
        """
        ...

    def blame(self, inputs: Sequence[LandedInput], contract: Contract, error: Exception) -> MeshError:
        """Name the inputs at fault, after reading all of them together failed.

        Args:
            inputs: what was read.
            contract: the source's contract.
            error: what was said.
        """
        ...


def landing_of(node: Node, settings: Settings) -> Landing:
    """Where the rows of a source come from.

    Args:
        node: the source.
        settings: where the landing zone is, and the databases.
    """
    from mesh_pipelines.declaring.declarations import SourceDeclaration, TableDeclaration

    declared = node.declaration
    assert isinstance(declared, SourceDeclaration)
    if isinstance(declared, TableDeclaration):
        from mesh_pipelines.landing.tables import TableLanding

        return TableLanding(declared, node, settings)
    from mesh_pipelines.landing.files import FileLanding
    from resources.store import open_store

    return FileLanding(open_store(settings.landing, settings.storage_options), node.domain, declared.pattern)


def looked(landing: Landing, known: Known, *, settle: float = 0.0) -> Landed:
    """One look by itself; what went wrong with it is part of what was found.

    Args:
        landing: where to look.
        known: what the last publish knew of each input.
        settle: see :meth:`Landing.look`.
    """
    try:
        with landing:
            return landing.look(known, settle=settle)
    except MeshError as fault:
        return Landed(fault=fault)


def changed_partitions(landed: Landed, known: Known) -> dict[str, str]:
    """Partitions whose inputs are not those of the last publish, each with the reason in words.

    A partition that lost its last input is not among them: it keeps its rows, since nothing is ever lost because
    somebody tidied up. One that has others left is made anew from these.

    Args:
        landed: what is there now.
        known: what the last publish knew of each input.
    """
    reasons: dict[str, list[str]] = {}
    now = landed.by_partition()
    for partition, inputs in now.items():
        before = known.get(partition, {})
        for one in inputs:
            if one.name not in before:
                reasons.setdefault(partition, []).append(f"{one.name} landed")
            elif before[one.name][1] != one.fingerprint:
                reasons.setdefault(partition, []).append(f"{one.name} {one.change}")
        gone = set(before) - {one.name for one in inputs} - set(landed.unfinished)
        reasons.setdefault(partition, []).extend(f"{name} was taken away" for name in sorted(gone))
    return {partition: "; ".join(why) for partition, why in sorted(reasons.items()) if why}


def gone_with_rows_kept(landed: Landed, known: Known) -> tuple[str, ...]:
    """Names of inputs that were the last of their partition and are gone, while their rows stay published.

    Args:
        landed: what is there now.
        known: what the last publish knew of each input.
    """
    now = landed.by_partition()
    gone = {name for partition, inputs in known.items() if partition not in now for name in inputs}
    return tuple(sorted(gone - set(landed.unfinished) - {one.name for one in landed.outside}))


def set_apart(landed: Landed, cut: Partition | None) -> Landed:
    """What landed, with that of partitions which the contract does not declare set apart.

    Args:
        landed: what one look found.
        cut: the partitions that the contract declares, if any.
    """
    outside = tuple(one for one in landed.inputs if cut and one.partition and not cut.holds(one.partition))
    return replace(landed, inputs=tuple(one for one in landed.inputs if one not in outside), outside=outside)


def undeclared(landed: Landed, contract: Contract) -> LandingError:
    """The error of inputs whose partition the contract does not declare.

    Args:
        landed: what one look found, with such inputs set apart.
        contract: the source's contract.
    """
    assert contract.partition is not None
    what = ", ".join(f"{one.name} ({one.partition})" for one in landed.outside[:_LISTED])
    more = len(landed.outside) - _LISTED
    return LandingError(
        f"refused, outside the partitions that its contract declares ({contract.partition.span}): {what}"
        + (f" and {more} more" if more > 0 else ""),
        where=f"{contract.domain}.{contract.name}",
        remedy=f"declare them in contracts/{contract.path.name} (customProperties, partitions), or take them away; "
        "they are untouched, and so is what was published",
    )


def remembered(inputs: Iterable[LandedInput]) -> dict[str, dict[str, list[str]]]:
    """What the publish record keeps of inputs: see :data:`Known`."""
    found: dict[str, dict[str, list[str]]] = {}
    for one in inputs:
        found.setdefault(one.partition, {})[one.name] = [one.stamp, one.fingerprint, one.mark]
    return found


def refused(where: str, faults: Sequence[str]) -> LandingError:
    """The error of inputs that cannot be read as the contract says.

    Args:
        where: the source's key.
        faults: one line for each, which names it.
    """
    return LandingError(
        "refused, nothing of it was published:\n" + "\n".join(f"  - {fault}" for fault in faults),
        where=where,
        remedy="land a corrected file under the same name; the refused one is untouched, and so is what was published",
    )
