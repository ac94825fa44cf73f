"""A fix names the nearest known word, and only where one is near."""

from __future__ import annotations

import pytest

from mesh_pipelines.governance.rules.nearest import nearest_or


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("departuers", ["arrivals", "departures"], "did you mean departures?"),
        ("heat", ["heat_2", "heat"], "did you mean heat?"),
        ("shop.order", ["shop.orders_raw", "shop.orders"], "did you mean shop.orders?"),
        ("größe", ["grösse", "gross"], "did you mean grösse?"),
        ("zzz", ["departures"], "write another"),
        ("", ["departures"], "write another"),
        ("departures", [], "write another"),
    ],
)
def test_the_nearest_word_is_asked_for(word: str, known: list[str], expected: str) -> None:
    """One word, the nearest of several; the other fix where nothing is near, nothing is known or nothing is named."""
    assert nearest_or(word, known, "write another") == expected


def test_known_words_may_come_one_by_one() -> None:
    """Keys of a mapping and generators are read once."""
    assert nearest_or("b1", (name for name in ("a1", "b11")), "") == "did you mean b11?"
