"""Data files of one publish: written in place, read as a consumer reads them, removed together."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from resources.keys.keyring import Keyring
from resources.lake.data_files import DataFiles
from resources.lake.digest import ContentDigest
from resources.lake.shape import Shape
from resources.lake.table import Table
from resources.store import FolderStore
from tests.resources.samples import CLASSIFICATION, KEY


@pytest.fixture
def table(tmp_path: Path, keyring: Keyring) -> Table:
    """A table that is not published."""
    return Table(KEY, FolderStore(str(tmp_path / "lake")), keyring, {})


def files(table: Table, rows: pl.DataFrame, by: str | None = "month", *, gathered: bool = False) -> DataFiles:
    """Files of a publish of these columns."""
    return DataFiles(table, Shape(KEY, dict(rows.schema), CLASSIFICATION, by, gathered), "abc")


def test_a_file_is_named_by_its_bytes_and_known_by_its_content(table: Table, rows: pl.DataFrame) -> None:
    """In the folder of its partition; the log is given bounds of the other public columns alone."""
    january = rows.head(2)
    written = files(table, rows).write("2013-01", 4, january)
    file = written.new.file
    assert (file.partition, file.rows, file.token) == ("2013-01", 2, "abc")
    assert file.name.startswith("operations/departures/month=2013-01/part-abc-00004-k")
    data = table.store.read(file.name)
    assert (file.sha256, file.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert b"Maillart" not in data
    assert json.loads(written.new.stats)["minValues"] == {"flight": 11}
    assert written.parts == {"2013-01": ContentDigest.of(january)}


def test_a_shared_file_lies_in_no_folder_and_has_bounds_of_its_partitions(
    table: Table, rows: pl.DataFrame
) -> None:
    """Its content is known month by month."""
    written = files(table, rows, gathered=True).write("", 0, rows)
    assert written.new.file.name.startswith("operations/departures/part-abc-00000-k")
    assert json.loads(written.new.stats)["maxValues"] == {"month": "2013-02", "flight": 21}
    assert {month: part.rows for month, part in written.parts.items()} == {"2013-01": 2, "2013-02": 1}


@pytest.mark.parametrize(
    ("partition", "folder"),
    [("a/b", "a_b"), ("../x", ".._x"), ("ü %=", "____"), ("2013-01", "2013-01"), ("A.b-c_d", "A.b-c_d")],
)
def test_a_partition_is_a_folder_of_plain_letters(
    table: Table, rows: pl.DataFrame, partition: str, folder: str
) -> None:
    """Whatever its value holds, the file stays in the table's folder."""
    name = files(table, rows).write(partition, 0, rows.head(1)).new.file.name
    assert name.rpartition("/")[0] == f"operations/departures/month={folder}"
    assert table.store.list("operations/departures") == [name]


def test_files_are_read_as_a_consumer_reads_them(table: Table, rows: pl.DataFrame) -> None:
    """Decrypted, in order, some columns or all."""
    data = files(table, rows)
    written = [
        data.write(month, n, rows.filter(month=month)).new.file
        for n, month in enumerate(("2013-01", "2013-02"))
    ]
    assert_frame_equal(data.scan(written, None).collect(), rows)
    assert data.scan(written, ["delay"]).collect().columns == ["delay"]
    assert_frame_equal(data.scan([], None).collect(), rows.clear())


def test_all_files_of_a_publish_are_removed_and_no_other(table: Table, rows: pl.DataFrame) -> None:
    """A rest that was written at the end too; what is gone already is no error."""
    kept = files(table, rows).write("2013-01", 0, rows.head(1)).new.file.name
    data = DataFiles(table, Shape(KEY, dict(rows.schema), CLASSIFICATION, "month", gathered=True), "abd")
    first = data.write("", 0, rows).new.file.name
    rest = data.write_rest(rows.tail(1)).file
    assert (rest.rows, "-00001-" in rest.name) == (1, True)
    table.store.delete(first)
    data.remove()
    data.remove()
    assert table.store.list("") == [kept]
