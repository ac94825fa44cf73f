"""Contracts with one fault each: the change that makes it, its place in the file, and a word of the fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mesh_pipelines.errors import ContractError, Violation
from quality.contract import load_contract

Document = dict[str, Any]
Change = Callable[[Document], object]
Rewrite = Callable[[Change], Path]
Cases = dict[str, tuple[Change, str, str]]


def columns(document: Document) -> dict[str, Document]:
    """The properties of the contract by name, to change them in place."""
    return {p["name"]: p for p in document["schema"][0]["properties"]}


def first(document: Document) -> Document:
    """The first property."""
    return document["schema"][0]["properties"][0]


def quality(document: Document) -> Document:
    """The first rule of the passenger."""
    return columns(document)["passenger"]["quality"][0]


STANDARD: Cases = {
    "typo at the top": (lambda d: d.update(descripton={}), "descripton", "description"),
    "typo in the description": (
        lambda d: d["description"].update(purpsoe="x"),
        "description.purpsoe",
        "purpose",
    ),
    "typo in a property": (
        lambda d: first(d).update(requird=True),
        "schema[0].properties[0].requird",
        "required",
    ),
    "typo in type options": (
        lambda d: first(d)["logicalTypeOptions"].update(patern="x"),
        "schema[0].properties[0].logicalTypeOptions.patern",
        "pattern",
    ),
    "typo in a rule": (
        lambda d: quality(d).update(argumnts={}),
        "properties[7].quality[0].argumnts",
        "arguments",
    ),
    "typo in the team": (lambda d: d["team"]["members"][0].update(rol="x"), "team.members[0].rol", "role"),
    "typo in a server": (lambda d: d["servers"][0].update(pth="x"), "servers[0].pth", ""),
    "a column by a name that is no text": (
        lambda d: columns(d)["carrier"].update(name=False),
        "properties[1].name",
        "YAML reads no and off as false",
    ),
}
"""Breaks of the standard's own schema."""

COLUMNS: Cases = {
    "unknown type": (lambda d: first(d).update(logicalType="text"), "properties[0].logicalType", "string"),
    "a type that is not stored": (
        lambda d: first(d).update(logicalType="array"),
        "properties[0].logicalType",
        "string",
    ),
    "a physical type that does not fit": (
        lambda d: columns(d)["delay"].update(physicalType="VARCHAR"),
        "properties[5].physicalType",
        "DOUBLE",
    ),
    "no description": (lambda d: first(d).pop("description"), "properties[0].description", "unit"),
    "no key": (
        lambda d: [p.pop("primaryKey", None) for p in columns(d).values()],
        "properties",
        "primaryKey",
    ),
    "two schema objects": (lambda d: d["schema"].append({"name": "other"}), "schema", "one"),
    "a column twice": (
        lambda d: d["schema"][0]["properties"].append(dict(first(d))),
        "properties[8].name",
        "remove",
    ),
    "a bound of another type": (
        lambda d: columns(d)["scheduled_at"]["logicalTypeOptions"].update(minimum="soon"),
        "logicalTypeOptions.minimum",
        "timestamp",
    ),
    "a column's zone that is a folder of zones": (
        lambda d: columns(d)["scheduled_at"]["logicalTypeOptions"].update(defaultTimezone="America"),
        "logicalTypeOptions.defaultTimezone",
        "timestamp",
    ),
    "a pattern of a boolean": (
        lambda d: columns(d)["cancelled"].update(logicalTypeOptions={"pattern": "x"}),
        "properties[6].logicalTypeOptions.pattern",
        "boolean",
    ),
    "a pattern that is none": (
        lambda d: first(d)["logicalTypeOptions"].update(pattern="("),
        "logicalTypeOptions.pattern",
        "",
    ),
    "a listed value of another type": (
        lambda d: columns(d)["carrier"]["enum"].append({"value": False}),
        "properties[1].enum[3].value",
        "quote",
    ),
    "columns that differ in case alone": (
        lambda d: columns(d)["carrier"].update(name=first(d)["name"].upper()),
        "properties[1].name",
        "rename",
    ),
    "a column with a blank, a quote and an umlaut": (
        lambda d: columns(d)["carrier"].update(name='größe "x" %:'),
        "properties[1].name",
        "letters, digits and underscores",
    ),
}
"""Faults of the schema object and its columns."""

