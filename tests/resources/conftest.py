"""A lake of this test alone, with real Delta tables and real keys on disk."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from resources.keys.keyring import Keyring
from resources.lake.lake import Lake
from tests.mesh_pipelines.postgres import postgres as postgres
from tests.s3 import s3 as s3


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    """Keys of this test."""
    return Keyring(tmp_path / "keys")


@pytest.fixture
def lake(tmp_path: Path, keyring: Keyring) -> Lake:
    """An empty lake."""
    return Lake(str(tmp_path / "lake"), keyring)


@pytest.fixture
def rows() -> pl.DataFrame:
    """Two months of departures: two public columns, one confidential, one internal."""
    return pl.DataFrame(
        {
            "month": ["2013-01", "2013-01", "2013-02"],
            "flight": [11, 12, 21],
            "passenger": ["Marguerite Duras", "Ella Maillart", None],
            "delay": [3.5, None, -2.0],
        }
    )
