"""A writer in a process of its own, for tests that race writers or kill one: not a test itself."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import polars as pl

from resources.keys.keyring import Keyring
from resources.lake.lake import Lake

KEY = "operations.departures"
CLASSIFICATION = {"month": "public", "flight": "public", "passenger": "confidential"}


def frame(flight: int, months: int = 2) -> pl.DataFrame:
    """Rows that all carry one number, so that a mixture of two publishes is seen."""
    return pl.DataFrame(
        {
            "month": [f"2013-{month:02}" for month in range(1, months + 1)],
            "flight": pl.Series([flight] * months, dtype=pl.Int64),
            "passenger": [f"passenger {flight}"] * months,
        }
    )


def publish(
    home: Path, flight: int, stop_at: str, replace: str, month: str | None, gathered: bool = False
) -> None:
    """Publish; at the named checkpoint, say so and wait to be killed (or for the file `go`)."""

    def checkpoint(name: str) -> None:
        if name == stop_at:
            print(name, flush=True)  # noqa: T201
            deadline = time.monotonic() + 60
            while not (home / "go").exists() and time.monotonic() < deadline:
                time.sleep(0.005)

    lake = Lake(str(home / "lake"), Keyring(home / "keys"))
    rows = frame(flight)
    rows = rows if month is None else rows.head(1).with_columns(month=pl.lit(month))
    stage = lake.stage(KEY, rows.schema, CLASSIFICATION, "month", gathered=gathered, checkpoint=checkpoint)
    with stage:
        stage.write(rows)
        commit = stage.commit({"contract_version": "1", "flight": flight}, replace=replace)  # type: ignore[arg-type]
    print(f"version {commit.version}", flush=True)  # noqa: T201


if __name__ == "__main__":
    publish(
        Path(sys.argv[1]),
        int(sys.argv[2]),
        sys.argv[3],
        sys.argv[4],
        sys.argv[5] if len(sys.argv) > 5 else None,
        "gathered" in sys.argv[6:],
    )
