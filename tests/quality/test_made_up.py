"""Rows that are made up from a contract's types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from quality.contract import Contract
from quality.made_up import ROWS, made_up_rows
from quality.rows import RowAudit

Reload = Callable[..., Contract]


@pytest.mark.odd_input("declarations that cannot run", "held up")
def test_made_up_rows_are_of_the_contracts_types(flights: Contract, landed: Contract) -> None:
    """Every column has distinct values, and a null where it may have one."""
    for contract in (flights, landed):
        rows = made_up_rows(contract)
        assert dict(rows.schema) == contract.dtypes
        assert rows.height == ROWS
        assert rows["delay"].null_count() == 1
        assert rows["flight"].n_unique() == ROWS
        RowAudit(contract).split(rows)


@pytest.mark.odd_input("declarations that cannot run", "held up")
def test_listed_values_are_taken_as_often_as_needed(reload: Reload) -> None:
    """One that is listed alone fills a column that may not be empty; many are taken in their order."""

    def change(document: dict[str, Any]) -> None:
        listed = document["schema"][0]["properties"][1]
        assert listed["name"] == "carrier"
        listed["enum"] = [{"value": "UA"}]

    assert made_up_rows(reload(change))["carrier"].to_list() == ["UA"] * ROWS


def test_only_what_may_be_empty_is_empty(reload: Reload) -> None:
    """And that in the last row alone; a column of the key is never empty, whether it is required or not."""

    def change(document: dict[str, Any]) -> None:
        for column in document["schema"][0]["properties"]:
            column["required"] = column["name"] == "month"

    contract = reload(change)
    rows = made_up_rows(contract)
    assert {"carrier", "flight", "scheduled_at"} <= set(contract.key)
    for column in contract.columns:
        nulls = rows[column.name].is_null().to_list()
        may_be = column.name != "month" and column.name not in contract.key
        assert nulls == [False] * (ROWS - 1) + [may_be], column.name


def test_times_are_in_utc_and_days_follow_each_other(flights: Contract) -> None:
    """Values of a type differ in each row, so that spans and deviations can be computed."""
    rows = made_up_rows(flights)
    moments = rows["scheduled_at"]
    assert moments.dtype.time_zone == "UTC"  # type: ignore[attr-defined]
    assert moments.is_sorted()
    assert moments.n_unique() == ROWS
    assert rows["day"].drop_nulls().is_sorted()
