"""One validation of a candidate's dataset rules: a table in DuckDB, judged by Great Expectations."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from quality import gx
from quality.child import too_much_memory_error
from quality.queries import comparison, literal, query_of
from quality.rules import DataRule

if TYPE_CHECKING:
    import duckdb

ABOUT_KEYS = ("unique", "duplicates")
"""Kinds of rules about keys that repeat."""


class Validation(Protocol):
    """Rows are inserted batch after batch, then the rules are judged; in this process (:class:`Here`) or another."""

    def begin(self, empty: pl.DataFrame) -> None:
        """Create the table anew, with the columns and types of this empty frame."""
        ...

    def insert(self, rows: pl.DataFrame) -> None: ...

    def judge(self, rules: Sequence[DataRule], rows: int, unrepeated: Collection[str]) -> list[gx.Finding]:
        """Great Expectations' finding for each rule, in their order; called once, after all rows.

        Args:
            unrepeated: columns :func:`repeats` that were not inserted, because no key repeats.
        """
        ...

    def page(self) -> Path | None:
        """File of this run's page of the Data Docs; None without Data Docs."""
        ...

    def publish(self) -> None:
        """Write that page; another process may do so later."""
        ...

    def close(self) -> None: ...


def repeats(rule: DataRule) -> str:
    """Name of the column that is true where a row's key repeats."""
    return f"_{rule.name}_repeated"  # a contract's own columns begin with a letter


