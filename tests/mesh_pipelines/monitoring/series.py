"""One column of made-up values, as a frame."""

from __future__ import annotations

from typing import Any

import polars as pl


def series(values: list[Any], dtype: Any) -> pl.LazyFrame:
    """One column, x."""
    return pl.LazyFrame({"x": pl.Series(values, dtype=dtype, strict=False)})
