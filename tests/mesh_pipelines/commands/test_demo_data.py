"""The outside world of the demo: real files, whole, the same each time."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from mesh_pipelines.commands.demo_data import FIRST_MONTHS, MONTHS, land
from mesh_pipelines.errors import SelectionError


def fingerprints(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_landing_is_the_same_each_time(tmp_path: Path):
    """Two landings of one month are equal byte for byte, and no unfinished file stays behind."""
    land(["2013-02"], tmp_path / "one")
    land(["2013-02"], tmp_path / "two")

    assert fingerprints(tmp_path / "one") == fingerprints(tmp_path / "two")
    assert set(fingerprints(tmp_path / "one")) == {
        "fleet/aircraft.csv",
        "operations/departures-2013-02.csv",
        "weather/observations-2013-02.csv",
    }


def test_what_has_landed_is_left_alone(tmp_path: Path):
    """The same content again does not touch the file; other content replaces it."""
    first = land(["2013-02"], tmp_path)
    times = {file.path: file.path.stat().st_mtime_ns for file in first}
    first[1].path.write_text("something else\n")

    again = land(["2013-02"], tmp_path)

    assert [file.changed for file in again] == [False, True, False]
    assert again[0].path.stat().st_mtime_ns == times[again[0].path]
    assert again[1].rows == 2010


def test_rows_are_those_of_the_month_in_new_york(tmp_path: Path):
    """A file holds the rows whose own year and month are the file's, and all files together hold every row."""
    landed = land(MONTHS, tmp_path)

    for file in landed[:-1]:
        with file.path.open(newline="") as text:
            months = {f"{row['year']}-{int(row['month']):02d}" for row in csv.DictReader(text)}
        assert months == {file.path.stem[-7:]}
    assert sum(file.rows for file in landed if file.path.parent.name == "operations") == 336_776
    assert sum(file.rows for file in landed if file.path.parent.name == "weather") == 26_115
    assert landed[-1].rows == 3_322


@pytest.mark.parametrize("month", ["2012-12", "2013-13", "2013-1", "../2013-01", ""])
def test_a_month_without_data_is_refused(tmp_path: Path, month: str):
    """A month that is not one of 2013 is refused before anything lands, and the months there are get named."""
    with pytest.raises(SelectionError, match="2013-01 to 2013-12"):
        land(["2013-01", month], tmp_path)

    assert not list(tmp_path.iterdir())


def test_the_demo_starts_with_nine_months():
    """January to September land first, so that there is more to come."""
    assert (FIRST_MONTHS[0], FIRST_MONTHS[-1], len(FIRST_MONTHS)) == ("2013-01", "2013-09", 9)
