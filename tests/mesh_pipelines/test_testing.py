"""Helpers for the tests of a domain: landed rows in their types, and a check that fails where a promise is broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from mesh_pipelines.testing import assert_promise_kept, read_landed, small_domain


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    """The contracts of a small domain."""
    with small_domain(tmp_path) as mesh:
        return mesh.domains["machines"].folder / "contracts"


def test_landed_rows_have_the_types_of_the_contract(tmp_path: Path, contracts: Path) -> None:
    """Text becomes what the contract says, an empty field no value; columns come in the contract's order."""
    file = tmp_path / "readings.csv"
    file.write_text("day,machine,temperature,vibration,repaired\n2026-01-01,m1,60.5,,true\n")

    rows = read_landed(file, contracts / "readings_raw.odcs.yaml").collect()

    assert rows.rows(named=True) == [
        {"machine": "m1", "day": date(2026, 1, 1), "temperature": 60.5, "vibration": None, "repaired": True}
    ]
    assert rows.columns == ["machine", "day", "temperature", "vibration", "repaired"]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda rows: rows.drop("vibration"), "promised are the columns"),
        (lambda rows: rows.select("day", pl.exclude("day")), "promised are the columns"),
        (lambda rows: rows.with_columns(pl.col("vibration").cast(pl.Float32)), "promised are the columns"),
        (lambda rows: pl.concat([rows, rows]), "machine, day does not identify a row"),
        (lambda rows: rows.with_columns(repaired=pl.lit(None, pl.Boolean)), "missing in repaired"),
    ],
    ids=["columns", "order", "types", "key", "required"],
)
def test_a_broken_promise_fails_a_test(
    contracts: Path, broken: Callable[[pl.LazyFrame], pl.LazyFrame], words: str
) -> None:
    """Other columns, another order or type, a key twice, a missing value: each is named; the sound rows pass."""
    rows = pl.LazyFrame(
        {
            "machine": ["m1"],
            "day": [date(2026, 1, 1)],
            "temperature": [60.5],
            "vibration": [1.0],
            "repaired": [True],
        }
    )
    promise = contracts / "readings.odcs.yaml"
    assert_promise_kept(rows, promise)
    with pytest.raises(AssertionError, match=words):
        assert_promise_kept(broken(rows), promise)
