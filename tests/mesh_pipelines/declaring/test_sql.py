"""SQL over frames, within the limits that the settings name."""

from __future__ import annotations

import polars as pl
import pytest

from mesh_pipelines import sql
from mesh_pipelines.errors import TransformError
from resources.settings import get_settings

ORDERS = pl.LazyFrame({"id": [1, 2, 3], "city": ["Rome", None, "Oslo"]})


def test_each_frame_is_a_table_of_its_name() -> None:
    """Joined with another, nulls and all; the result is lazy again, as a product's function returns it."""
    zones = pl.LazyFrame({"city": ["Rome", "Oslo"], "zone": [1, 2]})
    query = "SELECT o.id, z.zone FROM orders o LEFT JOIN zones z ON o.city = z.city ORDER BY o.id"
    found = sql(query, orders=ORDERS, zones=zones)
    assert isinstance(found, pl.LazyFrame)
    assert found.collect().rows() == [(1, 1), (2, None), (3, 2)]


def test_frames_without_rows_keep_their_columns() -> None:
    """As on the first day of a domain."""
    rows = sql("SELECT id, upper(city) AS city FROM orders", orders=ORDERS.clear()).collect()
    assert rows.schema == {"id": pl.Int64, "city": pl.String}
    assert rows.is_empty()


def test_the_settings_limit_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """``MESH_MEMORY_LIMIT``, as it is when the function runs."""
    monkeypatch.setenv("MESH_MEMORY_LIMIT", "96MiB")
    get_settings.cache_clear()
    assert sql("SELECT current_setting('memory_limit') AS set").collect().item() == "96.0 MiB"


@pytest.mark.parametrize("query", ["SELECT * FROM nowhere", "SELECT town FROM orders", "SELEC 1", ""])
def test_a_query_that_fails_is_the_domains_fault(query: str) -> None:
    """An unknown table, an unknown column, a slip, nothing at all."""
    with pytest.raises(TransformError) as failed:
        sql(query, orders=ORDERS)
    assert failed.value.remedy
