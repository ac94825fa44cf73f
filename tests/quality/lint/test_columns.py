"""Rules over the schema object and its columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from quality.contract import load_contract
from quality.lint.columns import BoundsFitTheType, Described, Keyed, Named, OneSchemaObject, TypesAreStored
from quality.lint.draft import Draft
from tests.quality.lint.broken_contracts import COLUMNS, Rewrite, refused
from tests.quality.lint.drafts import CITY, ID, draft, places

RULES = {"OneSchemaObject", "Named", "TypesAreStored", "BoundsFitTheType", "Described", "Keyed"}


@pytest.mark.parametrize("case", COLUMNS)
def test_a_fault_of_a_column_is_refused_with_file_place_and_fix(rewrite: Rewrite, case: str) -> None:
    """By a rule of this module."""
    assert RULES & {violation.rule for violation in refused(rewrite, COLUMNS[case])}


def test_a_source_needs_no_key(rewrite: Rewrite) -> None:
    """Rows that land from outside may have none."""
    assert load_contract(rewrite(COLUMNS["no key"][0]), stage="source").key == ()


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({}, "schema"),
        ({"schema": []}, "schema"),
        ({"schema": [{"name": "a"}, {"name": "b"}]}, "schema"),
        ({"schema": [{"name": "a"}]}, "schema[0].properties"),
        ({"schema": [{"name": "a", "properties": []}]}, "schema[0].properties"),
    ],
)
def test_a_contract_describes_one_object_with_columns(document: Mapping[str, Any], where: str) -> None:
    """None and two are refused, and one without any column."""
    assert places(OneSchemaObject(), Draft(document, Path("orders.odcs.yaml"))) == [where]


@pytest.mark.parametrize(
    "name", ["", "Orders", "1st", "_orders", "my-orders", "order s", "größe", "orders\n"]
)
def test_names_of_domains_and_assets_are_plain(name: str) -> None:
    """They become folders, assets and paths: no capital, blank, umlaut, sign or end of line."""
    found = draft(ID, domain=name)
    found.document["schema"][0]["name"] = name
    assert places(Named(), found) == ["domain", "schema[0].name"]


@pytest.mark.parametrize("name", ["", "1st", "_id", "order id", "größe", "id\n", 'x"y'])
def test_names_of_columns_are_plain(name: str) -> None:
    """They become columns of SQL and names of checks; capitals are allowed."""
    assert places(Named(), draft({"name": name})) == ["schema[0].properties[0].name"]
    assert places(Named(), draft({"name": "Order_Id2"}, domain="shop_2")) == []


def test_each_repeated_column_is_named() -> None:
    """The first stays; one that differs in case alone is refused as well."""
    found = list(Named().check(draft({"name": "a"}, {"name": "a"}, {"name": "A"}, {"name": "b"})))
    assert [violation.where[-18:] for violation in found] == ["properties[1].name", "properties[2].name"]
    assert ["twice" in violation.problem for violation in found] == [True, False]


@pytest.mark.parametrize(
    ("column", "where"),
    [
        ({}, ["logicalType"]),
        ({"logicalType": "array"}, ["logicalType"]),
        ({"logicalType": "integer", "physicalType": "VARCHAR"}, ["physicalType"]),
        ({"logicalType": "string", "physicalType": ""}, ["physicalType"]),
        ({"logicalType": "integer", "physicalType": "int"}, []),
        ({"logicalType": "string", "physicalType": "varchar (20)"}, []),
        ({"logicalType": "number"}, []),
    ],
)
def test_a_column_has_a_type_of_the_lake(column: dict[str, Any], where: list[str]) -> None:
    """The field at fault is named; case and length of a physical type do not matter."""
    found = places(TypesAreStored(), draft({"name": "x", **column}))
    assert found == [f"schema[0].properties[0].{field}" for field in where]


@pytest.mark.parametrize(
    ("logical", "option", "value", "fits"),
    [
        ("date", "format", "dd/MM/yyyy", True),
        ("date", "format", "QQ yyyy", False),
        ("date", "format", None, False),
        ("date", "minimum", "2013-02-30", False),
        ("date", "exclusiveMaximum", "2012-02-29", True),
        ("timestamp", "maximum", "2013-01-01T00:00:00Z", True),
        ("timestamp", "defaultTimezone", "Europe/Rome", True),
        ("timestamp", "defaultTimezone", "Mars/Base", False),
        ("timestamp", "defaultTimezone", "America", False),
        ("timestamp", "defaultTimezone", "../etc", False),
        ("timestamp", "defaultTimezone", 1, False),
        ("integer", "format", "i16", True),
        ("integer", "format", "u8", False),
        ("boolean", "pattern", "x", False),
        ("string", "pattern", "^[A-Z]+$", True),
        ("string", "pattern", "(?=x)", False),
        ("string", "pattern", 5, False),
    ],
)
def test_options_fit_the_type(logical: str, option: str, value: object, fits: bool) -> None:
    """Patterns, bounds and zones can be used; the name of a zone's folder is no zone."""
    column = {"name": "x", "logicalType": logical, "logicalTypeOptions": {option: value}}
    where = [] if fits else [f"schema[0].properties[0].logicalTypeOptions.{option}"]
    assert places(BoundsFitTheType(), draft(column)) == where


@pytest.mark.parametrize(
    ("logical", "value", "fits"),
    [
        ("string", "yes", True),
        ("string", True, False),
        ("string", None, False),
        ("integer", 1, True),
        ("integer", True, False),
        ("integer", 1.0, False),
        ("number", 1, True),
        ("date", "2013-02-30", False),
        ("timestamp", "2013-01-01T00:00:00", True),
    ],
)
def test_listed_values_are_of_the_type(logical: str, value: object, fits: bool) -> None:
    """YAML's yes is no text, and true no number."""
    column = {"name": "x", "logicalType": logical, "enum": [{"value": value}]}
    assert places(BoundsFitTheType(), draft(column)) == (
        [] if fits else ["schema[0].properties[0].enum[0].value"]
    )


@pytest.mark.parametrize(("text", "missing"), [(None, True), ("", True), (" \n", True), ("Its id.", False)])
def test_a_description_has_words(text: str | None, missing: bool) -> None:
    """Blanks describe nothing."""
    assert bool(places(Described(), draft({"name": "x", "description": text}))) == missing


@pytest.mark.parametrize(
    ("positions", "sound"),
    [
        ((None,), True),
        ((1, 2), True),
        ((2, 1), True),
        ((1, 1), False),
        ((None, None), False),
        ((1, None, None), False),
    ],
)
def test_positions_of_a_key_are_distinct(positions: tuple[int | None, ...], sound: bool) -> None:
    """A key of one column needs none."""
    keyed = [
        {"name": f"k{n}", "primaryKey": True, **({} if at is None else {"primaryKeyPosition": at})}
        for n, at in enumerate(positions)
    ]
    where = [] if sound else [f"schema[0].properties[{len(keyed)}].primaryKeyPosition"]
    assert places(Keyed(), draft(CITY, *keyed)) == where
