"""The machines' domain goes on: more days of readings land, all is brought up to date, and `mesh why` is asked."""

from __future__ import annotations

import os
import time
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from mesh_pipelines.orchestration.run import run
from mesh_pipelines.orchestration.run_report import StepReport
from mesh_pipelines.reporting.why import explain
from mesh_pipelines.shared import shared_resources

KEY = "machines.repair"


def facts_of_card(key: str, heading: str) -> dict[str, str]:
    """One section of what ``mesh why`` says."""
    return dict(next(section.fields for section in explain(key).sections if section.heading == heading))


def brought_up() -> tuple[StepReport, ...]:
    """What became of each asset when all was made that is out of date."""
    report = run(["machines"])
    assert report.ok, [step.message for step in report.steps if step.message]
    return report.steps


def turn(home: Path, days: int) -> None:
    """The world goes on: that many more days of readings land, all alike."""
    file = home / ".mesh" / "landing" / "machines" / "readings.csv"
    rows = pl.read_csv(file, try_parse_dates=True)
    last = rows["day"].max()
    assert isinstance(last, date)
    later = rows.filter(pl.col("day") > last - timedelta(days=days))
    pl.concat([rows, later.with_columns(pl.col("day") + pl.duration(days=days))]).write_csv(file)
    a_minute_ago = time.time() - 60
    os.utime(file, (a_minute_ago, a_minute_ago))


def forecast() -> pl.DataFrame:
    """What is predicted, from the days on that the version in use did not learn from."""
    rows = shared_resources().lake.scan("machines.repair_forecast").collect()
    return rows.filter(pl.col("day") > rows["day"].max() - pl.duration(days=10))
