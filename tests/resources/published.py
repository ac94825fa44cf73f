"""The table ``operations.departures`` of a lake: published, read, and its files on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from resources.lake.lake import Commit, Lake
from tests.resources.samples import CLASSIFICATION, KEY

RECORD = {"contract_version": "1.0.0", "code_version": "a", "run_id": "1"}


def publish(
    lake: Lake,
    frame: pl.DataFrame,
    record: dict[str, Any] | None = None,
    *,
    by: str | None = "month",
    **commit: Any,
) -> Commit:
    """Publish a frame, every column of it classified as the fixtures say."""
    kinds = {name: CLASSIFICATION.get(name, "public") for name in frame.columns}
    with lake.stage(KEY, frame.schema, kinds, by) as stage:
        stage.write(frame)
        return stage.commit(record or RECORD, **commit)


def read(lake: Lake, **scan: Any) -> pl.DataFrame:
    """The whole published table."""
    return lake.scan(KEY, **scan).collect()


def data_files(lake: Lake) -> list[Path]:
    """Every data file on disk."""
    return sorted(Path(lake.store.root).rglob("*.parquet"))
