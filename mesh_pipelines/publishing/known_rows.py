"""Rows of a table as its last publish knows them, compared with the rows that come again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from mesh_pipelines.publishing.kept_rows import Increment, KeptRows
from mesh_pipelines.publishing.quarantine import QUARANTINE
from quality.contract import Contract
from quality.typed import as_text, typed
from resources.lake.lake import Lake

_BATCH = 250_000


@dataclass(frozen=True)
class KnownRows:
    """Rows that were published or refused by the last publish.

    Args:
        moved: those whose key comes again, as text.
        kept: number of the others that stay beside an increment.
    """

    moved: pl.DataFrame
    kept: int


def known_rows(
    lake: Lake, contract: Contract, increment: Increment, identity: Sequence[str], came: pl.DataFrame
) -> KnownRows:
    """Compare the rows of the last publish with those that come again.

    A row that was refused counts in the form in which it was refused, and not in its last good one.

    Args:
        identity: columns of ``moved``, the key among them.
    """
    table, key = f"{contract.domain}.{contract.name}", list(contract.key)
    if not key:
        rows = KeptRows(lake, contract, increment, _BATCH)
        kept = sum(batch.height for batch in rows.published_rows())
        return KnownRows(pl.DataFrame(), kept + rows.quarantined_rows(table + QUARANTINE).height)
    refused = pl.DataFrame(schema=dict.fromkeys(identity, pl.String))
    if lake.exists(table + QUARANTINE):
        with lake.reading(table + QUARANTINE):
            refused = lake.scan(table + QUARANTINE).select(identity).collect()
    again = refused.join(came.unique(), on=key, how="semi", nulls_equal=True)
    with lake.reading(table, increment.version):
        good = lake.scan(table, increment.version).select(identity)
        good = good.join(_typed_keys(refused, contract).lazy(), on=key, how="anti")
        moved = good.join(_typed_keys(came, contract).lazy(), on=key, how="semi").collect()
        number = good.select(pl.len()).collect().item()
    return KnownRows(
        pl.concat([_as_landed(moved, contract), again]),
        number - moved.height + refused.height - again.height,
    )


def _typed_keys(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    given = [
        pl.col(name) if name in contract.key else pl.lit(None, pl.String).alias(name)
        for name in contract.dtypes
    ]
    return typed(rows.select(given), contract).frame.select(contract.key).drop_nulls().unique()


def _as_landed(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Rows as text, times in the zone of those that come without one."""
    zones = {
        column.name: str(column.options["defaultTimezone"])
        for column in contract.columns
        if column.name in rows.columns
        and column.logical_type == "timestamp"
        and "defaultTimezone" in column.options
    }
    return as_text(rows.with_columns(pl.col(name).dt.convert_time_zone(zone) for name, zone in zones.items()))
