"""The watermark of a table: rows to read, the mark that the next look begins with, rows that are no mark.

A mark is a finite value that is not beyond the database's clock. The tail of a table is its rows from the mark on, and
all rows whose value is no mark; every look compares it by a hash of its rows. The rows below are compared by a hash of
their keys and marks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from mesh_pipelines.declaring.declarations import TableDeclaration
from mesh_pipelines.errors import LandingError
from mesh_pipelines.landing.landed import NO_MARK, LandedInput, SeenInput
from quality.contract import Contract
from resources.database import Database, ident, literal, select

_INTEGERS = {"smallint": -(2**15), "integer": -(2**31), "bigint": -(2**63)}
"""Types of whole numbers, and the lowest of each."""
_FRACTIONS = ("real", "double precision", "numeric")
_TIMES = ("date", "timestamp")
_NEW = "has new rows"
_CHUNK = 5_000


@dataclass(frozen=True)
class RowsHash:
    """A number of rows, and the sum of their hashes."""

    rows: int
    digest: int

    def __add__(self, other: RowsHash) -> RowsHash:
        return RowsHash(self.rows + other.rows, self.digest + other.digest)

    def __sub__(self, other: RowsHash) -> RowsHash:
        return RowsHash(self.rows - other.rows, self.digest - other.digest)


@dataclass(frozen=True)
class _Tail:
    """The rows from a mark on, their highest mark, and the rows that are none, in words."""

    tally: RowsHash
    mark: str
    note: str


@dataclass(frozen=True)
class _State:
    """A table against one mark, as its fingerprint says it."""

    tail: RowsHash
    below: RowsHash
    types: str

    def __str__(self) -> str:
        return f"{self.tail.rows}-{self.tail.digest} {self.below.rows}-{self.below.digest} {self.types}"

    @classmethod
    def parse(cls, fingerprint: str) -> _State | None:
        """The state in a fingerprint; None where it is of an earlier form."""
        words = fingerprint.split(" ")
        if len(words) != 3:
            return None
        tail, below = ((int(rows), int(word)) for rows, _, word in (w.partition("-") for w in words[:2]))
        return cls(RowsHash(*tail), RowsHash(*below), words[2])


class Watermark:
    """The watermark of one table in one open database; LandingError where its type's order is not one of time."""

    def __init__(
        self,
        name: str,
        table: str,
        database: Database,
        declared: TableDeclaration,
        contract: Contract,
        types: Mapping[str, str],
    ) -> None:
        self._name, self._table, self._database, self._declared = name, table, database, declared
        self._contract, self._types = contract, types
        self._kind = types[declared.watermark]
        self._column = ident(declared.watermark)
        self._identity = tuple(
            dict.fromkeys((*contract.key, declared.watermark) if contract.key else contract.dtypes)
        )
        self._is_time = self._kind.startswith(_TIMES)
        self._has_infinity = self._is_time or self._kind.startswith(_FRACTIONS)
        self._before: _State | None = None
        self._below = RowsHash(0, 0)
        self._since = ""
        if not self._has_infinity and self._kind not in _INTEGERS:
            raise _order_error(name, declared.watermark, self._kind)

    def look(self, seen: SeenInput | None, stamp: str, *, quick: bool) -> tuple[LandedInput, ...]:
        """The table as one input; ``quick`` does not compare the rows below the mark where the tail has changed."""
        before = _State.parse(seen.fingerprint) if seen else None
        if seen is None or before is None or not seen.mark or before.types != self._types_hash:
            return self._whole(stamp, "is read from its beginning" if seen else _NEW)
        since = self._less_overlap(seen.mark)
        tail = self._tail(since)
        if quick and tail.tally != before.tail:
            return (
                LandedInput(self._name, "", stamp, str(_State(tail.tally, before.below, "")), change=_NEW),
            )
        below = self._keys_between("", since)
        if not tail.tally.rows + below.rows:
            return ()
        known = LandedInput(self._name, "", stamp, seen.fingerprint, seen.mark, since, note=tail.note)
        if tail.tally == before.tail:
            return (
                (known,)
                if below == before.below
                else self._whole(stamp, difference(before.below.rows, below.rows))
            )
        self._before, self._below, self._since = before, below, since
        mark = self._later(seen.mark, tail.mark)
        following = self._less_overlap(mark)
        state = _State(tail.tally, below, self._types_hash)
        if following != since:
            passed = self._keys_between(since, following)
            state = replace(state, tail=self._tail(following).tally, below=below + passed)
        return (replace(known, fingerprint=str(state), mark=mark, change=_NEW),)

    def is_addition(self, moved: pl.DataFrame, kept: int) -> bool:
        """True if the rows below the mark are the known ones, less those that came again (``moved``); ``kept`` stay."""
        assert self._before is not None
        came = RowsHash(0, 0)  # without a key, no row is known to come again
        for part in moved.iter_slices(_CHUNK):
            came += self._tally_of(part)
        return self._before.below - came == self._below and kept == self._below.rows

    @property
    def column(self) -> str:
        return self._declared.watermark

    @property
    def identity(self) -> tuple[str, ...]:
        """Columns by which rows below the mark are compared: key and watermark; all columns where there is no key."""
        return self._identity

    @property
    def below(self) -> int:
        """Number of rows below the mark, as the last look found them."""
        return self._below.rows

    def beyond(self, since: str) -> str:
        """SQL for rows that may be new; a row whose value is no mark always may be."""
        lowest = f" OR {self._column} = '-infinity'" if self._has_infinity else ""
        return f"({self._column} >= {self._literal(since)} OR {self._column} IS NULL{lowest})"

    # -- looking -----------------------------------------------------------------------------------------------

    def _whole(self, stamp: str, change: str) -> tuple[LandedInput, ...]:
        found = self._tail("")
        if not found.tally.rows:
            return ()
        state = _State(found.tally, RowsHash(0, 0), self._types_hash)
        if found.mark:
            since = self._less_overlap(found.mark)
            state = replace(state, tail=self._tail(since).tally, below=self._keys_between("", since))
        return (LandedInput(self._name, "", stamp, str(state), found.mark, change=change, note=found.note),)

    def _tail(self, since: str) -> _Tail:
        column = self._column
        none, beyond = f"{column} IS NULL", "false"
        infinite = "false"
        valid = f"{column} IS NOT NULL"
        if self._has_infinity:  # NaN is greater than infinity
            infinite = f"({column} >= 'infinity' OR {column} = '-infinity')"
            valid = f"({column} > '-infinity' AND {column} < 'infinity')"
        if self._is_time:
            beyond = f"({column} > {self._latest} AND {column} < 'infinity')"
            valid = f"({valid} AND {column} <= {self._latest})"
        values = [
            "count(*)",
            digest_of(self._contract.dtypes),
            f"(max({column}) FILTER (WHERE {valid}))::text",
            *(f"count(*) FILTER (WHERE {condition})" for condition in (none, infinite, beyond)),
        ]
        query = select(values, self._table, [self.beyond(since)] if since else [])
        [(rows, digest, mark, nulls, odd, ahead)] = self._database.rows(query)
        counts = ((nulls, "without a value"), (odd, "not finite"), (ahead, self._ahead_in_words))
        note = ", ".join(f"{number:,} {words}" for number, words in counts if number)
        note = f"{NO_MARK}, and read with every read: {note}" if note else ""
        return _Tail(RowsHash(rows, int(digest)), mark or "", note)

    def _keys_between(self, since: str, until: str) -> RowsHash:
        """The rows from one mark on, below another; all below it where ``since`` is empty."""
        conditions = [f"{self._column} < {self._literal(until)}"]
        if since:
            conditions.append(f"{self._column} >= {self._literal(since)}")
        elif self._has_infinity:
            conditions.append(f"{self._column} > '-infinity'")
        query = select(["count(*)", digest_of(self._identity)], self._table, conditions)
        [(rows, digest)] = self._database.rows(query)
        return RowsHash(rows, int(digest))

    def _tally_of(self, rows: pl.DataFrame) -> RowsHash:
        """The tally of those given rows that are below the mark, as the database counts its own."""
        names = [ident(name) for name in self._identity]
        given = ", ".join(
            f"({', '.join('NULL::text' if value is None else f'{literal(value)}::text' for value in row)})"
            for row in rows.select(self._identity).iter_rows()
        )
        typed = ", ".join(f"{ident(name)}::{self._types[name]} AS {ident(name)}" for name in self._identity)
        table = f"(SELECT {typed} FROM (VALUES {given}) AS given({', '.join(names)})) AS moved"  # noqa: S608
        conditions = [f"{self._column} < {self._literal(self._since)}"]
        if self._has_infinity:
            conditions.append(f"{self._column} > '-infinity'")
        [(number, digest)] = self._database.rows(
            select(["count(*)", digest_of(self._identity)], table, conditions)
        )
        return RowsHash(number, int(digest))

    # -- pieces of SQL -----------------------------------------------------------------------------------------

    @property
    def _types_hash(self) -> str:
        types = [(name, self._types[name]) for name in self._identity]
        return hashlib.sha256(json.dumps(types).encode()).hexdigest()[:12]

    @property
    def _latest(self) -> str:
        """SQL for the latest time that is a mark: the database's clock, and what the source may be ahead of it.

        A time without a zone is of UTC or of the database's own zone; nothing says which, so the later one counts.
        """
        ahead = f"interval {literal(self._declared.ahead)}"
        if self._kind.endswith("with time zone"):
            return f"(now() + {ahead})"
        own = "(SELECT reset_val FROM pg_settings WHERE name = 'TimeZone')"
        latest = f"(greatest(now() AT TIME ZONE 'UTC', now() AT TIME ZONE {own}) + {ahead})"
        return f"{latest}::date" if self._kind == "date" else latest

    @property
    def _ahead_in_words(self) -> str:
        return f"more than {self._declared.ahead} ahead of the database's clock"

    def _literal(self, mark: str) -> str:
        return f"{literal(mark)}::{self._kind}"

    def check_overlap(self) -> None:
        """Refuse an overlap that the database does not read as a length of time, or as a number. Raises LandingError:
        naming it.
        """
        if not self._declared.overlap:
            return
        less = "interval" if self._is_time else self._kind
        try:
            self._database.rows(f"SELECT {literal(self._declared.overlap)}::{less}")
        except LandingError:
            raise LandingError(
                f"its overlap {self._declared.overlap!r} is no {less}",
                where=self._name,
                remedy='write a length of time as "10 minutes", or of a watermark of numbers a number',
            ) from None

    def _less_overlap(self, mark: str) -> str:
        """The mark at which the next look begins: ``mark`` less the overlap."""
        if not self._declared.overlap:
            return mark
        less = "interval" if self._is_time else self._kind
        if self._kind in _INTEGERS:  # of wider numbers, for a mark may be the lowest of its type
            lower = f"{self._literal(mark)}::numeric - {literal(self._declared.overlap)}::{less}"
            lower = f"greatest({lower}, {_INTEGERS[self._kind]})::{self._kind}::text"
        else:
            lower = f"({self._literal(mark)} - {literal(self._declared.overlap)}::{less})::{self._kind}::text"
        [(since,)] = self._database.rows(f"SELECT {lower}")
        return since

    def _later(self, mark: str, other: str) -> str:
        if not other:
            return mark
        [(later,)] = self._database.rows(
            f"SELECT greatest({self._literal(mark)}, {self._literal(other)})::text"
        )
        return later


def difference(before: int, now: int) -> str:
    """The change of the rows below a mark, in words; the numbers are those known before and those there now."""
    if now < before:
        return f"has {before - now:,} rows less below its mark, so all of it is read anew"
    if now > before:
        return f"has {now - before:,} rows that came late, below its mark, so all of it is read anew"
    return "has other rows below its mark, so all of it is read anew"


def digest_of(columns: Sequence[str] | Mapping[str, object]) -> str:
    """SQL for a hash of rows in any order: the sum of each row's hash."""
    row = ", ".join(f"{ident(name)}::text" for name in columns)
    return f"coalesce(sum(hashtextextended(ROW({row})::text, 0)::numeric), 0)::text"


def _order_error(name: str, column: str, kind: str) -> LandingError:
    return LandingError(
        f"its watermark {column!r} is of the type {kind}, whose order is not one of time",
        where=name,
        remedy="name a column of dates, times or numbers that grows with each change, or leave the watermark out: "
        "the table is then read as a snapshot",
    )
