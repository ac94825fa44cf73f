"""Tries rules in the engines that audit, on rows that are made up: what happens in the child process.

A rule that no engine can compute fails every run, whatever the data; here it fails before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from quality import gx
from quality.queries import depends_on_rows, fault_of_query, fix_of, literal, words_of
from quality.rules import DataRule
from quality.validation import ABOUT_KEYS, repeats


@dataclass(frozen=True)
class RuleFault:
    """A rule that a run cannot compute; not ``certain`` where that depends on the rows."""

    rule: str
    place: str
    problem: str
    fix: str
    certain: bool = True


@dataclass(frozen=True)
class _Tables:
    product: str
    rows: str
    empty: str
    columns: tuple[str, ...]


class RuleTrial:
    """Rules of several contracts tried in one DuckDB: all tables first (:meth:`add`), then the rules of each.

    Attributes:
        on_rule: called with the name of a rule before it is tried.
    """

    def __init__(self, _name: str, *, memory_limit: str) -> None:
        self._session = gx.Session(None)
        self._con = self._session.connection
        for setting, value in (("memory_limit", memory_limit), ("temp_directory", ""), ("threads", 1)):
            self._con.execute(f"SET {setting} = {literal(value)}")
        self._con.execute("SET enable_progress_bar = false")
        self._tables: dict[str, _Tables] = {}
        self._locked, self._validations = False, 0
        self.on_rule: Callable[[str], None] = lambda _: None

    def add(self, key: str, product: str, rules: Sequence[DataRule], rows: pl.DataFrame) -> None:
        """Make the table of one product as an audit has it: the columns that its rules name, and marks of keys."""
        number = len(self._tables)
        tables = _Tables(
            product, f"{product}_rows_{number}", f"{product}_empty_{number}", tuple(rows.columns)
        )
        named = {column for rule in rules if rule.kind not in ABOUT_KEYS for column in rule.columns}
        found = rows.select(column for column in rows.columns if column in named)
        if not found.width:
            found = pl.DataFrame({"present": [True] * rows.height})
        marks = [pl.lit(False).alias(repeats(rule)) for rule in rules if rule.kind in ABOUT_KEYS]
        self._con.register("_batch", found.with_columns(marks).to_arrow())
        self._con.execute(f'CREATE TABLE "{tables.rows}" AS SELECT * FROM _batch')  # noqa: S608 (a quoted name)
        self._con.execute(f'CREATE TABLE "{tables.empty}" AS SELECT * FROM _batch LIMIT 0')  # noqa: S608
        self._con.unregister("_batch")
        self._tables[key] = tables

    def try_rules(self, key: str, rules: Sequence[DataRule]) -> list[RuleFault]:
        """Faults of the queries and expectations of one product."""
        if not self._locked:
            # From here on the contracts' own SQL runs: it sees these tables and no file.
            self._con.execute("SET enable_external_access = false")
            self._con.execute("SET lock_configuration = true")
            self._locked = True
        tables = self._tables[key]
        self._con.execute(
            f'CREATE OR REPLACE VIEW "{tables.product}" AS SELECT * FROM "{tables.rows}"'  # noqa: S608
        )
        found: list[RuleFault] = []
        for rule in (rule for rule in rules if rule.kind == "sql"):
            self.on_rule(rule.name)
            fault = fault_of_query(self._con, rule, f'"{tables.rows}"', f'"{tables.empty}"', tables.columns)
            if fault is not None:
                found.append(RuleFault(rule.name, rule.place, *fault))
        expected = [replace(rule, public=True) for rule in rules if rule.kind == "expectation"]
        if expected:
            self.on_rule(expected[0].name if len(expected) == 1 else "")
            found += self._expectations(tables, expected)
        return found

    def close(self) -> None:
        self._session.close()

    def _expectations(self, tables: _Tables, rules: Sequence[DataRule]) -> list[RuleFault]:
        found: list[RuleFault] = []
        for rule in self._failing(tables, rules):
            self.on_rule(rule.name)
            # Great Expectations asks several in one query, which fails for all if one is at fault.
            for alone in self._failing(tables, [rule]):
                found.append(_fault_of_expectation(rule, alone.description, tables.columns))
        return found

    def _failing(self, tables: _Tables, rules: Sequence[DataRule]) -> list[DataRule]:
        """Rules that cannot be computed together with the others, each with the error as its description."""
        asked = [gx.Expectation(rule.arguments["type"], dict(rule.arguments["kwargs"])) for rule in rules]
        self._validations += 1
        findings = self._session.validate(f"trial_{self._validations}", tables.rows, rules, asked)
        return [
            replace(rule, description=finding.error)
            for rule, finding in zip(rules, findings, strict=True)
            if finding.error
        ]


def _fault_of_expectation(rule: DataRule, error: str, columns: Sequence[str]) -> RuleFault:
    kind, kwargs = rule.arguments["type"], rule.arguments["kwargs"]
    refused = "Great Expectations refuses its arguments: "
    words = words_of(re.sub(r"^\(\S*duckdb\.\w+\) ", "", error.removeprefix(refused)))
    mend = f"mend its arguments ({', '.join(kwargs) or 'none'}); see greatexpectations.io/expectations/{kind}"
    return RuleFault(
        rule.name,
        rule.place,
        f"Great Expectations {'refuses' if error.startswith(refused) else 'cannot compute'} `{kind}`: {words}",
        fix_of(error, columns, mend),
        not depends_on_rows(error, error),
    )
