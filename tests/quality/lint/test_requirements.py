"""Rules over the ``quality`` entries of a contract."""

from __future__ import annotations

from typing import Any

import pytest

from quality.lint.requirements import RulesAreComplete, ToleranceCoversItsRules
from tests.quality.lint.broken_contracts import REQUIREMENTS, Rewrite, refused
from tests.quality.lint.drafts import CITY, ID, draft, places

RULES = {"RulesAreComplete", "ToleranceCoversItsRules"}
AT_SCHEMA, AT_CITY = "schema[0].quality[0]", "schema[0].properties[1].quality[0]"


@pytest.mark.parametrize("case", REQUIREMENTS)
def test_a_fault_of_a_rule_is_refused_with_file_place_and_fix(rewrite: Rewrite, case: str) -> None:
    """By a rule of this module."""
    assert RULES & {violation.rule for violation in refused(rewrite, REQUIREMENTS[case])}


def at_schema(**entry: Any) -> list[str]:
    """Places of faults of an entry at the schema object, below the entry."""
    return _below(AT_SCHEMA, places(RulesAreComplete(), draft(ID, CITY, quality=[entry])))


def at_city(**entry: Any) -> list[str]:
    """Places of faults of an entry at the property ``city``, below the entry."""
    return _below(AT_CITY, places(RulesAreComplete(), draft(ID, {**CITY, "quality": [entry]})))


def _below(entry: str, found: list[str]) -> list[str]:
    assert all(place.startswith(entry) for place in found), found
    return [place.removeprefix(entry) for place in found]


def test_an_entry_for_people_is_not_judged() -> None:
    """It has neither metric nor operator."""
    assert at_city(type="text", description="Mostly known.") == []


@pytest.mark.parametrize(
    ("severity", "where"), [("error", []), ("info", []), ("fatal", [".severity"]), ("", [".severity"])]
)
def test_a_severity_is_one_of_three(severity: str, where: list[str]) -> None:
    """Of entries for people too."""
    assert at_city(type="text", severity=severity) == where
    assert at_city(metric="nullValues", mustBe=0, severity=severity) == where


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("SELECT count(*) FROM ${table}", []),
        ("  with x as (select 1) select count(*) from ${object}", []),
        ("", [".query"]),
        ("SELECTED ${table}", [".query"]),
        ("DELETE FROM ${table}", [".query"]),
        ("SELECT 1", [".query"]),
        ("SELECT 1 FROM $table", [".query"]),
        ("SELECT max(${column}) FROM ${table}", [".query"]),
        ("SELECT max(${property}) FROM ${table}", [".query"]),
    ],
)
def test_sql_selects_from_the_product(query: str, where: list[str]) -> None:
    """A column by placeholder is that of a property, so at the schema object there is none."""
    assert at_schema(type="sql", query=query, mustBe=0) == where
    stands = [] if "${column}" in query or "${property}" in query else where
    assert at_city(type="sql", query=query, mustBe=0) == stands


def test_sql_needs_an_operator() -> None:
    """A number alone is no promise."""
    assert at_schema(type="sql", query="SELECT 1 FROM ${table}") == [""]


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ({"metric": "rowCount", "mustBeBetween": [1, 9]}, []),
        ({"metric": "rowCount", "mustNotBe": 0}, [""]),
        ({"metric": "rowCount", "mustNotBeBetween": [1, 9]}, [""]),
        ({"metric": "rowCount", "mustBe": 1, "arguments": {"properties": ["id"]}}, [".arguments.properties"]),
        ({"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["id", "city"]}}, []),
        (
            {"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["id", "town"]}},
            [".arguments.properties"],
        ),
        ({"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": []}}, [""]),
        ({"metric": "duplicateValues", "mustBe": 0}, [""]),
        ({"metric": "nullValues", "mustBe": 0}, [""]),
    ],
)
def test_a_metric_of_the_whole_table(entry: dict[str, Any], where: list[str]) -> None:
    """A count of rows, or duplicates over named columns; metrics of values stand at a property."""
    assert at_schema(**entry) == where


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ({"metric": "nullValues", "mustBe": 0}, []),
        ({"metric": "nullValues", "mustBeLessThan": 5, "unit": "percent"}, []),
        ({"metric": "nullValues", "mustBeLessThan": 5, "unit": "share"}, [".unit"]),
        ({"metric": "nullValues"}, [""]),
        ({"metric": "nullValues", "mustBe": 5}, [".mustBe"]),
        ({"metric": "nullValues", "mustBeGreaterThan": 5}, [""]),
        (
            {"metric": "nullValues", "mustBe": 0, "arguments": {"missingValues": ["NA"]}},
            [".arguments.missingValues"],
        ),
        ({"metric": "", "mustBe": 0}, [".metric"]),
        ({"metric": "nullvalues", "mustBe": 0}, [".metric"]),
        ({"metric": "rowCount", "mustBe": 0}, [""]),
        ({"metric": "duplicateValues", "mustBe": 0}, []),
        ({"metric": "invalidValues", "mustBe": 0}, [""]),
        ({"metric": "invalidValues", "mustBe": 0, "arguments": {"pattern": "(?=x)"}}, [".arguments.pattern"]),
        ({"metric": "invalidValues", "mustBe": 0, "arguments": {"pattern": "^x"}}, []),
        (
            {"metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": ["a", True, 1]}},
            [".arguments.validValues[1]", ".arguments.validValues[2]"],
        ),
    ],
)
def test_a_metric_of_a_property(entry: dict[str, Any], where: list[str]) -> None:
    """Bad values are bounded from above, and valid values are of the column's type."""
    assert at_city(**entry) == where


