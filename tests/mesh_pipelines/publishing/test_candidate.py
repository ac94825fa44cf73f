"""Whatever holds rows becomes a lazy frame; anything else is refused with its type, and not with its value."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from mesh_pipelines.errors import TransformError
from mesh_pipelines.publishing.candidate import as_rows

ROWS = pl.DataFrame({"id": [1, 2], "city": ["Rome", None]})


def test_a_lazy_frame_stays_itself() -> None:
    """Its plan is not run."""

    def never(_: pl.DataFrame) -> pl.DataFrame:
        raise AssertionError("its rows were computed")

    frame = ROWS.lazy().map_batches(never)
    assert as_rows(frame, "shop.orders") is frame


@pytest.mark.parametrize("rows", [ROWS, ROWS.clear()], ids=["rows", "none"])
def test_frames_and_arrow_become_lazy_frames(rows: pl.DataFrame) -> None:
    """polars, Arrow tables and streams of them: with nulls, and with no rows at all."""
    table = rows.to_arrow()
    for value in (rows, table, table.to_reader()):
        found = as_rows(value, "shop.orders").collect()
        assert found.equals(rows), type(value)
        assert found.schema == rows.schema


@pytest.mark.parametrize("value", [None, 7, "secret", {"id": ["secret"]}, [("secret",)], pl.col("a")])
def test_anything_else_is_refused_by_its_type(value: Any) -> None:
    """Lists and mappings too: they say nothing of types, and may hold a value that nobody may see."""
    with pytest.raises(TransformError, match=f"returned {type(value).__name__}, which is no rows") as refused:
        as_rows(value, "shop.orders")
    assert refused.value.where == "shop.orders"
    assert "secret" not in str(refused.value)


def test_a_table_without_columns_has_no_rows() -> None:
    """The audit says which columns are missing."""
    assert as_rows(pa.table({}), "shop.orders").collect().shape == (0, 0)
