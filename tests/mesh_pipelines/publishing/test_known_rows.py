"""Rows of the last publish, compared with the rows that come again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mesh_pipelines.publishing.kept_rows import Increment
from mesh_pipelines.publishing.known_rows import KnownRows, known_rows
from mesh_pipelines.publishing.quarantine import QUARANTINE
from mesh_pipelines.shared import SharedResources
from quality.contract import Contract
from resources.lake.lake import Lake
from tests.mesh_pipelines.publishing.offered import put, without_key
from tests.mesh_pipelines.small_domains import promise, read_promise

ROME = {"timezone": False, "defaultTimezone": "Europe/Rome"}
COLUMNS: dict[str, Any] = {"id": "integer", "at": {"logicalType": "timestamp", "logicalTypeOptions": ROME}}
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


class Table:
    """A source of the lake with three rows, the second of which was refused in another form."""

    def __init__(self, lake: Lake, contract: Contract) -> None:
        self.lake, self.contract, self.key = lake, contract, f"shop.{contract.name}"
        self.version = put(lake, self.key, pl.DataFrame({"id": [1, 2, 3], "at": [NOON] * 3}))

    def refuse(self, *rows: tuple[str | None, str]) -> None:
        """Put refused rows into its quarantine."""
        put(
            self.lake,
            self.key + QUARANTINE,
            pl.DataFrame(rows, dict.fromkeys(("id", "at"), pl.String), orient="row"),
        )

    def known(self, *came: str | None) -> KnownRows:
        """The comparison with keys that come, as text."""
        keys = pl.DataFrame({"id": came}, {"id": pl.String})
        increment = Increment(self.version, "at", "2024-01-01 13:00:00")
        return known_rows(self.lake, self.contract, increment, ("id", "at"), keys)


@pytest.fixture
def table(shared: SharedResources, tmp_path: Path, request: pytest.FixtureRequest) -> Table:
    """With the key ``id``, named after the test."""
    name = f"r{abs(hash(request.node.nodeid)) % 10**9}"
    return Table(shared.lake, read_promise(tmp_path, promise("shop", name, COLUMNS), "source"))


def test_rows_whose_key_comes_again_are_moved(table: Table) -> None:
    """Once, however often the key comes; a key that was never known, or that is no number, moves nothing."""
    known = table.known("2", "2", "9", "x", None)
    assert (known.moved["id"].to_list(), known.kept) == (["2"], 2)


def test_a_time_is_as_the_source_writes_it(table: Table) -> None:
    """In the zone of times that come without one, so that it can be compared with what comes."""
    [moment] = table.known("1").moved["at"]
    assert moment.startswith("2024-01-01 13:00:00")


def test_where_nothing_comes_everything_is_kept(table: Table) -> None:
    """Published rows and refused ones."""
    assert (table.known().moved.height, table.known().kept) == (0, 3)
    table.refuse(("x", "soon"), (None, "soon"))
    assert (table.known().moved.height, table.known().kept) == (0, 5)


def test_a_refused_row_counts_in_the_form_in_which_it_was_refused(table: Table) -> None:
    """And not in its last good one: the table has one row of that key."""
    table.refuse(("2", "soon"), ("7", "never"))
    known = table.known("2", "1")
    assert sorted(known.moved.rows())[1] == ("2", "soon")
    assert (known.moved.height, known.kept) == (2, 2)
    assert table.known().kept == 4


def test_a_refused_row_without_a_key_comes_again_as_one(table: Table) -> None:
    """An empty key is equal to an empty key here, for both are as the source has them."""
    table.refuse((None, "soon"))
    known = table.known(None)
    assert (known.moved.rows(), known.kept) == ([(None, "soon")], 3)


def test_without_a_key_rows_are_counted(shared: SharedResources, tmp_path: Path) -> None:
    """Those below the mark, published and refused; none is known to have moved."""
    written = without_key(promise("shop", "known_without_key", COLUMNS))
    table = Table(shared.lake, read_promise(tmp_path, written, "source"))
    assert (table.known("1").moved.is_empty(), table.known("1").kept) == (True, 0)
    table.refuse(("5", "2024-01-01 12:59:00"), ("6", "2024-01-01 13:00:00"))
    assert table.known().kept == 1
