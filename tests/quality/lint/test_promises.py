"""Rules over service levels, partitions and the custom properties that the mesh reads."""

from __future__ import annotations

from typing import Any

import pytest

from quality.lint.promises import OurPropertiesAreTyped, Partitioned, PromisesInTime
from tests.quality.lint.broken_contracts import PROMISES, Rewrite, refused
from tests.quality.lint.drafts import CITY, ID, draft, places

RULES = {"PromisesInTime", "OurPropertiesAreTyped", "Partitioned"}
MONTH = {"name": "month", "logicalType": "string", "partitioned": True}


@pytest.mark.parametrize("case", PROMISES)
def test_a_fault_of_a_promise_is_refused_with_file_place_and_fix(rewrite: Rewrite, case: str) -> None:
    """By a rule of this module."""
    assert RULES & {violation.rule for violation in refused(rewrite, PROMISES[case])}


@pytest.mark.parametrize(
    ("level", "sound"),
    [
        ({"property": "freshness", "value": 0, "unit": "d"}, True),
        ({"property": "retention", "value": "1.5", "unit": "years"}, True),
        ({"property": "availability", "value": "most of the time"}, True),
        ({"property": "freshness", "value": 1}, False),
        ({"property": "freshness", "value": -1, "unit": "d"}, False),
        ({"property": "freshness", "value": True, "unit": "d"}, False),
        ({"property": "freshness", "value": "soon", "unit": "d"}, False),
        ({"property": "freshness", "value": "nan", "unit": "d"}, False),
        ({"property": "freshness", "value": "inf", "unit": "d"}, False),
        ({"property": "retention", "value": 10**9, "unit": "y"}, False),
        ({"property": "retention", "value": 10**400, "unit": "y"}, False),
    ],
)
def test_a_length_of_time_is_a_number_and_a_unit(level: dict[str, Any], sound: bool) -> None:
    """One that no calendar holds is none."""
    assert places(PromisesInTime(), draft(ID, slaProperties=[level])) == (
        [] if sound else ["slaProperties[0]"]
    )


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"schedule": "0 6 * * *"}, []),
        ({"schedule": "0 6 * *"}, ["schedule"]),
        ({"schedule": "@daily"}, ["schedule"]),
        ({"schedule": "0 6 * * *", "scheduler": "quartz"}, ["schedule"]),
        ({"schedule": "0 25 * * *"}, ["schedule"]),
        ({"schedule": "0 6 31 2 *"}, ["schedule"]),
        ({"schedule": "a b c d e"}, ["schedule"]),
    ],
)
def test_a_schedule_is_cron_of_five_fields(more: dict[str, Any], where: list[str]) -> None:
    """Each within its range, on a day that comes."""
    level = {"property": "frequency", "value": 1, "unit": "d", **more}
    assert places(PromisesInTime(), draft(ID, slaProperties=[level])) == [
        f"slaProperties[0].{w}" for w in where
    ]


@pytest.mark.parametrize(
    ("zone", "sound"),
    [
        ("UTC", True),
        ("America/New_York", True),
        ("", False),
        ("America", False),
        ("../etc/passwd", False),
        (None, False),
    ],
)
def test_a_time_zone_is_one_of_iana(zone: object, sound: bool) -> None:
    """The name of a folder of zones is no zone."""
    custom = [{"property": "note", "value": "x"}, {"property": "timezone", "value": zone}]
    level = {"property": "availability", "value": 1, "customProperties": custom}
    where = [] if sound else ["slaProperties[0].customProperties[1].value"]
    assert places(PromisesInTime(), draft(ID, slaProperties=[level])) == where


