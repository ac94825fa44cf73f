"""A nested record is refused by the columns that the contract declares, never by a name that came with the data."""

from __future__ import annotations

import json

import pytest

from mesh_pipelines.landing.json_nesting import fault_of_nesting

pytestmark = pytest.mark.odd_input("the parser's leniency", "lost", "leaked")

COLUMNS = ["id", "city", "address_zip", "amount"]


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ({"id": 1, "city": {"name": "Rome"}}, "has lists or objects in city"),
        ({"id": [1], "city": {}, "x": {}}, "has lists or objects in id, city"),
        ({"id": 1, "secret": {"city": "Rome"}}, "has city within a list or an object"),
        ({"id": 1, "address": {"zip": "00100"}}, "has address_zip within a list or an object"),
        ({"id": 1, "secret": {"more": [{"amount": 2}]}}, "has amount within a list or an object"),
        ({"id": 1, "city": "Rome", "secret": {"city": "Oslo"}}, ""),
        ({"id": 1, "secret": [1, 2]}, ""),
        ({"id": 1}, ""),
    ],
)
def test_the_declared_path_is_named(record: dict[str, object], fault: str) -> None:
    """By its own name or by the names on the way; a column that is at its place is not at fault."""
    assert fault_of_nesting(json.dumps(record).encode(), COLUMNS) == fault


@pytest.mark.parametrize("record", [b"", b"[1]", b'{"id": ', b'{"id":' + b"[" * 100_000])
def test_what_is_no_record_names_nothing(record: bytes) -> None:
    """The caller knows its own words for it."""
    assert fault_of_nesting(record, COLUMNS) == ""


def test_nesting_of_any_depth_is_walked_within_bounds() -> None:
    """A column below hundreds of objects is as good as not there."""
    deep: dict[str, object] = {"city": 1}
    for _ in range(200):
        deep = {"x": deep}
    assert fault_of_nesting(json.dumps(deep).encode(), COLUMNS) == ""
