"""Dataset rules in Great Expectations on DuckDB: what only all rows together can show."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from quality import gx
from quality.outcome import SAMPLES, RuleResult, result_of
from quality.rules import Rule, dataset_rules

if TYPE_CHECKING:
    import duckdb

BATCH = 1_000_000
OPERATIONS = {
    "mustBe": "=",
    "mustNotBe": "<>",
    "mustBeGreaterThan": ">",
    "mustBeGreaterOrEqualTo": ">=",
    "mustBeLessThan": "<",
    "mustBeLessOrEqualTo": "<=",
    "mustBeBetween": "BETWEEN",
    "mustNotBeBetween": "NOT BETWEEN",
}


@dataclass(frozen=True)
class DatasetAudit:
    """What the dataset rules found. ``page`` is this run's page of the Data Docs, if they were asked for."""

    results: tuple[RuleResult, ...] = ()
    page: Path | None = None


def audit_dataset(
    rules: Sequence[Rule],
    frame: pl.LazyFrame,
    *,
    name: str,
    docs: Path | None = None,
    memory_limit: str = "1GB",
    temp_directory: Path | None = None,
    threads: int | None = None,
) -> DatasetAudit:
    """Check the dataset rules over all rows of a frame.

    Only the columns that the rules name are loaded, batch after batch. What does not fit into ``memory_limit`` goes
    to files below ``temp_directory``, encrypted with a key that never leaves memory, and removed in the end.

    Args:
        rules: rules of the contract; row rules among them are passed over.
        frame: the rows, in the contract's types, decrypted.
        name: key of the product, e.g. ``operations.departures``; its last part names the table in SQL.
        docs: folder of this product's Data Docs (a static site with a page for every run); None writes none.
        memory_limit: of DuckDB, e.g. ``2GB``.
        temp_directory: where DuckDB may spill; the system's own if None.
        threads: of DuckDB; all cores if None.

    Returns:
        One result for each dataset rule, in their order. A rule that could not be computed (a mistake in its SQL,
        say) has not passed; its ``detail`` says why.
    """
    rules = dataset_rules(tuple(rules))
    if not rules:
        return DatasetAudit()
    if temp_directory is not None:
        temp_directory.mkdir(parents=True, exist_ok=True)
    spill = Path(tempfile.mkdtemp(prefix="audit-", dir=temp_directory))
    try:
        with gx.session(docs) as session:
            con: duckdb.DuckDBPyConnection = session.connection
            _bound(con, memory_limit, spill, threads)
            table = name.rsplit(".", 1)[-1]
            rows = _load(con, frame, table, rules)
            expectations = [_expectation(rule, table, con) for rule in rules]
            findings = session.validate(name, table, rules, expectations)
            results = tuple(
                _result(rule, finding, rows, con, table) for rule, finding in zip(rules, findings, strict=True)
            )
            return DatasetAudit(results, session.publish())
    finally:
        shutil.rmtree(spill, ignore_errors=True)


def find_duplicates(frame: pl.LazyFrame, key: Sequence[str]) -> pl.DataFrame:
    """The keys that stand in more than one row.

    Keys are compared by a 64-bit hash first, so that a frame larger than memory passes: eight bytes a row are held.

    Args:
        frame: any number of rows.
        key: columns of the key.

    Returns:
        One row for each duplicated key: the key's columns and ``count``, the rows that have it.
    """
    columns = list(key)
    hashes = frame.select(pl.struct(columns).hash(seed=0).alias("hash")).collect(engine="streaming")["hash"]
    twice = hashes.filter(hashes.is_duplicated()).unique()
    del hashes
    if twice.is_empty():
        empty = pl.DataFrame(schema={c: frame.collect_schema()[c] for c in columns})
        return empty.with_columns(pl.lit(0, pl.UInt32).alias("count")).clear()
    candidates = frame.select(columns).filter(pl.struct(columns).hash(seed=0).is_in(twice.implode()))
    counted = candidates.group_by(columns).agg(pl.len().alias("count")).filter(pl.col("count") > 1)
    return counted.sort(columns).collect(engine="streaming")


def _bound(con: duckdb.DuckDBPyConnection, memory_limit: str, spill: Path, threads: int | None) -> None:
    import duckdb

    con.execute(f"SET memory_limit = {_literal(memory_limit)}")
    con.execute(f"SET temp_directory = {_literal(str(spill))}")
    con.execute("SET preserve_insertion_order = false")
    if threads:
        con.execute(f"SET threads = {threads}")
    try:
        con.execute("LOAD httpfs")
    except duckdb.Error:
        # Without OpenSSL (in httpfs) DuckDB asks for this before it encrypts by its own means.
        con.execute("SET force_mbedtls_unsafe = 'true'")
    con.execute("SET temp_file_encryption = true")


