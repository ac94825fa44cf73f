"""A month of real departures as fleet reads them, and what the aircraft did in it."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from domains.fleet.products import utilisation


@pytest.fixture(scope="session")
def left(read_product: Callable[[str, str], pl.LazyFrame]) -> pl.DataFrame:
    """The departures of January."""
    return read_product("operations.departures", "departures-2013-01.csv").collect()


@pytest.fixture(scope="session")
def worked(left: pl.DataFrame) -> pl.DataFrame:
    """The aircraft's days of January."""
    return utilisation(left.lazy()).collect()
