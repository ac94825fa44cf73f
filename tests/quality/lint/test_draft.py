"""A contract as written: where its values stand, and how its entries are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from quality.lint.draft import Draft, Quality
from tests.quality.lint.drafts import CITY, ID, draft


def test_a_place_is_file_and_json_path() -> None:
    """A number is an index; without steps it is the file."""
    there = Draft({}, Path("shop/orders.odcs.yaml"))
    assert there.place("schema", 0, "name") == "shop/orders.odcs.yaml: schema[0].name"
    assert there.place() == "shop/orders.odcs.yaml: (whole file)"


def test_properties_come_with_their_position() -> None:
    """In the order of the file, one that is written twice too."""
    found = draft(ID, CITY, ID)
    assert found.properties == [(0, ID), (1, CITY), (2, ID)]
    assert found.names == ["id", "city", "id"]
    assert draft().names == []


def test_quality_entries_of_the_schema_come_first() -> None:
    """Each with the steps to it and its property; a property without any is passed over."""
    of_city = {**CITY, "quality": [{"metric": "nullValues"}, {"metric": "missingValues"}]}
    found = list(draft(ID, of_city, quality=[{"metric": "rowCount"}]).qualities())
    at_city = ("schema", 0, "properties", 1, "quality")
    assert found == [
        Quality(("schema", 0, "quality", 0), {"metric": "rowCount"}, None),
        Quality((*at_city, 0), {"metric": "nullValues"}, of_city),
        Quality((*at_city, 1), {"metric": "missingValues"}, of_city),
    ]
    assert list(draft(ID).qualities()) == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("tolerance", (("customProperties", 1, "value"), 5)),
        ("missingValues", (("customProperties", 0, "value"), None)),
        ("partitions", None),
    ],
)
def test_a_custom_property_is_found_by_its_name(name: str, found: object) -> None:
    """The first of that name; a value of nothing is a value."""
    written = [
        {"property": "missingValues", "value": None},
        {"property": "tolerance", "value": 5},
        {"property": "tolerance", "value": 6},
    ]
    assert draft(ID, customProperties=written).custom(name) == found
