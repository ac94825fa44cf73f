"""Dataset rules run in the real Great Expectations on the real DuckDB, and say what polars says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quality.contract import Contract
from quality.dataset import audit_dataset, find_duplicates
from quality.outcome import RuleResult
from quality.rules import Allowance, DataRule, rules_of

Reload = Callable[..., Contract]
NAME = "aviation.flights"


def frame(
    flights: list[int], delays: list[float | None] | None = None, cancelled: bool = False
) -> pl.LazyFrame:
    """Flights of one carrier at one time, so that the number alone tells them apart."""
    return pl.LazyFrame(
        {
            "carrier": ["UA"] * len(flights),
            "flight": pl.Series(flights, dtype=pl.Int32),
            "scheduled_at": [datetime(2013, 1, 1, tzinfo=UTC)] * len(flights),
            "delay": pl.Series(delays or [1.0] * len(flights), dtype=pl.Float64),
            "cancelled": [cancelled] * len(flights),
            "passenger": [f"Name {f}" for f in flights],
        }
    )


def audit(rules: tuple[DataRule, ...], rows: pl.LazyFrame, **options: Any) -> dict[str, RuleResult]:
    """The results by rule."""
    return {r.rule: r for r in audit_dataset(rules, rows, name=NAME, **options).results}


def failing(results: dict[str, RuleResult]) -> set[str]:
    """Rules that were not kept."""
    return {name for name, result in results.items() if not result.passed}


def test_a_sound_dataset_passes_every_rule(flights: Contract) -> None:
    """One result for each dataset rule, with the rows that were looked at."""
    results = audit(rules_of(flights), frame([1, 2, 3]))
    assert set(results) == {"key_unique", "enough_rows", "cancelled_have_no_delay", "delay_mean"}
    assert not failing(results)
    assert results["key_unique"].checked == 3


def test_duplicated_keys_are_counted_and_shown(flights: Contract) -> None:
    """All rows that share a key count; the key is public, so it may be seen."""
    found = audit(rules_of(flights), frame([1, 1, 2, 3, 3, 3]))["key_unique"]
    assert (found.passed, found.failed) == (False, 5)
    assert found.samples[0].startswith("carrier=UA, flight=1")


def test_an_empty_dataset_breaks_the_row_count(flights: Contract) -> None:
    """Nothing at all is not a sound product."""
    assert "enough_rows" in failing(audit(rules_of(flights), frame([])))


def test_classified_values_are_in_no_result_and_on_no_page(flights: Contract, tmp_path: Path) -> None:
    """A mean of internal delays and a count over them are checked, not shown; no restricted name is written."""
    rows = frame([1, 2], [3777.0, 3777.0], cancelled=True)
    unique = DataRule("names", "unique", ("passenger",), "dataset")
    likely = {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "passenger", "value_set": ["x"]},
    }
    known = DataRule("known", "expectation", ("passenger",), "dataset", likely)
    audited = audit_dataset((*rules_of(flights), unique, known), rows, name=NAME, docs=tmp_path)
    assert {r.rule for r in audited.results if not r.passed} == {
        "cancelled_have_no_delay",
        "delay_mean",
        "known",
    }
    written = "".join(
        f.read_text(errors="ignore") for f in tmp_path.rglob("*") if f.suffix in (".html", ".json")
    )
    assert "delay_mean" in written or "mean delay" in written
    for secret in ("3777", "Name 1"):
        assert secret not in written
        assert secret not in str(audited.results)


def test_data_docs_are_a_site_with_a_page_for_every_run(flights: Contract, tmp_path: Path) -> None:
    """The page that is linked from an asset stays, and the index leads to it."""
    pages = [audit_dataset(rules_of(flights), frame([1, 2]), name=NAME, docs=tmp_path).page for _ in range(2)]
    assert all(page is not None and page.is_file() for page in pages)
    assert pages[0] != pages[1]
    index = (tmp_path / "site" / "index.html").read_text()
    assert all(page is not None and page.parent.name in index for page in pages)


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
    """What the contract's author writes for readers is no part of the question."""
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


@pytest.mark.parametrize("rows", [[1, 2, 3], [1, 1, 2, 3], [1, 1, 2, 2], [1, 1, 1, 1], []])
def test_great_expectations_and_the_verdict_agree(rows: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """What GX calls a success is what the allowance lets pass, at the very limit too; polars counts the same."""
    from quality import gx

    said: list[bool] = []
    validate = gx.Session.validate

    def listening(self: Any, *given: Any) -> Any:
        findings = validate(self, *given)
        said.extend(f.success for f in findings)
        return findings

    monkeypatch.setattr(gx.Session, "validate", listening)
    rules = tuple(
        DataRule(
            f"{'_'.join(columns)}_{limit}", "duplicates", columns, "dataset", allowance=limit, public=True
        )
        for columns in (("flight",), ("carrier", "flight"))
        for limit in (
            *map(Allowance, (0.0, 0.5, 0.75, 1.0)),
            Allowance(0.5, strict=True),
            Allowance(2, "rows"),
        )
    )
    rules = tuple(replace(r, name=f"rule_{i}") for i, r in enumerate(rules))
    found = audit(rules, frame(rows))
    assert said == [found[r.name].passed for r in rules]
    for rule in rules:
        counted = frame(rows).select(pl.struct(rule.columns).is_duplicated().sum()).collect().item()
        assert found[rule.name].failed == counted


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


def test_duplicates_are_found_exactly() -> None:
    """By any number of columns; rows without any key are no duplicates."""
    rows = pl.LazyFrame({"a": ["x", "x", "y", None, None, "x"], "b": [1, 1, 1, None, None, 2]})
    assert find_duplicates(rows, ["a", "b"]).rows() == [("x", 1, 2)]
    assert find_duplicates(rows, ["a"]).rows() == [("x", 3)]
    none = find_duplicates(rows.unique(), ["a", "b"])
    assert (none.rows(), none.columns) == ([], ["a", "b", "_count"])
    named = rows.rename({"a": "count"})
    assert find_duplicates(named, ["count"]).rows() == [("x", 3)], (
        "a column may be named like any word of ours"
    )


def test_no_dataset_rules_cost_nothing(flights: Contract) -> None:
    """Without any, neither GX nor DuckDB is asked."""
    assert (
        audit_dataset([replace(r, scope="row") for r in rules_of(flights)], frame([1]), name=NAME).results
        == ()
    )
