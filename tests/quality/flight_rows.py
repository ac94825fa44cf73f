"""Rows of the contract ``flights``: as text that landed, and in the contract's types."""

from __future__ import annotations

import polars as pl

from quality.contract import Contract
from quality.rows import RowAudit

GOOD = {
    "month": "2013-01", "carrier": "UA", "flight": "17", "scheduled_at": "2013-01-05T10:00:00Z", "day": "2013-01-05",
    "delay": "2.5", "cancelled": "false", "passenger": "Ada",
}  # fmt: skip
TEXT = pl.Schema(dict.fromkeys(GOOD, pl.String))


def raw(*changes: dict[str, str | None]) -> pl.DataFrame:
    """Landed text: the good row, changed."""
    return pl.DataFrame([{**GOOD, **change} for change in changes], schema=TEXT)


def typed_batch(contract: Contract, rows: int = 3) -> pl.DataFrame:
    """The good row in the types of the contract."""
    good = RowAudit(contract).split(raw(*({} for _ in range(rows)))).good
    assert good.height == rows
    return good