class Here:
    """A validation in this process.

    Args:
        docs: folder of this product's Data Docs (a static site with a page for every run); None writes none.
        temp_directory: DuckDB's folder for spilled data, encrypted with a key that never leaves memory; the
            system's own if None.

    Attributes:
        on_rule: called with the name of a rule before its SQL runs, with "" before all are judged together.
    """

    def __init__(
        self,
        name: str,
        *,
        docs: Path | None = None,
        memory_limit: str = "1GB",
        temp_directory: Path | None = None,
        threads: int | None = None,
    ) -> None:
        self._name, self._product = name, name.rsplit(".", 1)[-1]
        self._table = (
            f"{self._product}_rows"  # Great Expectations does not quote it, and a product may be an `order`
        )
        self._memory_limit, self._begun = memory_limit, False
        self.on_rule: Callable[[str], None] = lambda _: None
        if temp_directory is not None:
            temp_directory.mkdir(parents=True, exist_ok=True)
        self._spill = Path(tempfile.mkdtemp(prefix="audit-", dir=temp_directory))
        try:
            self._session = gx.Session(docs)
            self._con: duckdb.DuckDBPyConnection = self._session.connection
            _bound(self._con, memory_limit, self._spill, threads)
        except BaseException:
            shutil.rmtree(self._spill, ignore_errors=True)
            raise

    def begin(self, empty: pl.DataFrame) -> None:
        self._con.register("_batch", empty.to_arrow())
        self._con.execute(f'CREATE OR REPLACE TABLE "{self._table}" AS SELECT * FROM _batch')  # noqa: S608 (a quoted name)
        self._begun = True

    def insert(self, rows: pl.DataFrame) -> None:
        self._con.register("_batch", rows.to_arrow())
        self._con.execute(f'INSERT INTO "{self._table}" SELECT * FROM _batch')  # noqa: S608
        self._con.unregister("_batch")

    def judge(self, rules: Sequence[DataRule], rows: int, unrepeated: Collection[str]) -> list[gx.Finding]:
        if not self._begun:
            self._con.execute(f'CREATE TABLE "{self._table}" AS SELECT true AS present FROM range({rows})')  # noqa: S608
        for column in unrepeated:
            self._con.execute(f'ALTER TABLE "{self._table}" ADD COLUMN "{column}" BOOLEAN DEFAULT false')
        self._con.execute(f'CREATE VIEW "{self._product}" AS SELECT * FROM "{self._table}"')  # noqa: S608
        # From here on the contract's own SQL runs: it sees this table and no file.
        self._con.execute("SET enable_external_access = false")
        self._con.execute("SET lock_configuration = true")
        expectations = [self._expectation(rule, rows) for rule in rules]
        self.on_rule("")
        findings = self._session.validate(self._name, self._table, rules, expectations)
        return [
            replace(finding, observed=self._observed(rule))
            if rule.kind == "sql" and not finding.success and not finding.error
            else finding
            for rule, finding in zip(rules, findings, strict=True)
        ]

    def page(self) -> Path | None:
        return self._session.page()

    def publish(self) -> None:
        self._session.publish()

    def close(self) -> None:
        try:
            self._session.close()
        finally:
            shutil.rmtree(self._spill, ignore_errors=True)

    def _one(self, query: str) -> Any:
        row = self._con.execute(query).fetchone()
        if row is None:
            raise LookupError(query)
        return row[0]

    def _expectation(self, rule: DataRule, rows: int) -> gx.Expectation:
        match rule.kind:
            case "unique" | "duplicates":
                column = repeats(rule)
                kwargs = {"column": column, "value_set": [False], "mostly": self._mostly(rule, column, rows)}
                return gx.Expectation("expect_column_values_to_be_in_set", kwargs, telling=False)
            case "row_count":
                least, most = _bounds(rule.arguments["operator"], rule.arguments["operand"])
                return gx.Expectation(
                    "expect_table_row_count_to_be_between", {"min_value": least, "max_value": most}
                )
            case "sql":
                query = self._broken_promise(rule)
                return gx.Expectation("unexpected_rows_expectation", {"unexpected_rows_query": query})
            case _:
                return gx.Expectation(rule.arguments["type"], dict(rule.arguments["kwargs"]))

    def _mostly(self, rule: DataRule, column: str, rows: int) -> float:
        """The allowance in GX's form: a share of the rows that have a value, with room for rounding."""
        if rule.allowance.limit == 0:
            return 1.0
        known = self._one(f'SELECT count("{column}") FROM "{self._table}"')  # noqa: S608
        return max(0.0, (known - rule.allowance.rows(rows) - 0.5) / known) if known else 1.0

    def _broken_promise(self, rule: DataRule) -> str:
        """SQL that gives a row if the value observed by the contract's SQL is not the promised one."""
        import duckdb

        query = query_of(rule)
        escaped = query.replace("{", "{{").replace("}", "}}")
        promise = f"(observed {comparison(rule)}) IS NOT TRUE"
        observation = f"_{rule.name}_observed"  # a product's name begins with a letter
        self.on_rule(rule.name)
        try:
            # Great Expectations asks twice, for the rows and for their number; the contract's query runs once.
            self._con.execute(f'CREATE TABLE "{observation}" AS SELECT ({self._here(query)}) AS observed')
        except duckdb.OutOfMemoryException as error:
            raise too_much_memory_error(self._memory_limit, f"{self._name}, rule {rule.name}") from error
        except duckdb.Error:
            # Great Expectations shall meet the same error, and tell it in its own page.
            asked = escaped.replace("${{table}}", "{batch}")
            return f"SELECT observed FROM (SELECT ({asked}) AS observed) AS result WHERE {promise}"  # noqa: S608
        comment = escaped.replace("/*", "/ *").replace("*/", "* /")
        there = "(SELECT count(*) FROM {batch}) >= 0"  # it wants the batch named
        return f'/* {comment} */ SELECT observed FROM "{observation}" WHERE {promise} AND {there}'  # noqa: S608

    def _observed(self, rule: DataRule) -> object:
        return self._one(f"SELECT ({self._here(query_of(rule))})") if rule.public else None

    def _here(self, query: str) -> str:
        return query.replace("${table}", f'"{self._table}"')


def _bound(con: duckdb.DuckDBPyConnection, memory_limit: str, spill: Path, threads: int | None) -> None:
    import duckdb

    con.execute(f"SET memory_limit = {literal(memory_limit)}")
    con.execute(f"SET temp_directory = {literal(str(spill))}")
    con.execute("SET preserve_insertion_order = false")
    con.execute("SET enable_progress_bar = false")
    if threads:
        con.execute(f"SET threads = {threads}")
    try:
        con.execute("LOAD httpfs")
    except duckdb.Error:
        # Without OpenSSL (in httpfs) DuckDB asks for this before it encrypts by its own means.
        con.execute("SET force_mbedtls_unsafe = 'true'")
    con.execute("SET temp_file_encryption = true")


def _bounds(operator: str, operand: Any) -> tuple[int | None, int | None]:
    match operator:
        case "mustBe":
            return int(operand), int(operand)
        case "mustBeGreaterThan":
            return int(operand) + 1, None
        case "mustBeGreaterOrEqualTo":
            return int(operand), None
        case "mustBeLessThan":
            return None, int(operand) - 1
        case "mustBeLessOrEqualTo":
            return None, int(operand)
        case _:
            return int(operand[0]), int(operand[1])