GOVERNANCE: Cases = {
    "no team": (lambda d: d.pop("team"), "team.name", "team"),
    "no owner": (lambda d: d["team"].update(members=[]), "team.members", "username"),
    "an owner without mail": (
        lambda d: d["team"]["members"][0].update(username="me"),
        "team.members[0].username",
        "mail",
    ),
    "no classification": (lambda d: first(d).pop("classification"), "properties[0].classification", "public"),
    "unknown classification": (
        lambda d: first(d).update(classification="secret"),
        "properties[0].classification",
        "restricted",
    ),
    "no server": (lambda d: d.pop("servers"), "servers", "delta"),
    "a role without a purpose": (lambda d: d["roles"][0]["customProperties"].pop(0), "roles[0]", "purpose"),
}
"""Faults of responsibility and access."""

PROMISES: Cases = {
    "typo in our own property": (
        lambda d: d["customProperties"][0].update(property="tolerence"),
        "customProperties[0].property",
        "tolerance",
    ),
    "a service level nobody knows": (
        lambda d: d["slaProperties"][0].update(property="freshnes"),
        "slaProperties[0].property",
        "freshness",
    ),
    "a unit nobody knows": (
        lambda d: d["slaProperties"][0].update(unit="fortnight"),
        "slaProperties[0]",
        "unit: d",
    ),
    "a length of time beyond the calendar": (
        lambda d: d["slaProperties"][0].update(value=10**12, unit="y"),
        "slaProperties[0]",
        "unit: d",
    ),
    "a schedule at hour 25": (
        lambda d: d["slaProperties"][3].update(schedule="0 25 * * *"),
        "slaProperties[3].schedule",
        "0 6 * * *",
    ),
    "a schedule for days that never come": (
        lambda d: d["slaProperties"][3].update(schedule="0 6 31 2 *"),
        "slaProperties[3].schedule",
        "0 6 * * *",
    ),
    "a folder of time zones": (
        lambda d: d["slaProperties"][3]["customProperties"][0].update(value="America"),
        "slaProperties[3].customProperties[0].value",
        "IANA",
    ),
    "a bad time zone": (
        lambda d: d["slaProperties"][3]["customProperties"][0].update(value="New York"),
        "slaProperties[3].customProperties[0].value",
        "IANA",
    ),
    "a tolerance that is no percentage": (
        lambda d: d["customProperties"][0].update(value="1%"),
        "customProperties[0].value",
        "percent",
    ),
    "half a partitioning": (
        lambda d: first(d).pop("partitioned"),
        "customProperties[2].value",
        "partitioned: true",
    ),
    "a partition start that is no month": (
        lambda d: d["customProperties"][2]["value"].update(since="2013"),
        "customProperties[2].value.since",
        "2013-01",
    ),
    "a partition start that is on no calendar": (
        lambda d: d["customProperties"][2]["value"].update(since="2013-13"),
        "customProperties[2].value.since",
        "2013-01",
    ),
    "a last partition that is no month": (
        lambda d: d["customProperties"][2]["value"].update(until="2013"),
        "customProperties[2].value.until",
        "2013-01",
    ),
    "a last partition before the first": (
        lambda d: d["customProperties"][2]["value"].update(until="2012-12"),
        "customProperties[2].value.until",
        "or a later one",
    ),
}
"""Faults of service levels, partitions and the mesh's own properties."""

