"""A candidate for publication, and what was published of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from mesh_pipelines.publishing.kept_rows import Onto
from quality.outcome import Outcome


@dataclass(frozen=True)
class Candidate:
    """Rows that want to be published.

    Args:
        frame: the rows, lazily.
        partitions: the partitions that they replace; ``None`` where they replace the whole table.
        order: columns to sort by, for tables whose order matters to training.
        info: what the publish record keeps beside the usual.
        merged: entries of ``info`` that are maps by partition, and that add to what the record had.
        onto: what stays of the version before, where it adds to that rather than to replace it.
    """

    frame: pl.LazyFrame
    partitions: tuple[str, ...] | None = None
    order: tuple[str, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)
    merged: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    onto: Onto | None = None


@dataclass(frozen=True)
class Published:
    """What became of a candidate that passed.

    Args:
        version: Delta version of the table.
        data_version: hash of its content.
        rows: rows of the candidate that were accepted.
        total: rows of the whole table now.
        unchanged: it was what had been published before, so nothing was written.
        outcome: the audit; ``None`` for a table without a contract.
        seconds: wall time by phase: read, audit, write, commit.
    """

    key: str
    version: int
    data_version: str
    rows: int
    total: int
    unchanged: bool
    outcome: Outcome | None
    uri: str
    seconds: Mapping[str, float]
