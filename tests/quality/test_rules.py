"""A contract compiles into rules that every engine understands alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.contract import Contract
from quality.rules import Allowance, rules_of

Reload = Callable[..., Contract]


def test_names_are_unique_and_good_for_a_check(flights: Contract) -> None:
    """Dagster takes letters, digits and underscores."""
    names = [r.name for r in rules_of(flights)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_]+", n) for n in names)


def test_two_rules_of_one_name_get_different_names(reload: Reload) -> None:
    """The second gets a number."""

    def change(document: dict[str, Any]) -> None:
        document["schema"][0]["quality"][0]["name"] = "flight minimum"

    names = [r.name for r in rules_of(reload(change))]
    assert {"flight_minimum", "flight_minimum_2"} <= set(names)


def test_a_promise_of_none_quarantines_within_the_contracts_tolerance(flights: Contract) -> None:
    """`mustBe: 0` is promised of what is published, and quarantine keeps the promise."""
    rule = next(r for r in rules_of(flights) if r.name == "passenger_is_a_name")
    assert rule.quarantines
    assert rule.tolerance == pytest.approx(flights.tolerance)


def test_a_promised_share_of_nulls_takes_no_row_out(flights: Contract) -> None:
    """Missing readings are real: their share is watched, the rows stay."""
    rule = next(r for r in rules_of(flights) if r.name == "delay_mostly_known")
    assert not rule.quarantines
    assert rule.allowance == Allowance(0.5, "share", strict=True)


def test_only_rules_over_public_columns_may_show_values(flights: Contract) -> None:
    """A rule that looks at one classified column shows nothing."""
    public = {r.name: r.public for r in rules_of(flights)}
    assert public["carrier_enum"]
    assert not public["passenger_is_a_name"]
    assert not public["cancelled_have_no_delay"]  # its SQL names `delay`, which is internal


def test_star_in_sql_looks_at_every_column(reload: Reload) -> None:
    """`SELECT *` may show anything; `count(*)` and a product of two columns may not."""

    def query(text: str) -> tuple[str, ...]:
        def change(document: dict[str, Any]) -> None:
            document["schema"][0]["quality"][1]["query"] = text

        return next(r for r in rules_of(reload(change)) if r.name == "cancelled_have_no_delay").columns

    assert "passenger" in query("SELECT count(*) FROM (SELECT * FROM ${table}) AS t")
    assert query("SELECT count(*) FROM ${table} WHERE flight > 3") == ("flight",)
    assert query("SELECT sum(flight * 2) FROM ${table}") == ("flight",)


@given(st.integers(0, 10_000), st.integers(0, 100), st.booleans())
def test_an_allowance_counts_exactly(rows: int, percent: int, strict: bool) -> None:
    """So many percent of the rows, without the errors of binary fractions."""
    allowed = Allowance(percent / 100, "share", strict).rows(rows)
    below = percent * rows if not strict else percent * rows - 1
    assert allowed == max(0, below // 100)
