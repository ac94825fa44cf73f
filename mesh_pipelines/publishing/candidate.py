"""A candidate for publication, and the result of publishing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from mesh_pipelines.errors import TransformError, held_name
from mesh_pipelines.landing.landed import Known
from mesh_pipelines.publishing.kept_rows import Increment
from mesh_pipelines.publishing.record import Origin, Scoring
from quality.outcome import Outcome


@dataclass(frozen=True)
class Candidate:
    """Rows to be published.

    Args:
        records: number of rows that there must be; None where nobody has counted them beforehand.
        verify: raises if the rows were read from anything that changed meanwhile; asked before they are committed.
        partitions: the partitions that they replace; ``None`` where they replace the whole table.
        order: columns to sort by, for tables whose order matters to training.
        increment: the version before that it adds to, where it does not replace it.
    """

    frame: pl.LazyFrame
    records: int | None = field(default=None, kw_only=True)
    verify: Callable[[], None] | None = field(default=None, kw_only=True)
    partitions: tuple[str, ...] | None = None
    order: tuple[str, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict[str, Origin])
    landed: Known = field(default_factory=dict)
    scoring: Scoring | None = None
    increment: Increment | None = None
    remarks: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Published:
    """Result of a candidate that passed.

    Args:
        rows: rows of the candidate that were accepted; ``total`` are those of the whole table now.
        unchanged: equal to what had been published before, so nothing was written.
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


def as_rows(value: Any, key: str) -> pl.LazyFrame:
    """Convert the return value of a domain's function to rows.

    Args:
        value: a polars frame, or anything with the Arrow C stream interface (DuckDB relation, pyarrow table).

    Raises:
        TransformError: it is something else.
    """
    if isinstance(value, pl.LazyFrame):
        return value
    if isinstance(value, pl.DataFrame):
        return value.lazy()
    if hasattr(value, "__arrow_c_stream__"):
        return pl.DataFrame(value).lazy()
    raise TransformError(
        f"its function returned {held_name(type(value))}, which is no rows",
        where=key,
        remedy="return a pl.LazyFrame (or DataFrame, Arrow table, DuckDB relation)",
    )
