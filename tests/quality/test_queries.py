"""The query of an SQL rule: one SELECT that gives one number, compared with the promise as DuckDB compares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.queries import (
    OPERATIONS,
    comparison,
    depends_on_rows,
    fault_of_query,
    fix_of,
    literal,
    query_of,
    words_of,
)
from quality.rules import DataRule

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")
COLUMNS = ("id", "day", "name", "tags")


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A table of three rows, and the same without rows."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT i AS id, DATE '2024-01-01' + i::INTEGER AS day, 'n' || i AS name, [i] AS tags "
            "FROM range(3) r(i)"
        )
        connection.execute("CREATE TABLE e AS SELECT * FROM t LIMIT 0")
        yield connection


def rule(query: str, operator: str = "mustBe", operand: Any = 0) -> DataRule:
    """A rule by SQL."""
    arguments = {"query": query, "operator": operator, "operand": operand}
    return DataRule("r", "sql", (), "dataset", arguments)


def fault(con: duckdb.DuckDBPyConnection, query: str, **promise: Any) -> tuple[str, str, bool] | None:
    """The fault of a query over the table."""
    return fault_of_query(con, rule(query, **promise), '"t"', '"e"', COLUMNS)


@pytest.mark.parametrize(
    "query", ["SELECT 1", "SELECT 1;", "\n SELECT 1 ;;\n", "SELECT 1 -- one", "SELECT 1; "]
)
def test_a_query_stands_in_brackets(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Without its last semicolon; a comment at its end takes nothing of what follows."""
    assert con.execute(f"SELECT ({query_of(rule(query))})").fetchall() == [(1,)]


HOLDS: dict[str, tuple[Any, list[int]]] = {
    "mustBe": (2, [2]),
    "mustNotBe": (2, [1, 3, 4]),
    "mustBeGreaterThan": (2, [3, 4]),
    "mustBeGreaterOrEqualTo": (2, [2, 3, 4]),
    "mustBeLessThan": (2, [1]),
    "mustBeLessOrEqualTo": (2, [1, 2]),
    "mustBeBetween": ([2, 3], [2, 3]),
    "mustNotBeBetween": ((2, 3), [1, 4]),
}


@pytest.mark.parametrize("operator", OPERATIONS)
def test_a_promise_is_compared_as_it_is_written(con: duckdb.DuckDBPyConnection, operator: str) -> None:
    """Every operator of a contract; both ends belong to what is between."""
    operand, holds = HOLDS[operator]
    promised = comparison(rule("", operator, operand))
    assert [n for n in (1, 2, 3, 4) if con.execute(f"SELECT {n} {promised}").fetchall() == [(True,)]] == holds


@given(
    value=st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
        st.text("'\"\\-;/*$n", max_size=6),
    )
)
@settings(max_examples=60)
def test_a_value_is_read_as_it_was_meant(value: Any) -> None:
    """Quotes, comments and backslashes of a text end nothing; a fraction keeps its digits."""
    [(read,)] = duckdb.execute(f"SELECT {literal(value)}").fetchall()
    assert type(value)(read) == value


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "is 0 statements"),
        (";", "is 0 statements"),
        ("-- nothing", "is 0 statements"),
        ("SELECT 1; DROP TABLE ${table}", "is 2 statements"),
        ("DROP TABLE ${table}", "refuses its query"),
        ("DELETE FROM ${table}", "refuses its query"),
        ("SELECT 1) FROM ${table}; --", "does not understand"),
        ("SELECT id, day FROM ${table}", "gives 2 columns"),
        ("SELECT * FROM ${table}", "gives 4 columns"),
        ("SELECT id FROM ${table}", "several rows"),
        ("SELECT max(tags) FROM ${table}", "gives BIGINT[], and is compared with the number 0"),
        ("SELECT max(name) FROM ${table}", "gives VARCHAR"),
        ("SELECT {'a': 1}", "gives STRUCT"),
        ("SELECT max(day) FROM ${table}", "refuses its query"),
        ("SELECT max(${table}.nope) FROM ${table}", "Table ${table} does not have a column"),
        ("SELECT count(*) + (9223372036854775807 + 1) FROM ${table}", "refuses its query"),
    ],
)
def test_what_no_row_can_mend_is_certain(con: duckdb.DuckDBPyConnection, query: str, words: str) -> None:
    """The table is left as it is, and the fault names ``${table}`` as the contract does."""
    found = fault(con, query)
    assert found is not None
    problem, fix, certain = found
    assert words in problem
    assert '"t"' not in problem
    assert '"e"' not in problem
    assert fix
    assert certain
    assert con.execute("SELECT count(*) FROM t").fetchall() == [(3,)]


