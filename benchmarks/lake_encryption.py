"""Cost of encryption: publish and full read of departures, some columns encrypted against none.

Run: python -m benchmarks lake_encryption
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks._data import A_YEAR, departures
from benchmarks._measure import Figure, Sample, Work, alternate, at_most, load, median, run

if TYPE_CHECKING:
    from resources.lake.lake import Lake

MAX_RATIO = 1.15
KEY = "operations.departures"
BATCH_ROWS = 1_000_000
# As a stricter contract of departures would have it: what tells of an aircraft, a flight or its delay is not for all.
CLASSIFIED = {
    "tailnum": "confidential",
    "flight": "internal",
    "departed_at": "internal",
    "departure_delay_min": "internal",
    "arrival_delay_min": "internal",
    "air_time_min": "internal",
}


def figures(*, quick: bool = False) -> list[Figure]:
    """Encrypted publish and full read against plain ones, in wall time and in processor time."""
    rows, runs = (A_YEAR, 2) if quick else (3_000_000, 5)
    data = str(departures(rows))
    found: list[Figure] = []
    for step in ("publish", "read"):
        measured = alternate(
            {
                name: partial(run, "lake_encryption", step, data=data, encrypted=name == "encrypted")
                for name in ("plain", "encrypted")
            },
            runs,
        )
        found += [_figure(f"{step}, {rows:,} rows", measured, of) for of in ("seconds", "cpu_seconds")]
    return found


def publish(data: str, encrypted: bool) -> Work:
    """One publish of the whole frame, in bounded batches."""
    load("deltalake")
    frame, folder = _frame(data), Path(tempfile.mkdtemp(prefix="mesh-bench-"))

    def work() -> Mapping[str, Any]:
        try:
            _publish(frame, _lake(folder), encrypted)
            return {"bytes": sum(file.stat().st_size for file in folder.rglob("*.parquet"))}
        finally:
            shutil.rmtree(folder)

    return work


def read(data: str, encrypted: bool) -> Work:
    """A full read by somebody who meets the table for the first time: files verified, then decrypted."""
    load("deltalake")
    folder = Path(tempfile.mkdtemp(prefix="mesh-bench-"))
    _publish(_frame(data), _lake(folder), encrypted)

    def work() -> Mapping[str, Any]:
        try:
            return {"rows": _lake(folder).scan(KEY).collect().height}
        finally:
            shutil.rmtree(folder)

    return work


def _figure(what: str, measured: Mapping[str, list[Sample]], of: str) -> Figure:
    plain, encrypted = median(measured["plain"], of), median(measured["encrypted"], of)
    unit = "of wall time" if of == "seconds" else "of processor time"
    return at_most(
        f"encrypted / plain {what}, {unit}",
        encrypted / plain,
        MAX_RATIO,
        note=f"{encrypted:.2f} s / {plain:.2f} s, {len(CLASSIFIED)} columns classified",
    )


def _lake(folder: Path) -> Lake:
    from resources.keys.keyring import Keyring
    from resources.lake.lake import Lake

    return Lake(str(folder / "lake"), Keyring(folder / "keys"))


def _frame(data: str) -> pl.DataFrame:
    return pl.read_parquet(Path(data) / "*.parquet").drop("_file", "_row")


def _publish(frame: pl.DataFrame, lake: Lake, encrypted: bool) -> None:
    kinds = {name: CLASSIFIED.get(name, "public") if encrypted else "public" for name in frame.columns}
    with lake.stage(KEY, frame.schema, kinds) as stage:
        for batch in frame.iter_slices(BATCH_ROWS):
            stage.write(batch)
        stage.commit({"contract_version": "1.0.0"})
