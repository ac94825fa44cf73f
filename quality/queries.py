"""The query of an SQL rule: one SELECT over the product that gives one number, and what it is compared with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from quality.rules import DataRule

if TYPE_CHECKING:
    import duckdb

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
_OF_VALUES = ("OutOfRangeException", "InvalidInputException")
_OF_ROWS = "casting from source column"
"""Words of an error of DuckDB that comes of a row's value, and not of a constant or a type."""
_TEXT = ("VARCHAR", "BLOB", "UUID", "JSON", "STRUCT", "MAP")
_LONGEST = 300
_MEND = "write one SELECT over `${table}` that gives one number, in the SQL of DuckDB"


def query_of(rule: DataRule) -> str:
    """The query without a semicolon at its end; a line break ends a comment in its last line."""
    text: str = rule.arguments["query"]
    return text.strip().rstrip(";") + "\n"


def comparison(rule: DataRule) -> str:
    """SQL of the promise behind the observed value: ``>= 3``."""
    operator, operand = rule.arguments["operator"], rule.arguments["operand"]
    if isinstance(operand, list | tuple):
        return f"{OPERATIONS[operator]} {literal(operand[0])} AND {literal(operand[1])}"
    return f"{OPERATIONS[operator]} {literal(operand)}"


def literal(value: object) -> str:
    """A value as DuckDB reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def fault_of_query(
    con: duckdb.DuckDBPyConnection, rule: DataRule, table: str, empty: str, columns: Sequence[str]
) -> tuple[str, str, bool] | None:
    """Problem, fix, and certainty of a query that a run cannot compute; None where it can be.

    Args:
        table: quoted name of a table of made-up rows.
        empty: the same without rows.
    """
    import duckdb

    query = query_of(rule)
    try:
        statements = duckdb.extract_statements(query.replace("${table}", table))
    except duckdb.Error as error:
        words = words_of(error).replace(table, "${table}")
        return f"DuckDB does not understand its query: {words}", _MEND, True
    if len(statements) != 1:
        return f"its query is {len(statements)} statements", _MEND, True
    rows = 0
    for each in (empty, table):
        here = query.replace("${table}", each)
        try:
            if fault := _fault_of_result(con, rule, here):
                return fault, _MEND, True
            rows = max(rows, len(con.execute(f"SELECT * FROM ({here}) LIMIT 2").fetchall()))  # noqa: S608
            if rows > 1:
                return "its query gives several rows, not one number", f"{_MEND}, e.g. SELECT max(...)", True
            con.execute(f"SELECT ({here}) {comparison(rule)}").fetchall()
        except duckdb.Error as error:
            certain = each == empty or not depends_on_rows(error, type(error).__name__)
            words = words_of(error).replace(each, "${table}")
            return f"DuckDB refuses its query: {words}", fix_of(error, columns, _MEND), certain
    if not rows:
        problem = "its query gives no row where no row fits, and then the rule is broken"
        return problem, "let it count: SELECT count(*) FROM (...)", False
    return None


def _fault_of_result(con: duckdb.DuckDBPyConnection, rule: DataRule, query: str) -> str:
    """The fault of the columns that a query gives; empty where it is one, to be compared with the promise."""
    described = con.execute(f"DESCRIBE SELECT * FROM ({query})").fetchall()  # noqa: S608 (the contract's own)
    if len(described) != 1:
        return f"its query gives {len(described)} columns, not one number"
    kind, operand = str(described[0][1]), rule.arguments["operand"]
    wanted = operand if isinstance(operand, list | tuple) else [operand]
    numbers = all(isinstance(each, int | float) for each in wanted)
    if numbers and (kind.startswith(_TEXT) or kind.endswith("]")):
        return f"its query gives {kind}, and is compared with the number {wanted[0]}"
    return ""


def depends_on_rows(error: object, kind: str) -> bool:
    """True for an error of DuckDB that other rows may not bring.

    Args:
        kind: name of its class, or a text that holds it.
    """
    return _OF_ROWS in str(error) or any(name in kind for name in _OF_VALUES)


def words_of(error: object) -> str:
    """An error of DuckDB in one line, without the place in the query and its proposals."""
    text = re.split(
        r"\s(?:LINE \d+:|Candidate |You might |Did you mean |Use \"SET )", " ".join(str(error).split())
    )[0]
    return text[:_LONGEST]


def fix_of(error: object, columns: Sequence[str], otherwise: str) -> str:
    """The nearest of the contract's columns or of DuckDB's functions, where an error is about one that is not there."""
    words, proposals = words_of(error), str(error)
    function = re.search(r'Did you mean "(\w+)"', proposals) if "unction with name" in words else None
    if function:
        return f"did you mean `{function.group(1)}`?"
    if "Table with name" in words:
        return "a rule sees the rows of its own product alone: write `${table}`"
    missing = re.search(r'(?:column|Column) (?:named )?"([^"]+)"', words)
    if not missing or "not found" not in words:
        return otherwise
    near = get_close_matches(missing.group(1), columns, n=1, cutoff=0.5)
    return f"did you mean `{near[0]}`?" if near else f"columns: {', '.join(columns)}"
