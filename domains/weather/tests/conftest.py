"""A month of real readings."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from domains.weather.products import observations


@pytest.fixture(scope="session")
def january(read_source: Callable[[str, str], pl.LazyFrame]) -> pl.DataFrame:
    """The readings of January."""
    return observations(read_source("weather.observations_raw", "observations-2013-01.csv")).collect()
