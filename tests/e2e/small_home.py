"""A small mesh on disk for tests on the real path: files land, domains run, Delta and Dagster keep what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.orchestration.run_report import StepReport
from mesh_pipelines.shared import shared_resources
from resources.lake.lake import Lake

RAW, DEPARTURES = "operations.departures_raw", "operations.departures"
JANUARY, FEBRUARY = "departures-2013-01.csv", "departures-2013-02.csv"
QUARANTINE = "__quarantine"
CORRECTED = "N99999"


@dataclass(frozen=True)
class SmallHome:
    """One mesh home: what lands in it, what it makes of that, and what can be read afterwards.

    Args:
        folder: its ``MESH_HOME``, which is in force.
    """

    folder: Path

    @property
    def lake(self) -> Lake:
        """The lake of this home."""
        return shared_resources().lake

    def path(self, name: str, domain: str = "operations") -> Path:
        """Where a file lands."""
        return self.folder / "landing" / domain / name

    def land(self, name: str, content: bytes, domain: str = "operations") -> Path:
        """Land a file, whole."""
        path = self.path(name, domain)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def run(self, *selection: str, **options: Any) -> Mapping[str, StepReport]:
        """Bring a selection up to date; reports by key."""
        return {step.key: step for step in runs.run(selection, **options).steps}

    def rows(self, key: str) -> pl.DataFrame:
        """What is published under a key."""
        with self.lake.reading(key):
            return self.lake.scan(key).collect()

    def content(self, *keys: str) -> dict[str, str]:
        """Content versions of what is published, each read and compared with its bytes on disk first."""
        found: dict[str, str] = {}
        for key in keys or (RAW, DEPARTURES):
            self.lake.verify(key)
            assert self.rows(key).height == self.lake.record(key).rows
            found[key] = self.lake.record(key).data_version
        return found

    def refused(self, key: str) -> dict[tuple[str, int], list[str]]:
        """Rules that each quarantined row broke, by the file and row that it came from."""
        if not self.lake.exists(key + QUARANTINE):
            return {}
        held = self.rows(key + QUARANTINE)
        return {(f, r): sorted(rules) for f, r, rules in held.select("_file", "_row", "_rules").iter_rows()}

    def orphans(self, *keys: str) -> list[str]:
        """Data files that no version needs, and what unfinished publishes left."""
        return [name for key in keys or self.lake.keys() for name in self._orphans(key)]

    def _orphans(self, key: str) -> list[str]:
        lake = self.lake
        needed = {file.name for p in lake.history(key) for file in lake.head(key, p.version).files}
        names = lake.store.list(lake.root(key))
        return [name for name in names if ("/part-" in name and name not in needed) or "/_staging/" in name]


def typed(home: Path, *words: str) -> tuple[int, str]:
    """Exit code of a `mesh` command in a process of its own, and all that it says: first what it was asked for."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mesh")), *words],
        env={**os.environ, "MESH_HOME": str(home), "COLUMNS": "200"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def tells(report: StepReport, *words: str) -> None:
    """A failed step says what was wrong, where, and the remedy, to a person: no traceback."""
    assert report.status == "failed", report
    for word in (*words, "\n  -> "):
        assert word in report.message, f"{word!r} is not in: {report.message}"
    for noise in ("Traceback", 'File "', "dagster", "mesh_pipelines."):
        assert noise not in report.message, report.message
    assert len(report.message) < 2000


def edited(content: bytes, changes: Mapping[int, Mapping[str, str]]) -> bytes:
    """A file with other values in some rows (1 is the first row of data)."""
    lines = content.decode().splitlines()
    columns = lines[0].split(",")
    for row, values in changes.items():
        cells = lines[row].split(",")
        for name, value in values.items():
            cells[columns.index(name)] = value
        lines[row] = ",".join(cells)
    return ("\n".join(lines) + "\n").encode()
