"""Dataset rules in Great Expectations on DuckDB: what only all rows together can show."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from quality import gx
from quality.outcome import SAMPLES, RuleResult, result_of
from quality.rules import Rule, dataset_rules

if TYPE_CHECKING:
    import duckdb

BATCH = 1_000_000
_ABOUT_KEYS = ("unique", "duplicates")
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

    Only the columns that the rules name are read, once, batch after batch. What does not fit into ``memory_limit`` goes
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
            candidate = _Candidate(con, frame, name.rsplit(".", 1)[-1])
            candidate.load(rules)
            # From here on the contract's own SQL runs: it sees this table and no file.
            con.execute("SET enable_external_access = false")
            con.execute("SET lock_configuration = true")
            expectations = [_expectation(rule, candidate) for rule in rules]
            findings = session.validate(name, candidate.table, rules, expectations)
            results = tuple(
                _result(rule, found, candidate) for rule, found in zip(rules, findings, strict=True)
            )
            return DatasetAudit(results, session.publish())
    finally:
        shutil.rmtree(spill, ignore_errors=True)


def find_duplicates(frame: pl.LazyFrame, key: Sequence[str]) -> pl.DataFrame:
    """The keys that stand in more than one row.

    Keys are compared by a 64-bit fingerprint first, so that a frame larger than memory passes: eight bytes a row
    are held. Rows whose key is null throughout have no key, and are passed over.

    Args:
        frame: any number of rows.
        key: columns of the key.

    Returns:
        One row for each duplicated key: the key's columns and ``count``, the rows that have it.
    """
    prints = frame.select(_fingerprint(key)).collect(engine="streaming").to_series()
    return _repeated_keys(frame, key, _repeated(prints))


def _repeated(prints: pl.Series) -> pl.Series:
    """The fingerprints that stand in more than one row."""
    import numpy as np

    # Sorting numbers takes a tenth of the time that grouping them does.
    ordered = np.sort(prints.drop_nulls().to_numpy())
    return pl.Series(np.unique(ordered[1:][ordered[1:] == ordered[:-1]]), dtype=pl.UInt64)


def _repeated_keys(frame: pl.LazyFrame, key: Sequence[str], prints: pl.Series) -> pl.DataFrame:
    """The keys of more than one row, of those with these fingerprints."""
    columns, schema = list(key), frame.collect_schema()
    if not prints.len():
        return pl.DataFrame(schema={c: schema[c] for c in columns} | {"count": pl.UInt32})
    candidates = frame.select(columns).filter(_fingerprint(columns).is_in(prints.implode()))
    counted = (
        candidates.group_by(columns).agg(pl.len().cast(pl.UInt32).alias("count")).filter(pl.col("count") > 1)
    )
    return counted.sort(columns).collect(engine="streaming")


def _fingerprint(columns: Sequence[str]) -> pl.Expr:
    there = pl.any_horizontal(pl.col(c).is_not_null() for c in columns)
    return pl.when(there).then(pl.struct(columns).hash(seed=0))


def _repeats(rule: Rule) -> str:
    """The column that tells whether a row's key stands in other rows too."""
    return f"{rule.name}_repeated"


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


@dataclass
class _Candidate:
    """The rows under audit, and the DuckDB table that holds what the rules look at.

    ``twice``: for each rule about keys, the keys that stand in more than one row. Fingerprints find them: DuckDB
    would take longer to group ten million keys than all the other rules take together.
    """

    con: duckdb.DuckDBPyConnection
    frame: pl.LazyFrame
    table: str
    twice: dict[str, pl.DataFrame] = field(default_factory=dict)
    rows: int = 0

    def load(self, rules: Sequence[Rule]) -> None:
        """Load the columns that the rules name, and find the keys that repeat, in one pass over the rows."""
        named = {c for rule in rules if rule.kind not in _ABOUT_KEYS for c in rule.columns}
        columns: list[str | pl.Expr] = [c for c in self.frame.collect_schema() if c in named]
        keys = {_repeats(rule): rule for rule in rules if rule.kind in _ABOUT_KEYS}
        prints = self._fill(columns, {name: _fingerprint(rule.columns) for name, rule in keys.items()})
        again: list[pl.Expr] = []
        for name, rule in keys.items():
            repeated = _repeated(prints[name])
            self.twice[rule.name] = _repeated_keys(self.frame, rule.columns, repeated)
            if self.twice[rule.name].height:
                known = self.twice[rule.name].select(_fingerprint(rule.columns)).to_series()
                again.append(_fingerprint(rule.columns).is_in(known.implode()).alias(name))
        if again:
            # Which rows repeat a key is known only now: a second, rarer pass.
            self.con.execute(f'DROP TABLE "{self.table}"')
            self._fill([*columns, *again], {})
        for name, rule in keys.items():
            if self.twice[rule.name].is_empty():
                self.con.execute(f'ALTER TABLE "{self.table}" ADD COLUMN "{name}" BOOLEAN DEFAULT false')

    def _fill(self, columns: Sequence[str | pl.Expr], beside: Mapping[str, pl.Expr]) -> dict[str, pl.Series]:
        """Make the table of these columns, batch after batch; what is read beside them is returned."""
        found: dict[str, list[pl.Series]] = {name: [] for name in beside}
        self.rows = 0
        if columns:
            empty = pl.DataFrame(schema=self.frame.select(*columns).collect_schema())
            self.con.register("_batch", empty.to_arrow())
            self.con.execute(f'CREATE TABLE "{self.table}" AS SELECT * FROM _batch')  # noqa: S608 (a quoted name)
        for batch in self._batches(columns, beside):
            self.rows += batch.height
            for name, series in found.items():
                series.append(batch.get_column(name))
            if columns:
                self.con.register("_batch", batch.drop(beside).to_arrow())
                self.con.execute(f'INSERT INTO "{self.table}" SELECT * FROM _batch')  # noqa: S608
        if columns:
            self.con.unregister("_batch")
        else:
            self.rows = self.rows or self.frame.select(pl.len()).collect(engine="streaming").item()
            self.con.execute(f'CREATE TABLE "{self.table}" AS SELECT true AS present FROM range({self.rows})')  # noqa: S608
        return {
            name: pl.concat(series) if series else pl.Series(dtype=pl.UInt64)
            for name, series in found.items()
        }

    def _batches(
        self, columns: Sequence[str | pl.Expr], beside: Mapping[str, pl.Expr]
    ) -> Iterator[pl.DataFrame]:
        if columns or beside:
            wanted = self.frame.select(*columns, *(expr.alias(name) for name, expr in beside.items()))
            yield from wanted.collect_batches(chunk_size=BATCH, maintain_order=False)

    def one(self, query: str) -> tuple[Any, ...]:
        """The first row of a query on the table."""
        row = self.con.execute(query).fetchone()
        if row is None:
            raise LookupError(query)
        return row


