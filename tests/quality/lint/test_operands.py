"""Rules are compared with what something can keep, and given values that fit their column."""

from __future__ import annotations

from typing import Any

import pytest

from quality.contract import load_contract
from tests.quality.lint.contract_changes import Rewrite, refusal, rule

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")
NAN = float("nan")


def gx(kind: str, **kwargs: Any) -> dict[str, Any]:
    """A rule by an expectation."""
    return {
        "type": "custom",
        "engine": "greatExpectations",
        "implementation": {"type": kind, "kwargs": kwargs},
    }


BROKEN: dict[str, tuple[str, dict[str, Any], str]] = {
    "half a row": ("", {"metric": "rowCount", "mustBe": 2.5}, "a number of rows is not `2.5`"),
    "a number of rows in words": ("", {"metric": "rowCount", "mustBe": "five"}, "no number to compare with"),
    "fewer rows than none": (
        "",
        {"metric": "rowCount", "mustBeLessThan": 0},
        "no number of rows keeps `mustBeLessThan: 0`",
    ),
    "a count that is true": ("", {"metric": "rowCount", "mustBe": True}, "no number to compare with"),
    "the greater bound first": (
        "",
        {"metric": "rowCount", "mustBeBetween": [9, 1]},
        "nothing is between 9 and 1",
    ),
    "no number": ("", {"metric": "rowCount", "mustBeLessThan": NAN}, "nothing can be compared with"),
    "a row count in percent": (
        "",
        {"metric": "rowCount", "mustBeLessThan": 5, "unit": "percent"},
        "no share of rows",
    ),
    "more than all": (
        "delay",
        {"metric": "nullValues", "mustBeLessThan": 150, "unit": "percent"},
        "0 to 100",
    ),
    "fewer than no bad values": (
        "delay",
        {"metric": "nullValues", "mustBeLessOrEqualTo": -1},
        "write 0 or more",
    ),
    "SQL and a list": (
        "",
        {"type": "sql", "query": "SELECT 1 FROM ${table}", "mustBe": [1, 2]},
        "no number to compare",
    ),
    "SQL and nothing": (
        "",
        {"type": "sql", "query": "SELECT 1 FROM ${table}", "mustBe": None},
        "no number to compare",
    ),
    "SQL and infinity": (
        "",
        {"type": "sql", "query": "SELECT 1 FROM ${table}", "mustBeLessThan": float("inf")},
        "a finite number",
    ),
    "SQL between": (
        "",
        {"type": "sql", "query": "SELECT 1 FROM ${table}", "mustBeBetween": [3, 2]},
        "smaller number first",
    ),
    "GX: bounds the wrong way round": (
        "",
        gx("expect_column_mean_to_be_between", column="delay", min_value=5, max_value=1),
        "the smaller one as min_value",
    ),
    "GX: a share above 1": (
        "",
        gx("expect_column_proportion_of_unique_values_to_be_between", column="delay", max_value=5),
        "from 0 to 1",
    ),
    "GX: mostly above 1": (
        "",
        gx("expect_column_values_to_not_be_null", column="delay", mostly=95),
        "mostly `95`",
    ),
    "GX: mostly in words": (
        "",
        gx("expect_column_values_to_not_be_null", column="delay", mostly="all"),
        "no share",
    ),
    "values of another type": (
        "flight",
        {"metric": "invalidValues", "arguments": {"validValues": ["a"]}, "mustBe": 0},
        "`a` is not a integer",
    ),
    "a day on no calendar": (
        "day",
        {"metric": "invalidValues", "arguments": {"validValues": ["2013-02-30"]}, "mustBe": 0},
        "is not a date",
    ),
    "no values": (
        "flight",
        {"metric": "invalidValues", "arguments": {"validValues": []}, "mustBe": 0},
        "one value at least",
    ),
    "values as a text": (
        "passenger",
        {"metric": "invalidValues", "arguments": {"validValues": "AA"}, "mustBe": 0},
        "no list of values",
    ),
    "a pattern of a number": (
        "flight",
        {"metric": "invalidValues", "arguments": {"pattern": "^1"}, "mustBe": 0},
        "flight is a integer",
    ),
    "a length of a number": (
        "flight",
        {"metric": "invalidValues", "arguments": {"maxLength": 4}, "mustBe": 0},
        "`maxLength` is for text",
    ),
    "a length in words": (
        "passenger",
        {"metric": "invalidValues", "arguments": {"minLength": "two"}, "mustBe": 0},
        "`two` is no length",
    ),
    "lengths the wrong way round": (
        "passenger",
        {"metric": "invalidValues", "arguments": {"minLength": 5, "maxLength": 2}, "mustBe": 0},
        "no text is at least 5 and at most 2 long",
    ),
    "missing values as a text": (
        "passenger",
        {"metric": "missingValues", "arguments": {"missingValues": "NA"}, "mustBe": 0},
        "no list of values",
    ),
    "duplicates of no column": (
        "flight",
        {"metric": "duplicateValues", "arguments": {"properties": ["fligth"]}, "mustBe": 0},
        "no column `fligth`",
    ),
    "duplicates of a text": (
        "flight",
        {"metric": "duplicateValues", "arguments": {"properties": "flight"}, "mustBe": 0},
        "no list of values",
    ),
    "GX: no such type": (
        "",
        gx("expect_column_values_to_be_of_type", column="flight", type_="FOO"),
        "the column's logicalType promises its type",
    ),
    "GX: no such types": (
        "",
        gx("expect_column_values_to_be_in_type_list", column="flight", type_list=["FOO"]),
        "cannot be computed on DuckDB",
    ),
    "GX: quantiles without ranges": (
        "",
        gx(
            "expect_column_quantile_values_to_be_between",
            column="delay",
            quantile_ranges={"quantiles": [0.5]},
        ),
        "a mapping of quantiles and value_ranges",
    ),
    "GX: more quantiles than ranges": (
        "",
        gx(
            "expect_column_quantile_values_to_be_between",
            column="delay",
            quantile_ranges={"quantiles": [0.1, 0.5], "value_ranges": [[0, 1]]},
        ),
        "each quantile has one range",
    ),
    "GX: quantiles in percent": (
        "",
        gx(
            "expect_column_quantile_values_to_be_between",
            column="delay",
            quantile_ranges={"quantiles": [50], "value_ranges": [[0, 1]]},
        ),
        "quantiles are numbers from 0 to 1",
    ),
    "GX: a quantile between nothing": (
        "",
        gx(
            "expect_column_quantile_values_to_be_between",
            column="delay",
            quantile_ranges={"quantiles": [0.5], "value_ranges": [[2, 1]]},
        ),
        "nothing is between 2 and 1",
    ),
    "GX: columns of the table": (
        "",
        gx("expect_table_column_count_to_equal", value=8),
        "the contract's properties promise the columns",
    ),
    "GX: another table": (
        "",
        gx("expect_table_row_count_to_equal_other_table", other_table_name="x"),
        "an audit has no others",
    ),
}
SOUND: dict[str, tuple[str, dict[str, Any]]] = {
    "rows as a float": ("", {"metric": "rowCount", "mustBe": 2.0}),
    "SQL and a text": ("", {"type": "sql", "query": "SELECT max(day) FROM ${table}", "mustBeGreaterThan": 3}),
    "SQL and a day": (
        "",
        {"type": "sql", "query": "SELECT max(day) FROM ${table}", "mustNotBe": "2013-01-01"},
    ),
    "GX: days": (
        "",
        gx("expect_column_min_to_be_between", column="day", min_value="2013-01-01", max_value="2012-01-01"),
    ),
    "dates": ("day", {"metric": "invalidValues", "arguments": {"validValues": ["2013-02-28"]}, "mustBe": 0}),
    "marks of another type": (
        "flight",
        {"metric": "missingValues", "arguments": {"missingValues": ["NA", -9]}, "mustBe": 0},
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_nothing_keeps_is_refused_once_with_its_fix(rewrite: Rewrite, case: str) -> None:
    """When the contract is read, and not by the first audit."""
    where, entry, words = BROKEN[case]
    assert words in refusal(rewrite, rule(where, **entry))


@pytest.mark.parametrize("case", SOUND)
def test_what_something_may_keep_is_let_be(rewrite: Rewrite, case: str) -> None:
    """The trial of rules, which has the engines, says more."""
    where, entry = SOUND[case]
    assert load_contract(rewrite(rule(where, **entry))).name == "flights"