def _load(con: duckdb.DuckDBPyConnection, frame: pl.LazyFrame, table: str, rules: Sequence[Rule]) -> int:
    named = {c for rule in rules for c in rule.columns}
    columns = [c for c in frame.collect_schema() if c in named]
    if not columns:
        rows = frame.select(pl.len()).collect(engine="streaming").item()
        con.execute(f'CREATE TABLE "{table}" AS SELECT true AS present FROM range({rows})')
        return rows
    frame = frame.select(columns)
    con.register("_batch", pl.DataFrame(schema=frame.collect_schema()).to_arrow())
    con.execute(f'CREATE TABLE "{table}" AS SELECT * FROM _batch')
    rows = 0
    for batch in frame.collect_batches(chunk_size=BATCH, maintain_order=False):
        con.register("_batch", batch.to_arrow())
        con.execute(f'INSERT INTO "{table}" SELECT * FROM _batch')
        rows += batch.height
    con.unregister("_batch")
    return rows


def _expectation(rule: Rule, table: str, con: duckdb.DuckDBPyConnection) -> gx.Expectation:
    """The rule in the words of Great Expectations."""
    match rule.kind:
        case "unique" | "duplicates":
            mostly = _mostly(rule, table, con)
            if len(rule.columns) == 1:
                return gx.Expectation("expect_column_values_to_be_unique", {"column": rule.columns[0], "mostly": mostly})
            kwargs = {"column_list": list(rule.columns), "mostly": mostly}
            return gx.Expectation("expect_compound_columns_to_be_unique", kwargs)
        case "row_count":
            least, most = _bounds(rule.arguments["operator"], rule.arguments["operand"])
            return gx.Expectation("expect_table_row_count_to_be_between", {"min_value": least, "max_value": most})
        case "sql":
            query = rule.arguments["query"].strip().rstrip(";").replace("{", "{{").replace("}", "}}")
            query = query.replace("${{table}}", "{batch}")
            promise = f"(observed {_comparison(rule)}) IS NOT TRUE"
            query = f"SELECT observed FROM (SELECT ({query}) AS observed) AS result WHERE {promise}"
            return gx.Expectation("unexpected_rows_expectation", {"unexpected_rows_query": query})
        case _:
            return gx.Expectation(rule.arguments["type"], dict(rule.arguments["kwargs"]))


def _mostly(rule: Rule, table: str, con: duckdb.DuckDBPyConnection) -> float:
    """The allowance as GX wants it: a share of the rows that have a value, with room for rounding."""
    if rule.allowance.limit == 0:
        return 1.0
    there = " OR ".join(f'"{c}" IS NOT NULL' for c in rule.columns)
    rows, known = _one(con, f'SELECT count(*), count(*) FILTER (WHERE {there}) FROM "{table}"')
    return max(0.0, (known - rule.allowance.rows(rows) - 0.5) / known) if known else 1.0


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


def _comparison(rule: Rule) -> str:
    operator, operand = rule.arguments["operator"], rule.arguments["operand"]
    if isinstance(operand, list | tuple):
        return f"{OPERATIONS[operator]} {_literal(operand[0])} AND {_literal(operand[1])}"
    return f"{OPERATIONS[operator]} {_literal(operand)}"


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def _one(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = con.execute(query).fetchone()
    assert row is not None
    return row


def _result(
    rule: Rule, finding: gx.Finding, rows: int, con: duckdb.DuckDBPyConnection, table: str
) -> RuleResult:
    if finding.error:
        return result_of(rule, rows, 0, passed=False, detail=f"could not be computed: {finding.error}")
    if rule.kind in ("unique", "duplicates"):
        return result_of(rule, rows, finding.unexpected, _shown(finding.samples), passed=finding.success)
    detail, failed = "", finding.unexpected
    if rule.kind == "sql" and not finding.success:
        query = rule.arguments["query"].strip().rstrip(";").replace("${table}", f'"{table}"')
        observed = _one(con, f"SELECT ({query})")[0] if rule.public else "(hidden: it looks at classified columns)"
        detail = f"observed {observed}, promised {rule.arguments['operator']} {rule.arguments['operand']}"
        failed = 0
    elif rule.kind == "row_count":
        failed = 0
        detail = f"{rows:,} rows, promised {rule.arguments['operator']} {rule.arguments['operand']}"
    elif not finding.success and finding.observed is not None:
        detail = f"observed {finding.observed if rule.public else '(hidden: classified)'}"
    return result_of(rule, rows, failed, _shown(finding.samples), passed=finding.success, detail=detail)


def _shown(samples: Sequence[Any]) -> list[str]:
    texts = (
        ", ".join(f"{k}={v}" for k, v in sample.items()) if isinstance(sample, dict) else str(sample) for sample in samples
    )
    return list(dict.fromkeys(texts))[:SAMPLES]
