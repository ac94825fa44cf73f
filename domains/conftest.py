"""Real slices of the data, as the platform would hand them to a domain's functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from mesh_pipelines.commands.demo_data import land
from quality.values import dtype_of, strftime_of
from resources.settings import get_settings

DOMAINS = Path(__file__).parent
MONTHS = ("2013-01", "2013-03", "2013-11")
"""New year, and the two months in which clocks change."""

ReadSource = Callable[[str, str], pl.LazyFrame]


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of its own for whatever the functions leave on disk."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MESH_HOME", str(folder))
        get_settings.cache_clear()
        yield folder
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing zone with a few months of real data."""
    folder = tmp_path_factory.mktemp("landing")
    land(MONTHS, folder)
    return folder


@pytest.fixture(scope="session")
def read_source(landing: Path) -> ReadSource:
    """Reads a landed file with the types that the source's contract gives."""

    def read(source: str, file: str) -> pl.LazyFrame:
        domain, _, name = source.partition(".")
        contract = yaml.safe_load((DOMAINS / domain / "contracts" / f"{name}.odcs.yaml").read_text())
        raw = pl.scan_csv(landing / domain / file, infer_schema=False, null_values=["NA"])
        return raw.select(_typed(column) for column in contract["schema"][0]["properties"])

    return read


def _typed(column: dict[str, Any]) -> pl.Expr:
    dtype = dtype_of(column["logicalType"], column["physicalType"])
    text = pl.col(column["name"])
    if isinstance(dtype, pl.Datetime):
        return text.str.to_datetime(strftime_of(column["logicalTypeOptions"]["format"]), time_zone="UTC")
    return text.cast(dtype)