REQUIREMENTS: Cases = {
    "typo in an argument": (
        lambda d: quality(d).update(arguments={"patern": "x"}),
        "properties[7].quality[0].arguments.patern",
        "pattern",
    ),
    "an unknown metric": (lambda d: quality(d).update(metric="nullValue"), "quality[0].metric", ""),
    "no operator": (lambda d: quality(d).pop("mustBe"), "quality[0]", "mustBe: 0"),
    "no upper limit": (
        lambda d: quality(d).update(mustBeGreaterThan=quality(d).pop("mustBe")),
        "quality[0]",
        "mustBeLessThan",
    ),
    "another engine": (
        lambda d: columns(d)["delay"]["quality"][1].update(engine="soda"),
        "properties[5].quality[1].engine",
        "greatExpectations",
    ),
    "an expectation that does not exist": (
        lambda d: columns(d)["delay"]["quality"][1]["implementation"].update(type="expect_joy"),
        "implementation.type",
        "",
    ),
    "an expectation that DuckDB lacks": (
        lambda d: columns(d)["delay"]["quality"][1]["implementation"].update(
            type="expect_column_values_to_match_regex"
        ),
        "implementation.type",
        "pattern",
    ),
    "an argument that the expectation has not": (
        lambda d: columns(d)["delay"]["quality"][1]["implementation"]["kwargs"].update(min_valeu=0),
        "implementation.kwargs.min_valeu",
        "min_value",
    ),
    "an unknown field of an implementation": (
        lambda d: columns(d)["delay"]["quality"][1]["implementation"].update(args={}),
        "implementation.args",
        "kwargs",
    ),
    "an expectation about no column": (
        lambda d: columns(d)["delay"]["quality"][1]["implementation"]["kwargs"].update(column="dely"),
        "implementation.kwargs.column",
        "delay",
    ),
    "a valid value that is no text": (
        lambda d: columns(d)["carrier"].update(
            quality=[{"metric": "invalidValues", "arguments": {"validValues": ["AA", True]}, "mustBe": 0}]
        ),
        "properties[1].quality[0].arguments.validValues[1]",
        "yes and on as true",
    ),
    "a word for missing values that is no text": (
        lambda d: columns(d)["carrier"].update(
            quality=[{"metric": "missingValues", "arguments": {"missingValues": [False]}, "mustBe": 0}]
        ),
        "properties[1].quality[0].arguments.missingValues[0]",
        "in quotes",
    ),
    "an expected value that is no text": (
        lambda d: d["schema"][0]["quality"].append(
            {
                "type": "custom",
                "engine": "greatExpectations",
                "implementation": {
                    "type": "expect_column_values_to_be_in_set",
                    "kwargs": {"column": "carrier", "value_set": ["AA", False]},
                },
            }
        ),
        "implementation.kwargs.value_set[1]",
        "in quotes",
    ),
    "a rule laxer than the contract": (
        lambda d: (quality(d).pop("mustBe"), quality(d).update(mustBeLessThan=50, unit="percent")),
        "properties[7].quality[0]",
        "tolerance",
    ),
    "sql about nothing": (
        lambda d: d["schema"][0]["quality"][1].update(query="SELECT 0"),
        "schema[0].quality[1].query",
        "${table}",
    ),
}
"""Faults of `quality` entries."""

NOTHING_KEEPS: Cases = {
    "a service level twice": (
        lambda d: d["slaProperties"].append({"property": "freshness", "value": 1, "unit": "d"}),
        "slaProperties[4].property",
        "keep the one that holds",
    ),
    "a custom property twice": (
        lambda d: d["customProperties"].append({"property": "tolerance", "value": "x"}),
        "customProperties[3].property",
        "keep the one that holds",
    ),
    "a service level longer than any time": (
        lambda d: d["slaProperties"][0].update(value="inf"),
        "slaProperties[0]",
        "unit: d",
    ),
    "a time zone of one machine": (
        lambda d: d["slaProperties"][3]["customProperties"][0].update(value="localtime"),
        "slaProperties[3].customProperties[0].value",
        "IANA",
    ),
    "a schedule that never comes": (
        lambda d: d["slaProperties"][3].update(schedule="0 6 30 2 *"),
        "slaProperties[3].schedule",
        "five fields",
    ),
    "arguments of an expectation that are a list": (
        lambda d: columns(d)["delay"]["quality"][1]["implementation"].update(kwargs=["delay"]),
        "implementation.kwargs",
        "{name: value}",
    ),
    "bounds that no value keeps": (
        lambda d: columns(d)["delay"]["logicalTypeOptions"].update(minimum=5000),
        "properties[5].logicalTypeOptions.minimum",
        "smaller one",
    ),
    "a promise that nothing keeps": (
        lambda d: d["schema"][0]["quality"][0].update(mustBeGreaterThan=2.5),
        "schema[0].quality[0].mustBeGreaterThan",
        "whole number",
    ),
    "a pattern of a number": (
        lambda d: columns(d)["flight"].update(
            quality=[{"metric": "invalidValues", "arguments": {"pattern": "1"}, "mustBe": 0}]
        ),
        "properties[2].quality[0].arguments.pattern",
        "take it out",
    ),
    "a service level of no column": (
        lambda d: d["slaProperties"][0].update(element="flights.dya"),
        "slaProperties[0].element",
        "columns: month",
    ),
}
"""Promises and bounds that nothing keeps, or that are written twice."""

BROKEN: Cases = {**STANDARD, **COLUMNS, **GOVERNANCE, **PROMISES, **REQUIREMENTS, **NOTHING_KEEPS}


def refused(rewrite: Rewrite, case: tuple[Change, str, str]) -> list[Violation]:
    """Violations at the place of the fault; the error names the file, the JSON path and the fix."""
    change, place, fix = case
    path = rewrite(change)
    with pytest.raises(ContractError) as error:
        load_contract(path)
    found = [v for v in error.value.violations if v.where.startswith(f"{path}: ") and place in v.where]
    assert found, str(error.value)
    assert any(fix in v.fix for v in found), str(error.value)
    return found
