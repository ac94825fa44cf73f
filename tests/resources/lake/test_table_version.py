"""A version of a table as an input, in a line for people."""

from __future__ import annotations

import pytest

from resources.lake.table_version import TableVersion


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (0, "shop.orders@0 (0123456789ab)"),
        (12, "shop.orders@12 (0123456789ab)"),
        (None, "shop.orders@? (0123456789ab)"),
    ],
)
def test_it_is_shown_with_the_beginning_of_its_content(version: int | None, text: str) -> None:
    """The first version is 0; an input that has none is marked so."""
    assert str(TableVersion("shop.orders", version, "0123456789abcdef")) == text


def test_the_same_version_is_equal() -> None:
    """So that two reads can be compared, and kept in a set."""
    one, same = TableVersion("shop.orders", 3, "a"), TableVersion("shop.orders", 3, "a")
    assert {one, same} == {one}
    assert one != TableVersion("shop.orders", 3, "b")
