"""One validation: a table in DuckDB, judged by Great Expectations, of which nothing stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quality.contract import Contract
from quality.rules import Allowance, DataRule, rules_of
from quality.validation import Here, repeats
from tests.quality.flight_audit import audit, failing, frame

SQL = [
    ("mustBe", 3, True), ("mustBe", 4, False), ("mustNotBe", 3, False), ("mustNotBe", 4, True),
    ("mustBeGreaterThan", 3, False), ("mustBeGreaterThan", 2, True), ("mustBeGreaterOrEqualTo", 3, True),
    ("mustBeLessThan", 3, False), ("mustBeLessOrEqualTo", 3, True), ("mustBeLessOrEqualTo", 2, False),
    ("mustBeBetween", [1, 3], True), ("mustBeBetween", [4, 9], False), ("mustNotBeBetween", [1, 3], False),
]  # fmt: skip
COUNTS = [c for c in SQL if not c[0].startswith("mustNot")]


def test_sql_is_held_against_its_operator() -> None:
    """Every operator of ODCS over the one number that the query gives."""
    query = "SELECT max(flight) FROM ${table}"
    rules = tuple(
        DataRule(
            str(i), "sql", ("flight",), "dataset", {"query": query, "operator": o, "operand": v}, public=True
        )
        for i, (o, v, _) in enumerate(SQL)
    )
    found = audit(rules, frame([1, 2, 3]))
    assert [found[r.name].passed for r in rules] == [passes for *_, passes in SQL]
    assert all(("observed 3" in r.detail) is not r.passed for r in found.values())


def test_sql_may_have_comments_and_braces() -> None:
    """Words of the contract's author for readers are no part of the question."""
    query = "SELECT max(flight) /* of {all} */ FROM ${table} /* here */"
    kept = {"query": query, "operator": "mustBe", "operand": 3}
    rules = tuple(
        DataRule(str(v), "sql", ("flight",), "dataset", {**kept, "operand": v}, public=True) for v in (3, 4)
    )
    found = audit(rules, frame([1, 2, 3]))
    assert found["3"].passed, found["3"].detail
    assert "observed 3" in found["4"].detail


def test_rows_are_counted_against_the_operator() -> None:
    """Rules that look at no column load none."""
    rules = tuple(
        DataRule(str(i), "row_count", (), "dataset", {"operator": o, "operand": v}, public=True)
        for i, (o, v, _) in enumerate(COUNTS)
    )
    found = audit(rules, frame([1, 2, 3]))
    assert [found[r.name].passed for r in rules] == [passes for *_, passes in COUNTS]


def test_what_cannot_be_computed_has_not_passed(flights: Contract) -> None:
    """Bad SQL, no single number, none at all, a foreign file, an argument unknown to GX: refused, with the reason."""

    def sql(query: str) -> DataRule:
        return DataRule(
            query,
            "sql",
            ("flight",),
            "dataset",
            {"query": query, "operator": "mustBe", "operand": 0},
            public=True,
        )

    wrong = (
        sql("SELECT nothing FROM ${table}"),
        sql("SELECT flight FROM ${table}"),
        sql("SELECT flight FROM ${table} WHERE flight > 5"),
        sql("SELECT count(*) FROM ${table}, read_csv('/etc/hostname')"),
        DataRule("gx", "expectation", ("flight",), "dataset", {
            "type": "expect_column_max_to_be_between", "kwargs": {"column": "flight", "minimum": 3},
        }),
    )  # fmt: skip
    results = audit((*wrong, *rules_of(flights)), frame([1, 2]))
    assert failing(results) == {r.name for r in wrong}
    assert "nothing" in results[wrong[0].name].detail


