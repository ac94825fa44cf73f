"""Writers mark themselves; markers of dead ones go with their files, those of living ones stay."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from resources.lake.lake import Lake
from resources.lake.table import Table
from resources.lake.writers import heal, marked_tokens, marker_name, write_marker
from tests.resources.samples import CLASSIFICATION, KEY


@pytest.fixture
def table(lake: Lake, rows: pl.DataFrame) -> Table:
    """A published table."""
    with lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:
        stage.write(rows)
        stage.commit({})
    return lake.table(KEY)


def left(table: Table, token: str, **marker: Any) -> str:
    """A file that a writer left behind, beside its marker; the name of the file."""
    write_marker(table, token, 0)
    written = json.loads(table.store.read(marker_name(table, token)))
    table.store.replace(marker_name(table, token), json.dumps({**written, **marker}).encode())
    name = f"{table.root}/month=2013-01/part-{token}-00000-k00000000-{'0' * 64}.parquet"
    table.store.write(name, b"left")
    return name


def test_this_process_lives(table: Table) -> None:
    """Its marker and its files stay."""
    name = left(table, "abc")
    assert heal(table) == 0
    assert table.store.exists(name)
    assert set(marked_tokens(table)) == {"abc"}


@pytest.mark.parametrize("marker", [{"started": "1"}, {"started": None}, {"pid": 2**22 + 1}])
def test_a_dead_process_of_this_machine_is_cleaned_up_after(table: Table, marker: dict[str, Any]) -> None:
    """A number that another process has by now, and one that none has, are both dead."""
    name = left(table, "abc", **marker)
    assert heal(table) == 1
    assert not table.store.exists(name)
    assert marked_tokens(table) == {}


def test_another_machines_writer_has_a_day(table: Table) -> None:
    """From here nobody sees if it lives."""
    now = datetime.now(UTC)
    young = left(table, "abc", host="elsewhere/1", at=(now - timedelta(hours=23)).isoformat())
    old = left(table, "abd", host="elsewhere/1", at=(now - timedelta(hours=25)).isoformat())
    assert heal(table) == 1
    assert (table.store.exists(young), table.store.exists(old)) == (True, False)
    assert heal(table, timedelta(hours=1)) == 1


def test_files_of_a_publish_that_landed_stay(table: Table) -> None:
    """A writer killed after its commit leaves a marker and nothing else to remove."""
    token = table.record().token
    write_marker(table, token, None)
    marker = marker_name(table, token)
    written = json.loads(table.store.read(marker))
    table.store.replace(marker, json.dumps({**written, "started": "1"}).encode())
    assert heal(table) == 0
    assert marked_tokens(table) == {}
    table.verify(table.head().files, again=True)
