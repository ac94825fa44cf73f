"""One more month of departures, from the landed file to the published product, with a short and a long history.

Run: python -m benchmarks incremental
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks._data import endless, months
from benchmarks._measure import Figure, Work, at_most, ended_well, load, median, run, workspace_at

KEY = "operations.departures"
SHORT, LONG = 1, 10
"""Years of history."""

MAX_RATIO = 1.3


def figures(*, quick: bool = False) -> list[Figure]:
    """The run for a new month after ten years of history against the one after a year; months in alternation."""
    more = 3 if quick else 5
    base = Path(tempfile.mkdtemp(prefix="mesh-bench-"))
    homes = {years: base / f"years-{years}" for years in (SHORT, LONG)}
    try:
        domains = str(endless(base / "endless"))
        for years, home in homes.items():
            _land(home, 2013, years)
            run("incremental", "bring_up_to_date", env={"MESH_HOME": str(home)}, root=domains)
        found: dict[int, list[Any]] = {SHORT: [], LONG: []}
        for month in range(more):
            for years in (SHORT, LONG) if month % 2 else (LONG, SHORT):
                home = homes[years]
                _land(home, 2013 + years, 1, only=month)
                more_of_it = run(
                    "incremental", "bring_up_to_date", env={"MESH_HOME": str(home)}, root=domains
                )
                found[years].append(more_of_it)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    short, long = median(found[SHORT]), median(found[LONG])
    return [
        at_most(
            f"one more month of departures, after {12 * LONG} months / after {12 * SHORT}",
            long / short,
            MAX_RATIO,
            note=f"{long:.2f} s ({_cpu(found[LONG]):.2f} s of processor time) / "
            f"{short:.2f} s ({_cpu(found[SHORT]):.2f} s), ingest to publish, {more} months each",
        )
    ]


def bring_up_to_date(root: str) -> Work:
    """The work of ``mesh run operations.departures``, imports left out."""
    load("dagster", "great_expectations", "pandera.polars", "deltalake", "sqlalchemy")
    from mesh_pipelines.orchestration.run import run as run_mesh

    mesh = workspace_at(root)

    def work() -> Mapping[str, Any]:
        report = run_mesh([KEY], mesh=mesh)
        ended_well(report)
        return {
            step.key: [step.status, round(step.seconds, 3), round(step.work_seconds, 3)]
            for step in report.steps
        }

    return work


def _land(home: Path, first_year: int, years: int, only: int | None = None) -> None:
    landing = home / "landing" / "operations"
    landing.mkdir(parents=True, exist_ok=True)
    files = sorted(months(first_year, years).iterdir())
    for file in files if only is None else files[only : only + 1]:
        shutil.copy(file, landing)


def _cpu(samples: list[Any]) -> float:
    return median(samples, "cpu_seconds")