def test_more_than_memory_spills_encrypted_and_cleans_up(
    flights: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a bound far below the data the audit still ends, nothing legible touches the disk, nothing stays."""
    from quality import gx

    legible: list[bool] = []
    validate = gx.Session.validate

    def looking(self: Any, *given: Any) -> Any:
        files = [f for f in tmp_path.rglob("*") if f.is_file() and f.stat().st_size]
        legible.extend(b"Passenger of the flight" in f.read_bytes() for f in files)
        return validate(self, *given)

    monkeypatch.setattr(gx.Session, "validate", looking)
    count = 600_000
    rows = frame([1]).select(pl.all().repeat_by(count).explode())
    rows = rows.with_columns(passenger=pl.format("Passenger of the flight number {}", pl.int_range(pl.len())))
    query = {
        "query": "SELECT count(DISTINCT passenger) FROM ${table}",
        "operator": "mustBe",
        "operand": count,
    }
    rule = DataRule("names", "sql", ("passenger",), "dataset", query)
    found = audit((rule,), rows, memory_limit="20MB", temp_directory=tmp_path)["names"]
    assert found.passed, found.detail
    assert legible
    assert not any(legible)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("query", "operand"),
    [
        ("SELECT 'O''Hare' FROM ${table}", "O'Hare"),
        ("SELECT bool_and(flight > 0) FROM ${table};", True),
        ("SELECT 0.1::DOUBLE FROM ${table}", 0.1),
    ],
)
def test_an_operand_may_be_text_truth_or_a_fraction(query: str, operand: object) -> None:
    """Quoted for SQL, whatever it holds."""
    rule = DataRule(
        "r", "sql", ("flight",), "dataset", {"query": query, "operator": "mustBe", "operand": operand}
    )
    found = audit((rule,), frame([1]))["r"]
    assert found.passed, found.detail


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    """A validation of a product that is named by a word of SQL."""
    validation = Here("shop.order", temp_directory=tmp_path / "spill")
    yield validation
    validation.close()


KEY = DataRule("key", "duplicates", ("id",), "dataset", allowance=Allowance(1, "rows"))


@pytest.mark.parametrize(
    ("repeated", "success"), [([False] * 3, True), ([True, False, False], True), ([True] * 3, False)]
)
def test_rows_come_in_any_number_of_batches(here: Here, repeated: list[bool], success: bool) -> None:
    """An empty one too; a product may be called `order`, which Great Expectations does not quote."""
    rows = pl.DataFrame({repeats(KEY): repeated})
    here.begin(rows.clear())
    for batch in (rows.head(1), rows.clear(), rows.slice(1)):
        here.insert(batch)
    [finding] = here.judge([KEY], 3, [])
    assert (finding.success, finding.unexpected) == (success, sum(repeated))


def test_a_table_that_is_begun_again_has_forgotten_its_rows(here: Here) -> None:
    """Columns may be others then."""
    here.begin(pl.DataFrame({"x": [1]}))
    here.begin(pl.DataFrame({repeats(KEY): pl.Series([], dtype=pl.Boolean)}))
    here.insert(pl.DataFrame({repeats(KEY): [False]}))
    rules = [KEY, DataRule("rows", "row_count", (), "dataset", {"operator": "mustBe", "operand": 1})]
    assert [finding.success for finding in here.judge(rules, 1, [])] == [True, True]


def test_without_a_column_rows_are_known_by_their_number(here: Here) -> None:
    """A rule over keys that repeat nowhere needs none of them."""
    rules = [KEY, DataRule("rows", "row_count", (), "dataset", {"operator": "mustBe", "operand": 5})]
    assert [finding.success for finding in here.judge(rules, 5, [repeats(KEY)])] == [True, True]


def test_each_rule_is_named_before_its_sql_runs(here: Here) -> None:
    """Then the judging of all, which has no name: so a limit can say which rule it was."""
    named: list[str] = []
    here.on_rule = named.append
    here.begin(pl.DataFrame({"id": [1]}))
    rules = [
        DataRule(
            name,
            "sql",
            ("id",),
            "dataset",
            {"query": "SELECT 1 FROM ${table}", "operator": "mustBe", "operand": 1},
        )
        for name in ("first", "second")
    ]
    here.judge([rules[0], KEY, rules[1]], 1, [repeats(KEY)])
    assert named == ["first", "second", ""]


def test_the_contracts_own_sql_reaches_no_file_and_no_setting(here: Here, tmp_path: Path) -> None:
    """It can neither read a file, nor write one, nor allow itself to."""
    (tmp_path / "secret.csv").write_text("a\n1\n")
    here.begin(pl.DataFrame({"id": [1]}))
    queries = [
        f"SELECT count(*) FROM ${{table}}, read_csv('{tmp_path}/secret.csv')",
        f"SELECT 1 FROM ${{table}}) TO '{tmp_path}/out.csv'; SELECT (1",
        "SELECT 1 FROM ${table}); SET enable_external_access = true; SELECT (1",
    ]
    rules = [
        DataRule(
            f"r{n}",
            "sql",
            ("id",),
            "dataset",
            {"query": query, "operator": "mustBe", "operand": 1},
            public=True,
        )
        for n, query in enumerate(queries)
    ]
    assert [bool(finding.error) for finding in here.judge(rules, 1, [])] == [True, True, True]
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["secret.csv"]


def test_a_validation_that_cannot_begin_leaves_no_folder(tmp_path: Path) -> None:
    """DuckDB refuses the limit; nothing of the folder for spilled data stays."""
    with pytest.raises(Exception, match=r"(?i)memory must"):
        Here("shop.orders", memory_limit="some", temp_directory=tmp_path / "spill")
    assert list((tmp_path / "spill").iterdir()) == []


def test_a_closed_validation_leaves_no_folder(tmp_path: Path) -> None:
    """Nor the table, which was in memory."""
    here = Here("shop.orders", temp_directory=tmp_path / "spill")
    assert len(list((tmp_path / "spill").iterdir())) == 1
    here.close()
    assert list((tmp_path / "spill").iterdir()) == []