MEAN = "expect_column_mean_to_be_between"


@pytest.mark.parametrize(
    ("implementation", "where"),
    [
        ({"type": MEAN, "kwargs": {"column": "id", "min_value": 0}}, []),
        (f"{{type: {MEAN}, kwargs: {{column: id, min_value: 0}}}}", []),
        (f"{{type: {MEAN}, kwargs: {{column: town}}}}", [".kwargs.column"]),
        ("{type: [", [""]),
        ("- a list", [""]),
        (None, [""]),
        ({}, [""]),
        ({"kwargs": {}}, [""]),
        ({"type": MEAN, "kwargs": {"column": "id"}, "meta": {}, "args": {}}, [".args", ".meta"]),
        (
            {
                "type": "expect_column_pair_values_to_be_equal",
                "kwargs": {"column_A": "id", "column_B": "town"},
            },
            [".kwargs.column_B"],
        ),
        (
            {
                "type": "expect_compound_columns_to_be_unique",
                "kwargs": {"column_list": ["id", "town", "place"]},
            },
            [".kwargs.column_list"] * 2,
        ),
        ({"type": "expect_column_values_to_not_match_like_pattern", "kwargs": {"column": "city"}}, [".type"]),
        (
            {
                "type": "expect_column_values_to_be_in_set",
                "kwargs": {"column": "city", "value_set": ["no", False]},
            },
            [".kwargs.value_set[1]"],
        ),
        ({"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "id", "value_set": [1, 2]}}, []),
    ],
)
def test_an_expectation_exists_and_names_columns(implementation: object, where: list[str]) -> None:
    """Written as a mapping or as text."""
    found = at_schema(type="custom", engine="greatExpectations", implementation=implementation)
    assert found == [f".implementation{end}" for end in where]


@pytest.mark.parametrize("engine", [None, "soda", "greatexpectations"])
def test_no_other_engine_is_run(engine: str | None) -> None:
    """Its implementation is then not judged."""
    assert at_schema(type="custom", engine=engine, implementation={"type": "x"}) == [".engine"]


INVALID = {"metric": "invalidValues", "unit": "percent"}


@pytest.mark.parametrize(
    ("entry", "tolerance", "covered"),
    [
        ({**INVALID, "mustBeLessOrEqualTo": 5}, 5, True),
        ({**INVALID, "mustBeLessOrEqualTo": 5.1}, 5, False),
        ({**INVALID, "mustBeLessThan": 0.1}, None, False),
        ({**INVALID, "mustBe": 0}, None, True),
        ({**INVALID, "mustBeLessThan": 50, "severity": "warning"}, 5, True),
        ({**INVALID, "mustBeLessThan": 50, "unit": "rows"}, 5, True),
        ({**INVALID, "metric": "nullValues", "mustBeLessThan": 50}, 5, True),
    ],
)
def test_the_tolerance_covers_what_a_rule_lets_go_to_quarantine(
    entry: dict[str, Any], tolerance: float | None, covered: bool
) -> None:
    """Warnings and shares of nulls quarantine nothing; without a tolerance none is allowed."""
    custom = [] if tolerance is None else [{"property": "tolerance", "value": tolerance}]
    found = draft(ID, {**CITY, "quality": [entry]}, customProperties=custom)
    assert places(ToleranceCoversItsRules(), found) == ([] if covered else [AT_CITY])