def _expectation(rule: Rule, candidate: _Candidate) -> gx.Expectation:
    """The rule in the words of Great Expectations."""
    match rule.kind:
        case "unique" | "duplicates":
            column = _repeats(rule)
            kwargs = {"column": column, "value_set": [False], "mostly": _mostly(rule, column, candidate)}
            return gx.Expectation("expect_column_values_to_be_in_set", kwargs, telling=False)
        case "row_count":
            least, most = _bounds(rule.arguments["operator"], rule.arguments["operand"])
            return gx.Expectation(
                "expect_table_row_count_to_be_between", {"min_value": least, "max_value": most}
            )
        case "sql":
            query = rule.arguments["query"].strip().rstrip(";").replace("{", "{{").replace("}", "}}")
            query = query.replace("${{table}}", "{batch}")
            promise = f"(observed {_comparison(rule)}) IS NOT TRUE"
            query = f"SELECT observed FROM (SELECT ({query}) AS observed) AS result WHERE {promise}"  # noqa: S608 (it is the contract's)
            return gx.Expectation("unexpected_rows_expectation", {"unexpected_rows_query": query})
        case _:
            return gx.Expectation(rule.arguments["type"], dict(rule.arguments["kwargs"]))


def _mostly(rule: Rule, column: str, candidate: _Candidate) -> float:
    """The allowance as GX wants it: a share of the rows that have a value, with room for rounding."""
    if rule.allowance.limit == 0:
        return 1.0
    known = candidate.one(f'SELECT count("{column}") FROM "{candidate.table}"')[0]  # noqa: S608
    return max(0.0, (known - rule.allowance.rows(candidate.rows) - 0.5) / known) if known else 1.0


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


def _result(rule: Rule, finding: gx.Finding, candidate: _Candidate) -> RuleResult:
    rows, promised = (
        candidate.rows,
        f"promised {rule.arguments.get('operator')} {rule.arguments.get('operand')}",
    )
    if finding.error:
        return result_of(rule, rows, 0, passed=False, detail=f"could not be computed: {finding.error}")
    match rule.kind:
        case "unique" | "duplicates":
            if not finding.unexpected:
                return result_of(rule, rows, 0, passed=finding.success)
            twice = candidate.twice[rule.name]
            samples = twice.drop("count").head(SAMPLES).to_dicts()
            return result_of(rule, rows, int(twice["count"].sum()), _shown(samples))
        case "row_count":
            return result_of(rule, rows, 0, passed=finding.success, detail=f"{rows:,} rows, {promised}")
        case "sql":
            detail = "" if finding.success else f"observed {_observed(rule, candidate)}, {promised}"
            return result_of(rule, rows, 0, passed=finding.success, detail=detail)
        case _:
            hidden = "(hidden: it looks at classified columns)"
            detail = (
                "" if finding.observed is None else f"observed {finding.observed if rule.public else hidden}"
            )
            return result_of(
                rule, rows, finding.unexpected, _shown(finding.samples), passed=finding.success, detail=detail
            )


def _observed(rule: Rule, candidate: _Candidate) -> object:
    if not rule.public:
        return "(hidden: it looks at classified columns)"
    query = rule.arguments["query"].strip().rstrip(";").replace("${table}", f'"{candidate.table}"')
    return candidate.one(f"SELECT ({query})")[0]


def _shown(samples: Sequence[Any]) -> list[str]:
    texts = (
        ", ".join(f"{k}={v}" for k, v in sample.items()) if isinstance(sample, dict) else str(sample)
        for sample in samples
    )
    return list(dict.fromkeys(texts))[:SAMPLES]
