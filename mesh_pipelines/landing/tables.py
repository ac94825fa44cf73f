"""A table of a PostgreSQL database, by snapshot or by watermark.

The database counts and hashes the rows that may have changed, and only changed rows are read. Values come as
text, typed later by the contract, as for a CSV. Look and read see one moment (one repeatable-read transaction).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from mesh_pipelines.declaring.declarations import TableDeclaration
from mesh_pipelines.declaring.node import PARTITION, Node
from mesh_pipelines.errors import LandingError, MeshError
from mesh_pipelines.landing.landed import (
    FILE,
    ROW,
    Known,
    Landed,
    LandedInput,
    LandedRows,
    RefusedInput,
    SeenInput,
)
from mesh_pipelines.landing.watermark import Watermark, digest_of
from quality.contract import Contract, Partition
from resources.database import Database, ident, literal, select
from resources.keys.keyring import Keyring
from resources.keys.sealed_text import TextSeal
from resources.settings import Settings

_LABELS = {"day": "YYYY-MM-DD", "month": "YYYY-MM", "year": "YYYY"}
_SHAPES = {
    "day": "^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
    "month": "^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])$",
    "year": "^(?!0000)[0-9]{4}$",
}
"""Regular expressions of PostgreSQL for the names of partitions; the calendar knows a few days less."""
_TIMES = ("date", "timestamp")
_TICK_SECONDS = 20


class TableLanding:
    """The rows of one table; LandingError where no URL is set for its database."""

    def __init__(self, declared: TableDeclaration, node: Node, settings: Settings) -> None:
        assert node.contract is not None
        self._declared, self._contract, self._column = declared, node.contract, node.partition_column
        self.where = f"{declared.database}: {declared.table}"
        master = settings.master_key.get_secret_value() if settings.master_key else None
        classification = node.contract.classification.get(declared.watermark, "public")
        self._mark_seal = TextSeal(
            Keyring(settings.keys, master),
            node.domain,
            node.name,
            declared.watermark,
            classification,
        )
        url = settings.databases.get(declared.database)
        self._database = Database(declared.database, url.get_secret_value()) if url else None
        self._types: dict[str, str] = {}
        self._watermark: Watermark | None = None
        self._fault: MeshError | None = None

    def __enter__(self) -> TableLanding:
        if self._database is None:
            raise LandingError(
                f"no URL is set for the database {self._declared.database!r}",
                where=self.where,
                remedy=f"""set MESH_DATABASES='{{"{self._declared.database}": "postgresql://user:password@host/name"}}'""",
            )
        self._database.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.__exit__(None, None, None)

    def look(self, known: Known, *, settle: float = 0.0) -> Landed:
        """Find the inputs; the stamp is PostgreSQL's count of changed rows, which a thorough look does not trust."""
        if settle:
            self._open.limit(_TICK_SECONDS)
        self._types = self._columns()
        self._watermark = self._marks() if self._declared.watermark else None
        # Of an earlier moment than the rows: a change in between is then seen twice, rather than never.
        stamp = self._stamp()
        self._open.new_moment()
        before = {partition: inputs[self.name] for partition, inputs in known.items() if self.name in inputs}
        noted = not self._watermark and any(seen.note for seen in before.values())
        if settle and stamp and before and not noted and all(seen.stamp == stamp for seen in before.values()):
            return Landed(tuple(LandedInput.of(self.name, p, seen) for p, seen in sorted(before.items())))
        if self._watermark:
            return Landed(self._by_watermark(self._watermark, before.get(""), stamp, quick=settle > 0))
        return self._by_snapshot(stamp)

    def look_at_shape(self) -> None:
        """Look at names and types alone.

        Raises LandingError, SourceUnavailable: the table, a column or the watermark cannot be read, or nothing answers.
        """
        self._open.limit(_TICK_SECONDS)
        self._types = self._columns()
        if self._declared.watermark:
            self._marks().check_overlap()
        self._open.rows(select(["1"], self._table, ["false"]))

    def _by_watermark(
        self, watermark: Watermark, seen: SeenInput | None, stamp: str, *, quick: bool
    ) -> tuple[LandedInput, ...]:
        """The table as one input; its mark is a value of a column, and stays sealed in the publish record."""
        seal = self._mark_seal
        opened = seen._replace(mark=seal.open(seen.mark)) if seen else None
        found = watermark.look(opened, stamp, quick=quick)
        return tuple(replace(one, mark=seal.seal(one.mark)) for one in found)

    def read(self, inputs: Sequence[LandedInput], contract: Contract) -> LandedRows:
        """Read the rows in any order; their numbers are those of this read."""
        from polars.io.plugins import register_io_source

        if not inputs:
            raise LandingError("it has no rows to read", where=self.where, remedy="wait until it has some")
        names = [*contract.dtypes, *([PARTITION] if self._column == PARTITION else [])]
        values = [f"{self._text(name)} AS {ident(name)}" for name in contract.dtypes]
        if self._column == PARTITION:
            values.append(f"{self._label()} AS {ident(PARTITION)}")
        query = select(values, self._table, self._wanted(inputs))
        schema: dict[str, pl.DataType] = {name: pl.String() for name in names}

        def batches(
            columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, size: int | None
        ) -> Iterator[pl.DataFrame]:
            number = 0
            try:
                for batch in self._open.batches(query):
                    found = batch.cast(schema).with_row_index(ROW, offset=number + 1)  # type: ignore[arg-type]
                    number += batch.height
                    found = found.cast({ROW: pl.Int64})
                    found = found if predicate is None else found.filter(predicate)
                    yield found if columns is None else found.select(columns)
                    if rows is not None and number >= rows:
                        return
            except MeshError as fault:
                self._fault = fault
                raise

        source = register_io_source(batches, schema={ROW: pl.Int64(), **schema}, is_pure=True)
        return LandedRows(source.with_columns(pl.lit(self.name).alias(FILE)))

    def keys(self, inputs: Sequence[LandedInput]) -> pl.DataFrame:
        """Keys of the rows of some inputs, as text."""
        schema = dict.fromkeys(self._contract.key, pl.String())
        query = select(
            [f"{self._text(name)} AS {ident(name)}" for name in schema], self._table, self._wanted(inputs)
        )
        found = [batch.cast(schema) for batch in self._open.batches(query)]  # type: ignore[arg-type]
        return pl.concat([pl.DataFrame(schema=schema), *found])

    def blame(self, inputs: Sequence[LandedInput], contract: Contract, error: Exception) -> MeshError:
        return self._fault or LandingError(
            f"its rows could not be read ({type(error.__cause__ or error).__name__})",
            where=self.where,
            remedy="see that every value of it can be shown as text",
            quoted=str(error).splitlines()[0][:200],
        )

    @property
    def contract(self) -> Contract:
        return self._contract

    @property
    def watermark(self) -> Watermark | None:
        """The table's watermark as the last look found it; None for a snapshot."""
        return self._watermark

    @property
    def name(self) -> str:
        return f"{self._declared.database}:{self._declared.table}"

    @property
    def _open(self) -> Database:
        assert self._database is not None
        return self._database

    @property
    def _table(self) -> str:
        return ident(*self._declared.table.split(".", 1))

    # -- looking -----------------------------------------------------------------------------------------------

    def _columns(self) -> dict[str, str]:
        """Types of the columns, which have to be the contract's."""
        given = literal(self._table)
        own, base = "format_type(t.oid, a.atttypmod)", "format_type(t.typbasetype, t.typtypmod)"
        kind = f"CASE t.typbasetype WHEN 0 THEN {own} ELSE {base} END"
        condition = f"a.attrelid = to_regclass({given}) AND a.attnum > 0 AND NOT a.attisdropped"
        columns = "pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        found: dict[str, str] = dict(self._open.rows(select(["a.attname", kind], columns, [condition])))
        if not found:
            raise LandingError(
                f"there is no table {self._declared.table} in it",
                where=f"database {self._declared.database}",
                remedy="mend the table's name in sql_source(...), or make it; what was published stays readable",
            )
        expected = list(self._contract.dtypes)
        own = {self._declared.partition} if self._column == PARTITION else set[str]()
        missing = [name for name in (*expected, *own) if name not in found]
        extra = [name for name in found if name not in expected and name not in own]
        if missing or extra:
            faults = [f"lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}"] if missing else []
            if extra:
                named = f" {', '.join(extra[:5])}" if self._contract.all_public else ""
                count = "the" if named else f"{len(extra):,}"
                faults.append(f"has {count} unknown column{'s' * (len(extra) > 1)}{named}")
            raise LandingError(
                f"{' and '.join(faults)}; the contract says {', '.join(expected)}",
                where=self.where,
                remedy="change the contract and its version, or read a view that has the promised columns",
            )
        return found

    def _stamp(self) -> str:
        """The database's count of a plain table's changes; empty where it has none."""
        of = f"c.oid = to_regclass({literal(self._table)})"
        plain = "c.relkind = 'r' AND NOT c.relhassubclass AND NOT pg_is_in_recovery()"
        counted = f"{plain} AND current_setting('track_counts')::boolean"
        reset = (
            "pg_stat_get_db_stat_reset_time((SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        changes = ", ".join(
            f"pg_stat_get_tuples_{what}(c.oid)" for what in ("inserted", "updated", "deleted")
        )
        stamp = f"concat_ws('-', pg_relation_filenode(c.oid), {changes}, extract(epoch FROM {reset}))"
        found = self._open.rows(select([counted, stamp], "pg_class c", [of]))
        return next((stamp for counted, stamp in found if counted), "")

    def _by_snapshot(self, stamp: str) -> Landed:
        """The table as one input, or one a partition; rows that belong to no partition are refused together."""
        if self._column is None:
            query = select(["count(*)", digest_of(self._contract.dtypes)], self._table, [])
            [(rows, word)] = self._open.rows(query)
            return Landed((self._input("", stamp, f"{rows}-{word}"),) if rows else ())
        cut = self._contract.partition
        assert cut is not None
        values = [self._label(), "count(*)", digest_of(self._contract.dtypes)]
        found = self._open.rows(f"{select(values, self._table, self._wanted(()))} GROUP BY 1 ORDER BY 1")
        refused = tuple(
            self._without_partition(rows, f"{rows}-{word}", cut) for part, rows, word in found if part is None
        )
        undeclared = sum(rows for part, rows, _ in found if part is not None and not cut.holds(part))
        notes = [one.why for one in refused]
        notes += [f"{undeclared:,} rows are outside the partitions of its contract"] if undeclared else []
        inputs = (
            replace(self._input(part, stamp, f"{rows}-{word}"), note="; ".join(notes))
            for part, rows, word in found
            if part is not None
        )
        return Landed(tuple(inputs), refused=refused)

    def _without_partition(self, rows: int, fingerprint: str, cut: Partition) -> RefusedInput:
        column = self._declared.partition or self._column
        return RefusedInput(
            self.name,
            fingerprint,
            f"{rows:,} rows are not read, for their {column} names no {cut.every} of the calendar",
            "fill it in, or read a view that leaves these rows out",
        )

    def _marks(self) -> Watermark:
        return Watermark(self.name, self._table, self._open, self._declared, self._contract, self._types)

    def _input(self, partition: str, stamp: str, fingerprint: str) -> LandedInput:
        return LandedInput(self.name, partition, stamp, fingerprint, change="has other rows")

    # -- pieces of SQL -----------------------------------------------------------------------------------------

    def _text(self, column: str) -> str:
        return f"{ident(column)}::text"

    def _label(self) -> str:
        """SQL for the name of a row's partition; null where its value names none."""
        assert self._contract.partition is not None
        column = self._declared.partition or self._contract.partition.column or ""
        every = self._contract.partition.every
        if self._types[column].startswith(_TIMES):
            # Also of infinity, of a year of five digits and of one before Christ to_char makes a text.
            within = f"{ident(column)} >= '0001-01-01' AND {ident(column)} < '10000-01-01'"
            return f"CASE WHEN {within} THEN to_char({ident(column)}, {literal(_LABELS[every])}) END"
        text = self._text(column)
        return f"CASE WHEN {text} ~ {literal(_SHAPES[every])} THEN {text} END"

    def _wanted(self, inputs: Sequence[LandedInput]) -> list[str]:
        since = next((one.since for one in inputs if one.since), "")
        if since and self._watermark:
            return [self._watermark.beyond(since)]
        if self._contract.partition is None:
            return []
        names = ", ".join(literal(one.partition) for one in inputs)
        first = literal(self._contract.partition.since)
        return [f"{self._label()} IN ({names})" if names else f"({self._label()} >= {first}) IS NOT FALSE"]