@pytest.mark.parametrize(
    ("query", "promise"),
    [
        ("SELECT count(*) FROM ${table};", {}),
        ("SELECT count(*) FROM ${table} WHERE name = ';${table}'", {}),
        ("SELECT NULL", {}),
        ("SELECT max(name) FROM ${table}", {"operand": "n2"}),
        ("SELECT max(day) FROM ${table}", {"operator": "mustBeBetween", "operand": ["2024-01-01", "2025-01-01"]}),
        ("SELECT bool_or(id > 1) FROM ${table}", {"operand": True}),
        ("SELECT (SELECT max(id) FROM ${table}) / (SELECT count(*) FROM ${table})", {}),
    ],
)  # fmt: skip
def test_one_number_has_no_fault(con: duckdb.DuckDBPyConnection, query: str, promise: dict[str, Any]) -> None:
    """Or a text, a day or a truth where the promise is of that type; a broken promise is no fault either."""
    assert fault(con, query, **promise) is None


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT sum(name::INTEGER) FROM ${table}", "refuses its query"),
        ("SELECT max(id + 9223372036854775807) FROM ${table}", "refuses its query"),
        ("SELECT id FROM ${table} WHERE id > 5", "let it count"),
    ],
)
def test_what_other_rows_may_mend_is_uncertain(
    con: duckdb.DuckDBPyConnection, query: str, words: str
) -> None:
    """A value that cannot be cast, a sum that is too large, and rows that are not there."""
    found = fault(con, query)
    assert found is not None
    assert words in " ".join(found[:2])
    assert not found[2]


@pytest.mark.parametrize(
    ("query", "fix"),
    [
        ("SELECT max(idd) FROM ${table}", "did you mean `id`?"),
        ("SELECT max(zzz) FROM ${table}", "columns: id, day, name, tags"),
        ("SELECT coutn(*) FROM ${table}", "did you mean `count`?"),
        ("SELECT count(*) FROM others", "its own product alone: write `${table}`"),
        ("SELECT max(id) FROM ${table} WHERE max(id) > 1", "write one SELECT"),
    ],
)
def test_the_fix_is_of_the_contracts_own_names(con: duckdb.DuckDBPyConnection, query: str, fix: str) -> None:
    """The nearest column, or all of them; DuckDB's own proposal of a function."""
    found = fault(con, query)
    assert found is not None
    assert fix in found[1]


def test_an_error_is_one_short_line() -> None:
    """Without the place in the query, which holds the names of tables that the contract does not know."""
    text = "Binder Error: no column\n  here\nLINE 1: SELECT x FROM secret_table\n  ^"
    assert words_of(text) == "Binder Error: no column here"
    assert words_of("a Did you mean b") == "a"
    assert len(words_of("x" * 1000)) == 300
    assert words_of("") == ""


@pytest.mark.parametrize(
    ("error", "columns", "fix"),
    [
        ('Referenced column "dya" not found in FROM clause', COLUMNS, "did you mean `day`?"),
        ('Referenced column "dya" not found in FROM clause', (), "columns: "),
        ('column "dya" is odd', COLUMNS, "otherwise"),
        ("", COLUMNS, "otherwise"),
    ],
)
def test_a_fix_without_a_name_is_the_general_one(error: str, columns: Sequence[str], fix: str) -> None:
    """Names are proposed only where one was not found."""
    assert fix_of(error, columns, "otherwise") == fix


@pytest.mark.parametrize(
    ("error", "kind", "depends"),
    [
        ("Could not convert when casting from source column name", "ConversionException", True),
        ("Could not convert string 'abc' to INT32", "ConversionException", False),
        ("Overflow in addition", "OutOfRangeException", True),
        ("bad input", "(_duckdb.InvalidInputException) bad input", True),
        ("no column", "BinderException", False),
    ],
)
def test_errors_of_values_depend_on_rows(error: str, kind: str, depends: bool) -> None:
    """A constant that cannot be converted does not."""
    assert depends_on_rows(error, kind) is depends
