"""Dataset rules run in the real Great Expectations on the real DuckDB, and say what polars says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from quality.contract import Contract
from quality.dataset import audit_dataset, find_duplicates
from quality.rules import Allowance, DataRule, rules_of
from tests.quality.flight_audit import NAME, audit, failing, frame


def test_a_sound_dataset_passes_every_rule(flights: Contract) -> None:
    """One result for each dataset rule, with the number of rows that were checked."""
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


@pytest.mark.parametrize("rows", [[1, 2, 3], [1, 1, 2, 3], [1, 1, 2, 2], [1, 1, 1, 1], []])
def test_great_expectations_and_the_verdict_agree(rows: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A success of GX is a verdict that the allowance lets pass, at the very limit too; polars counts the same."""
    from quality import gx

    successes: list[bool] = []
    validate = gx.Session.validate

    def listening(self: Any, *given: Any) -> Any:
        findings = validate(self, *given)
        successes.extend(f.success for f in findings)
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
    assert successes == [found[r.name].passed for r in rules]
    for rule in rules:
        counted = frame(rows).select(pl.struct(rule.columns).is_duplicated().sum()).collect().item()
        assert found[rule.name].failed == counted


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
