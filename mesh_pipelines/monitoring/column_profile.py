"""The profile of a column: the number of rows in each of a few bins, from which drift is worked out; plain JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl

from mesh_pipelines.errors import TransformError
from mesh_pipelines.modeling.matrix import kind_of

Kind = Literal["number", "boolean", "text"]
BINS = 20
SAMPLE_ROWS = 100_000
"""Rows of the sample from which bins are cut. The counts are of all rows."""
KNOWN_VALUES = 1_000
"""Number of distinct texts kept; a column with more is an identifier, and its other texts count as unseen."""

_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class ColumnProfile:
    """Rows of one column by bin.

    Args:
        kind: ``number``, ``boolean`` or ``text``.
        counts: rows in each bin, missing ones left out. Numbers: up to and with each of ``cuts``, then above the last.
            Booleans: false, true. Texts: each of ``values``, then ``rare`` together, then unseen ones.
        missing: rows without a value (null or NaN).
        cuts: numbers only: upper ends of all bins but the last, ascending, each within its bin.
        values: texts only: values with a bin of their own, the most frequent first.
        rare: texts only: the other values of the reference.
    """

    column: str
    kind: Kind
    counts: tuple[int, ...]
    missing: int
    cuts: tuple[float, ...] = field(default=(), repr=False)
    values: tuple[str, ...] = field(default=(), repr=False)
    rare: tuple[str, ...] = field(default=(), repr=False)

    @property
    def rows(self) -> int:
        """Rows with a value or without."""
        return sum(self.counts) + self.missing


@dataclass(frozen=True)
class TableProfile:
    """Profiles of several columns of the same rows."""

    rows: int
    columns: tuple[ColumnProfile, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> TableProfile:
        content: dict[str, Any] = json.loads(text)
        lists = ("counts", "cuts", "values", "rare")
        columns: list[dict[str, Any]] = [
            column | {name: tuple(column[name]) for name in lists} for column in content["columns"]
        ]
        return cls(content["rows"], tuple(ColumnProfile(**column) for column in columns))


def reference_profile(frame: pl.LazyFrame, columns: Sequence[str], *, bins: int = BINS) -> TableProfile:
    """Cut columns into bins of about equal size, and count the rows in each.

    Two passes, streaming: a sample of at most 100,000 rows, evenly spread over the stored order, gives the
    cuts; then every row is counted. Numbers are cut at quantiles that are values of the column (the inverse of
    the empirical distribution function: Hyndman and Fan, "Sample Quantiles in Statistical Packages", The
    American Statistician 50(4), 1996, definition 1); a value that fills a bin gets one of its own, so that a
    move to either side of it shows. Of texts the ``bins`` most frequent get a bin, the others share one.

    Args:
        columns: numeric, boolean or text columns.
        bins: bins of a number, and texts with a bin of their own; at least 2.

    Raises:
        TransformError: a column is missing, or of another kind (a moment, a list).
    """
    if bins < 2:
        raise ValueError("bins must be at least 2")
    kinds = kinds_of(frame, columns)
    plain = frame.select(columns)
    rows = plain.select(pl.len()).collect(engine="streaming").item()
    step = -(-rows // SAMPLE_ROWS)
    sample = (plain if step <= 1 else plain.gather_every(step)).collect(engine="streaming")
    empty = [
        ColumnProfile(name, kind, (), 0, _cuts(sample[name], bins))
        if kind == "number"
        else ColumnProfile(name, kind, (), 0)
        if kind == "boolean"
        else ColumnProfile(name, kind, (), 0, (), *_values(sample[name], bins))
        for name, kind in kinds.items()
    ]
    return count_in_bins(frame, empty)


def count_in_bins(frame: pl.LazyFrame, bins: Sequence[ColumnProfile]) -> TableProfile:
    """Count the rows of a frame in the bins of given profiles: one streaming pass in bounded memory.

    Raises:
        TransformError: a column is missing, or of another kind.
    """
    kinds = kinds_of(frame, [given.column for given in bins])
    for given in bins:
        if kinds[given.column] != given.kind:
            raise TransformError(
                f"{given.column} holds {kinds[given.column]}, and held {given.kind} in the reference",
                where="drift",
                remedy="make the reference anew: what changed its kind cannot be compared",
            )
    plain = frame.select(_plain(given) for given in bins)
    sums = [pl.len().alias("rows")]
    for given in bins:
        sums += [part.alias(f"{given.column}/{index}") for index, part in enumerate(_sums(given))]
    found = plain.select(sums).collect(engine="streaming").row(0, named=True)
    rows = int(found["rows"])
    return TableProfile(rows, tuple(_filled(given, found, rows) for given in bins))


def kinds_of(frame: pl.LazyFrame, columns: Sequence[str]) -> dict[str, Kind]:
    """Kind of each of the columns: number, boolean or text.

    Raises TransformError: naming every column that is missing or of none of these kinds.
    """
    schema = frame.collect_schema()
    kinds: dict[str, Any] = {name: kind_of(schema[name]) for name in columns if name in schema}
    wrong = [f"{name} is not there" for name in columns if name not in schema]
    wrong += [f"{name} is {schema[name].base_type()}" for name, kind in kinds.items() if kind is None]
    if wrong:
        raise TransformError(
            f"these columns cannot be watched: {'; '.join(wrong)}",
            where="drift",
            remedy="name numeric, boolean or text columns",
        )
    return kinds


def _plain(given: ColumnProfile) -> pl.Expr:
    column = pl.col(given.column)
    match given.kind:
        case "number":
            return column.cast(pl.Float64)
        case "text":
            return column.cast(pl.String)
        case _:
            return column


def _sums(given: ColumnProfile) -> list[pl.Expr]:
    """Numbers: missing rows, then rows up to each cut. Others: missing rows, then rows in each bin but the last."""
    column = pl.col(given.column)
    match given.kind:
        case "number":
            parts = [column.is_null() | column.is_nan(), *(column <= cut for cut in given.cuts)]
        case "boolean":
            parts = [column.is_null(), ~column]
        case _:
            rare = column.is_in(list(given.rare)) if given.rare else pl.lit(value=False)
            parts = [column.is_null(), *(column == value for value in given.values), rare]
    return [part.sum() for part in parts]


def _filled(given: ColumnProfile, found: dict[str, Any], rows: int) -> ColumnProfile:
    names = [name for name in found if name.rpartition("/")[0] == given.column]
    missing, *parts = (int(found[name] or 0) for name in names)
    if given.kind == "number":
        counts = np.diff([0, *parts, rows - missing]).tolist()
    else:
        counts = [*parts, rows - missing - sum(parts)]
    return ColumnProfile(
        given.column, given.kind, tuple(counts), missing, given.cuts, given.values, given.rare
    )


def _cuts(sample: pl.Series, bins: int) -> tuple[float, ...]:
    values = sample.cast(pl.Float64).drop_nulls().drop_nans().sort().to_numpy()
    if not len(values):
        return ()
    places = np.ceil(np.arange(1, bins) / bins * len(values)).astype(int) - 1
    # Just below a value that fills a bin there is a cut too; infinities are cut off from what is finite.
    found, often = np.unique(values[places], return_counts=True)
    below = np.nextafter(found[often > 1], -np.inf)
    return tuple(np.unique(np.clip([*found, *below], -_LARGEST, _LARGEST)).tolist())


def _values(sample: pl.Series, bins: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    counts = sample.cast(pl.String).drop_nulls().alias("value").value_counts(name="rows")
    known = counts.sort(["rows", "value"], descending=[True, False]).head(KNOWN_VALUES)["value"].to_list()
    return tuple(known[:bins]), tuple(sorted(known[bins:]))
