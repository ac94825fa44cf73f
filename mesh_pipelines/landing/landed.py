"""The landing of a source, of whatever kind: files in a folder or an object store, a table of a database.

Every kind answers the same two questions. ``look`` says what is there now, by input, each with a fingerprint of its
content; ``read`` gives the rows of some inputs as they came, with their provenance. A look is cheap first: an input
whose stamp is the one that the last publish saw is what it was, and only another one is looked at more closely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

import polars as pl

from mesh_pipelines.errors import LandingError, MeshError
from quality.contract import Contract
from quality.typed import PROVENANCE

LISTED = 8
FILE, ROW = PROVENANCE
"""Provenance of a source's row: the file or table that it came from, and its number among the rows read, from 1."""


class SeenInput(NamedTuple):
    """What a publish record keeps of one input.

    Args:
        stamp: what a cheap look saw of it.
        fingerprint: of its content.
        mark: how far its rows had come, as text; empty where there is none.
    """

    stamp: str
    fingerprint: str
    mark: str = ""


Known = Mapping[str, Mapping[str, SeenInput]]
"""The inputs of the last publish, by partition and name."""


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


def refused_error(where: str, faults: Sequence[str]) -> LandingError:
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
