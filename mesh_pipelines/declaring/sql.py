"""SQL in a domain: a query over frames, run by DuckDB within the limits of this mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def sql(query: str, **frames: pl.LazyFrame) -> pl.LazyFrame:
    """Run a query over frames. A product whose function calls this is shown with the kind ``duckdb``.

    Args:
        query: DuckDB SQL; each frame is a table of its name.
        frames: the inputs. Data beyond the memory limit (``MESH_MEMORY_LIMIT``) is kept on disk.
    """
    from resources.settings import get_settings
    from resources.warehouse import Warehouse

    return Warehouse.from_settings(get_settings()).query(query, **frames).lazy()
