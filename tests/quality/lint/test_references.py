"""A contract refers to columns that it has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from quality.contract import load_contract
from tests.quality.lint.contract_changes import Document, Rewrite, column, refusal

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")


def relation(to: str) -> Callable[[Document], object]:
    """A relationship of the carrier."""
    return lambda d: column(d, "carrier").update(relationships=[{"type": "foreignKey", "to": to}])


BROKEN: dict[str, tuple[Callable[[Document], object], str]] = {
    "a service level of no column": (
        lambda d: d["slaProperties"][0].update(element="flights.dya"),
        "no column `dya`",
    ),
    "one of several": (lambda d: d["slaProperties"][0].update(element="day, dely"), "no column `dely`"),
    "a relationship within": (relation("flights.nobody"), "no column `nobody`"),
    "a relationship of the table": (
        lambda d: d["schema"][0].update(relationships=[{"from": ["flights.carier"], "to": ["other.x"]}]),
        "`carier`",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_reference_to_no_column_is_refused(rewrite: Rewrite, case: str) -> None:
    """With the columns that there are."""
    change, words = BROKEN[case]
    told = refusal(rewrite, change)
    assert words in told
    assert "columns: month, carrier" in told


def test_references_elsewhere_are_kept_for_the_mesh(rewrite: Rewrite) -> None:
    """It has the other contracts; references by identifiers lead to no name."""
    changed = load_contract(rewrite(relation("airlines.code")))
    assert changed.references == (("schema[0].properties[1].relationships[0].to", "airlines.code"),)
    assert load_contract(rewrite(relation("schema/x/properties/y"))).references == ()
    element: Callable[[Document], object] = lambda d: d["slaProperties"][0].update(element="flights")  # noqa: E731
    assert load_contract(rewrite(element)).name == "flights"