@pytest.mark.parametrize(
    ("name", "value", "sound"),
    [
        ("tolerance", 0, True),
        ("tolerance", 100, True),
        ("tolerance", 0.5, True),
        ("tolerance", -0.1, False),
        ("tolerance", 100.1, False),
        ("tolerance", float("nan"), False),
        ("tolerance", True, False),
        ("tolerance", "5", False),
        ("tolerance", None, False),
        ("missingValues", [], True),
        ("missingValues", ["NA", ""], True),
        ("missingValues", "NA", False),
        ("missingValues", ["NA", 9], False),
        ("missingValues", [False], False),
        ("missingValues", None, False),
    ],
)
def test_the_meshs_own_properties_are_typed(name: str, value: object, sound: bool) -> None:
    """A percentage is a number from 0 to 100, words are text."""
    found = draft(ID, customProperties=[{"property": name, "value": value}])
    assert places(OurPropertiesAreTyped(), found) == ([] if sound else ["customProperties[0].value"])


@pytest.mark.parametrize(
    ("name", "sound"),
    [("steward", True), ("tolerances", False), ("missing_values", False), ("Partitions", False)],
)
def test_a_misspelt_property_of_the_mesh_is_noticed(name: str, sound: bool) -> None:
    """Names that are like none of its own are the team's."""
    found = draft(ID, customProperties=[{"property": name, "value": 1}])
    assert places(OurPropertiesAreTyped(), found) == ([] if sound else ["customProperties[0].property"])


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"every": "month", "since": "2013-01"}, []),
        ({"every": "month", "since": "2013-01", "until": "2013-01"}, []),
        ({"every": "day", "since": "2012-02-29"}, []),
        ({"every": "year", "since": "2013", "until": "2099"}, []),
        ({"every": "day", "since": "2013-02-29"}, [".since"]),
        ({"every": "month", "since": "2013-00"}, [".since"]),
        ({"every": "month", "since": "2013-01-01"}, [".since"]),
        ({"every": "month", "since": "2013-01\n"}, [".since"]),
        ({"every": "month", "since": "٢٠١٣-٠١"}, [".since"]),
        ({"every": "year", "since": "0000"}, [".since"]),
        ({"every": "year", "since": 2013}, [".since"]),
        ({"every": "year", "since": "2013", "until": None}, [".until"]),
        ({"every": "month", "since": "x", "until": "y"}, [".since", ".until"]),
        ({"every": "day", "since": "2013-01-02", "until": "2013-01-01"}, [".until"]),
        ({"every": "week", "since": "2013-W01"}, [""]),
        ({"every": "month"}, [""]),
        ({"every": "month", "since": "2013-01", "to": "2013-02"}, [""]),
        ("monthly", [""]),
        (None, [""]),
    ],
)
def test_partitions_are_days_months_or_years_of_the_calendar(value: object, where: list[str]) -> None:
    """Written as text, from the first to a last that is not before it."""
    found = draft(ID, MONTH, customProperties=[{"property": "partitions", "value": value}])
    assert places(Partitioned(), found) == [f"customProperties[0].value{end}" for end in where]


def test_a_partition_column_is_one_column_of_text() -> None:
    """A second one, and a date, are refused."""
    partitions = [{"property": "partitions", "value": {"every": "month", "since": "2013-01"}}]
    day = {"name": "day", "logicalType": "date", "partitioned": True}
    found = places(Partitioned(), draft(day, MONTH, customProperties=partitions))
    assert found == ["schema[0].properties[1].partitioned", "schema[0].properties[0].logicalType"]


def test_a_product_has_both_halves_of_a_partitioning_and_a_source_may_lack_the_column() -> None:
    """Files of a source carry the partition in their names; a column alone says nothing of when it begins."""
    partitions = [{"property": "partitions", "value": {"every": "month", "since": "2013-01"}}]
    assert places(Partitioned(), draft(CITY)) == []
    assert places(Partitioned(), draft(MONTH)) == ["customProperties"]
    assert places(Partitioned(), draft(CITY, customProperties=partitions)) == ["customProperties[0].value"]
    assert places(Partitioned(), draft(CITY, customProperties=partitions, is_source=True)) == []
    assert places(Partitioned(), draft(MONTH, is_source=True)) == ["customProperties"]
