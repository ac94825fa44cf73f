"""Rows that are made up from a contract's types, to try its rules on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from quality.contract import Column, Contract

ROWS = 6
"""Enough for a deviation and for quantiles; the last row has nulls wherever a column may."""
_DAY = date(2024, 1, 1)


def made_up_rows(contract: Contract) -> pl.DataFrame:
    """Distinct values of each column's type, listed ones where the contract lists them; no value comes from data."""
    columns = {column.name: _values(column, contract) for column in contract.columns}
    return pl.DataFrame(
        {name: pl.Series(name, values, contract.dtypes[name]) for name, values in columns.items()}
    )


def _values(column: Column, contract: Contract) -> list[Any]:
    found = [_value(column, number) for number in range(ROWS)]
    if not (column.required or column.name in contract.key):
        found[-1] = None
    return found


def _value(column: Column, number: int) -> Any:
    match column.logical_type:
        case "integer":
            return number + 1
        case "number":
            return number + 0.5
        case "boolean":
            return number % 2 == 0
        case "date":
            return _DAY + timedelta(days=number)
        case "timestamp":
            return datetime(_DAY.year, _DAY.month, _DAY.day, number, tzinfo=UTC)
        case _:
            return str(column.enum[number % len(column.enum)]) if column.enum else f"made up {number}"
