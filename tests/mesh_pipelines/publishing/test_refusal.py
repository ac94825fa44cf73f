"""The error of a refused candidate leads to the files and rows at fault."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from mesh_pipelines.landing.landed import NOTHING_OF_IT
from mesh_pipelines.publishing.refusal import Place, Places, refusal_error
from quality.contract import Contract
from quality.outcome import RULES, Outcome, RuleResult
from tests.mesh_pipelines.small_domains import promise, read_promise


def bad(file: list[str | None], row: list[int | None], rules: list[list[str]]) -> pl.DataFrame:
    """Refused rows with their places."""
    types = {"_file": pl.String, "_row": pl.Int64, RULES: pl.List(pl.String)}
    return pl.DataFrame({"_file": file, "_row": row, RULES: rules}, types)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place(1, 7, ("id_present",)), "1 row is refused, the first is row 7 (id_present)"),
        (Place(1200, 1001, ("a", "b")), "1,200 rows are refused, the first is row 1,001 (a, b)"),
        (Place(2, 1, tuple("abcdef")), "2 rows are refused, the first is row 1 (a, b, c, d, e, ...)"),
        (Place(2, 1, ()), "2 rows are refused, the first is row 1 ()"),
    ],
)
def test_a_place_is_said_in_words(place: Place, words: str) -> None:
    """One row and many, few rules and many."""
    assert str(place) == words


def test_files_add_up_over_batches() -> None:
    """Number of rows, the first of them, and each rule once, in the order in which they were met."""
    places = Places()
    places.add(bad(["a.csv", "b.csv", "a.csv"], [3, 9, 5], [["late"], ["dear", "late"], ["late", "odd"]]))
    places.add(bad([], [], []))
    places.add(bad(["a.csv"], [70], [["dear"]]))
    assert places.lines() == [
        "a.csv: 3 rows are refused, the first is row 3 (late, odd, dear)",
        "b.csv: 1 row is refused, the first is row 9 (dear, late)",
    ]


def test_rows_without_a_place_are_in_no_file() -> None:
    """A transformation may have dropped the columns, or one of them; or made rows of its own."""
    places = Places()
    places.add(pl.DataFrame({"id": ["1"], RULES: [["late"]]}))
    places.add(pl.DataFrame({"_file": ["a.csv"], RULES: [["late"]]}))
    places.add(bad([None, "a.csv"], [1, None], [["late"], ["late"]]))
    assert places.lines() == []


def test_a_row_without_a_rule_is_counted() -> None:
    """Rows can be refused by what no rule about single rows sees."""
    places = Places()
    places.add(bad(["a.csv"], [1], [[]]))
    assert places.lines() == ["a.csv: 1 row is refused, the first is row 1 ()"]


def test_of_many_files_the_first_are_listed() -> None:
    """And the others counted."""
    places = Places()
    names = [f"{number}.csv" for number in range(7)]
    places.add(bad(list(names), [1] * 7, [["late"]] * 7))
    assert [line.split(":")[0] for line in places.lines()] == [*names[:5], "and rows of 2 more files"]


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    """The contract of shop.orders."""
    return read_promise(tmp_path, promise("shop", "orders", {"id": "integer"}))


def test_the_error_has_every_reason_but_the_tolerance(contract: Contract) -> None:
    """Its number of refused rows stands in the first reason already; the whole audit comes with the error."""
    results = (
        RuleResult("within_tolerance", False, "error", 4, 3, detail="3 of 4 rows are quarantined"),
        RuleResult("has_rows", False, "error", 4, 1, detail="too few"),
    )
    outcome = Outcome("shop.orders", "1.0.0", 4, 3, 0.0, results)
    places = Places()
    places.add(bad(["a.csv"], [2], [["late"]]))
    error = refusal_error("shop.orders", contract, outcome, places)
    lines = error.what.splitlines()
    assert lines[0] == f"the candidate breaks its contract, so {NOTHING_OF_IT}:"
    assert lines[-1] == "  - a.csv: 1 row is refused, the first is row 2 (late)"
    assert not any("within_tolerance: " in line for line in lines)
    assert any("has_rows" in line for line in lines)
    assert "land corrected data" in error.remedy
    assert (error.where, error.outcome) == ("shop.orders", outcome)


def test_rows_beyond_the_tolerance_alone_are_a_fault_of_the_data(contract: Contract) -> None:
    """No rule is at fault, though the tolerance is the only reason."""
    results = (RuleResult("within_tolerance", False, "error", 4, 3, detail="3 of 4 rows are quarantined"),)
    error = refusal_error(
        "shop.orders", contract, Outcome("shop.orders", "1.0.0", 4, 3, 0.0, results), Places()
    )
    assert error.what.startswith("the candidate breaks its contract")
    assert "mend the rule" not in error.remedy


@pytest.mark.parametrize("also", [False, True])
def test_a_rule_that_cannot_be_computed_is_to_be_mended(contract: Contract, also: bool) -> None:
    """No data would help; where rows broke other rules, both remedies are given."""
    results = [RuleResult("mean", False, "error", 4, 0, detail="no mean of text", computed=False)]
    if also:
        results.append(RuleResult("has_rows", False, "error", 4, 1, detail="too few"))
    outcome = Outcome("shop.orders", "1.0.0", 4, 0, 0.0, tuple(results))
    error = refusal_error("shop.orders", contract, outcome, Places())
    assert "mend the rule mean in contracts/orders.odcs.yaml" in error.remedy
    assert ("land corrected data" in error.remedy) is also
