"""The protocol of a source's landing: files in a folder or an object store, or a table of a database.

``look`` finds the inputs there are, each with a fingerprint of its content; ``read`` gives the rows of some inputs
with their provenance. A look first compares the stamp of an input with that of the last publish, which is cheap, and
works out a new fingerprint only where the stamp has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

import polars as pl

from mesh_pipelines.errors import LandingError, MeshError
from quality.contract import Contract
from quality.typed import PROVENANCE

LISTED = 8
"""Names of files or versions that a sentence lists before it says how many more there are."""
NOTHING_OF_IT = "nothing of it was published"
"""Part of an error's words that is true of all that was read together; of one partition it names that."""
FILE, ROW = PROVENANCE
"""Provenance of a source's row: its file or table, and its number among the rows read, from 1."""


NO_MARK = "rows that are no mark"
"""The begin of a note on rows that are read; any other one is on what is not."""


class SeenInput(NamedTuple):
    """One input in a publish record.

    Args:
        stamp: a cheap mark of its state: size and time, ETag, counters.
        mark: its highest watermark, as text; empty where there is none.
        note: what is not read of it, or is no mark, and why, in words that hold nothing of its content.
    """

    stamp: str
    fingerprint: str
    mark: str = ""
    note: str = ""


Known = Mapping[str, Mapping[str, SeenInput]]
"""Inputs of the last publish, by partition and name."""


@dataclass(frozen=True)
class LandedInput:
    """One input of a source: a file, or a table (or one partition of it).

    Args:
        name: path below the domain's landing folder; name of a table.
        stamp: a cheap mark that changes whenever the content may have; empty where there is none.
        fingerprint: of the content.
        mark: its highest watermark, as text; empty where there is none.
        since: rows below this mark are known already and not read again; empty to read all.
        change: description of a change of its fingerprint.
        note: see :class:`SeenInput`.
    """

    name: str
    partition: str
    stamp: str
    fingerprint: str
    mark: str = ""
    since: str = ""
    change: str = "has changed"
    note: str = ""

    @classmethod
    def of(cls, name: str, partition: str, seen: SeenInput) -> Self:
        """An input that is as the last publish read it."""
        return cls(name, partition, seen.stamp, seen.fingerprint, seen.mark, note=seen.note)


class RefusedInput(NamedTuple):
    """One thing that rows are not read from.

    Args:
        name: path below the domain's landing folder.
        fingerprint: of what was seen of it; another one is refused anew.
        why: in words that hold nothing of its content.
        remedy: what to do, for a person.
    """

    name: str
    fingerprint: str
    why: str
    remedy: str = (
        "land a plain file under a name that the source's pattern and calendar know, or take it away"
    )


@dataclass(frozen=True)
class Landed:
    """All inputs of a source, as one look found them.

    Args:
        unfinished: names of inputs that are still being written, left for the next look.
        outside: inputs of partitions that the contract does not declare.
        refused: what is there and is not read, such as a symbolic link.
    """

    inputs: tuple[LandedInput, ...] = ()
    unfinished: tuple[str, ...] = ()
    fault: MeshError | None = None
    outside: tuple[LandedInput, ...] = ()
    refused: tuple[RefusedInput, ...] = ()

    def by_partition(self) -> dict[str, tuple[LandedInput, ...]]:
        found: dict[str, list[LandedInput]] = {}
        for one in self.inputs:
            found.setdefault(one.partition, []).append(one)
        return {partition: tuple(inputs) for partition, inputs in sorted(found.items())}


@dataclass(frozen=True)
class LandedRows:
    """Raw rows of some inputs.

    Args:
        frame: the contract's columns, ``_file``, ``_row`` and, of a partitioned source, its partition.
        records: number of rows that the inputs have, counted without the parser of the values; None if nobody has.
        verify: raises SourceUnavailable if an input is no longer what it was when reading began.
    """

    frame: pl.LazyFrame
    records: int | None = None
    verify: Callable[[], None] | None = None


class Landing(Protocol):
    """The landing of one source. Looks and reads inside one ``with`` block see one moment."""

    where: str
    """Name of the landing in errors."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def look(self, known: Known, *, settle: float = 0.0) -> Landed:
        """Find the inputs there are; LandingError or SourceUnavailable where it cannot be read.

        A new input counts as finished after ``settle`` seconds without a change; 0 is a thorough look.
        """
        ...

    def read(self, inputs: Sequence[LandedInput], contract: Contract) -> LandedRows:
        """Read the raw rows of some inputs, with their provenance.

        Raises LandingError: an input has other columns than the contract, or cannot be read; all such are named.
        """
        ...

    def blame(self, inputs: Sequence[LandedInput], contract: Contract, error: Exception) -> MeshError:
        """The error that names the inputs at fault, after reading all of them together failed."""
        ...


def refused_error(where: str, faults: Sequence[str]) -> LandingError:
    """The error of inputs that cannot be read as the contract says, one line in ``faults`` for each."""
    return LandingError(
        f"refused, {NOTHING_OF_IT}:\n" + "\n".join(f"  - {fault}" for fault in faults),
        where=where,
        remedy="land a corrected file under the same name; the refused one is untouched, and so is what was published",
    )
