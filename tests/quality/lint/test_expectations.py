"""Expectations and their arguments are those that Great Expectations has on a database."""

from __future__ import annotations

from typing import Any

import polars as pl

from quality.dataset import audit_dataset
from quality.lint.expectations import arguments_of, expectations
from quality.rules import DataRule

ROWS = pl.DataFrame({"day": ["2013-01-01"], "text": ["{}"], "number": [1]})
LEFT_OUT: dict[str, dict[str, Any]] = {
    "expect_column_values_to_be_dateutil_parseable": {"column": "day"},
    "expect_column_values_to_be_decreasing": {"column": "number"},
    "expect_column_values_to_be_increasing": {"column": "number"},
    "expect_column_values_to_be_json_parseable": {"column": "text"},
    "expect_column_values_to_match_json_schema": {"column": "text", "json_schema": {}},
    "expect_column_values_to_match_strftime_format": {"column": "day", "strftime_format": "%Y-%m-%d"},
    "expect_multicolumn_values_to_be_unique": {"column_list": ["day", "text"]},
}


def test_arguments_of_expectations_are_those_that_great_expectations_takes() -> None:
    """They are read from its schemas, to load a domain quickly; here they are held against its classes."""
    from great_expectations.expectations import core
    from great_expectations.expectations.expectation import BatchExpectation

    def fields(of: Any) -> set[str]:
        return set(getattr(of, "__fields__"))  # noqa: B009 (its models are of pydantic 1)

    usual = {*fields(BatchExpectation), "library_metadata"}
    classes = {name.lower(): value for name, value in vars(core).items()}
    assert len(expectations()) > 50
    for kind in expectations():
        known = fields(classes[kind.replace("_", "")])
        assert known - usual == arguments_of(kind), kind


def test_every_expectation_that_is_left_out_fails_on_a_database() -> None:
    """Refused when the contract is read, and not by the first audit: nothing that could be checked is left out."""
    from great_expectations.expectations import core

    offered = {name.lower() for name in vars(core) if name.startswith("Expect")}
    assert offered - {kind.replace("_", "") for kind in expectations()} == {
        k.replace("_", "") for k in LEFT_OUT
    }
    rules = tuple(
        DataRule(
            kind, "expectation", tuple(ROWS.columns), "dataset", {"type": kind, "kwargs": kwargs}, public=True
        )
        for kind, kwargs in LEFT_OUT.items()
    )
    results = audit_dataset(rules, ROWS.lazy(), name="shop.days").results
    assert [result.rule for result in results] == list(LEFT_OUT)
    for result in results:
        assert result.detail.startswith("could not be computed: "), result
