"""Rows of the previous version that an increment keeps: those whose keys did not come again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from quality.contract import Contract
from quality.typed import as_text, typed
from resources.lake.lake import Lake


@dataclass(frozen=True)
class Increment:
    """The version that a candidate adds to, when it holds only rows from a mark on.

    A published row stays if no accepted row of the candidate has its key; without a key, if it is below the mark.

    Args:
        version: the version whose rows stay; the candidate fits no other one.
    """

    version: int
    column: str
    since: str


class KeptRows:
    """Published rows that an increment keeps, once all rows of the candidate have been seen."""

    def __init__(self, lake: Lake, contract: Contract, increment: Increment, batch: int) -> None:
        self._lake, self._contract, self._increment, self._batch = lake, contract, increment, batch
        self._table = f"{contract.domain}.{contract.name}"
        self._key = list(contract.key)
        self._good: list[pl.DataFrame] = []
        self._text: list[pl.DataFrame] = []
        nothing = pl.DataFrame(
            {name: [None] for name in contract.dtypes}, dict.fromkeys(contract.dtypes, pl.String)
        )
        probe = nothing.with_columns(pl.lit(increment.since).alias(increment.column))
        self._mark = typed(probe, contract).frame[increment.column][0]

    def add_batch(self, good: pl.DataFrame, bad: pl.DataFrame) -> None:
        """Count a batch of the candidate: its accepted and its refused rows."""
        if self._key:
            self._good.append(good.select(self._key))
            self._text += [as_text(good.select(self._key)), bad.select(pl.col(self._key).cast(pl.String))]

    def published_rows(self) -> Iterator[pl.DataFrame]:
        """Published rows that stay. A row whose new form was refused stays as well: it is the last good one."""
        rows = self._lake.scan(self._table, self._increment.version)
        if not self._key:
            rows = rows.filter(self._below(pl.col(self._increment.column)))
        elif self._good:
            rows = rows.join(pl.concat(self._good).unique().lazy(), on=self._key, how="anti")
        with self._lake.reading(self._table, self._increment.version):
            yield from rows.collect_batches(chunk_size=self._batch)

    def quarantined_rows(self, quarantine: str) -> pl.DataFrame:
        """Rows that stay in quarantine, whose key is ``quarantine``."""
        if not self._lake.exists(quarantine):
            return pl.DataFrame()
        with self._lake.reading(quarantine):
            rows = self._lake.scan(quarantine).collect()
        if self._key:
            seen = (
                pl.concat(self._text)
                if self._text
                else pl.DataFrame(schema=dict.fromkeys(self._key, pl.String))
            )
            return rows.join(seen.unique(), on=self._key, how="anti", nulls_equal=True)
        marks = typed(rows.select(*self._contract.dtypes), self._contract).frame
        return rows.filter(
            marks.select(self._below(pl.col(self._increment.column))).to_series().fill_null(False)
        )

    def _below(self, column: pl.Expr) -> pl.Expr:
        """True for rows below the mark; one that is not finite is no mark, and its row comes again."""
        if self._mark is None:  # the contract's type cannot hold it, so no row is known to be below
            return pl.lit(value=False)
        below = column < self._mark
        return below & column.is_finite() if isinstance(self._mark, float) else below
