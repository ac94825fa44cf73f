"""One table: its versions, its rows, and the bytes of its files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mesh_pipelines.errors import IntegrityError, KeyUnavailable, MeshError, NotPublished, StorageFull
from resources.keys.keyring import Keyring
from resources.lake.delta_log import Log
from resources.lake.lake import Lake
from resources.lake.table import Table
from tests.resources.published import data_files, publish
from tests.resources.samples import KEY


@pytest.fixture
def table(lake: Lake, rows: pl.DataFrame) -> Table:
    """A published table of two partitions, opened anew."""
    publish(lake, rows)
    return Table(KEY, lake.store, lake.keyring, {})


def test_a_record_is_read_once_until_there_is_a_newer_one(
    lake: Lake, rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again, the log is not read; what others publish, or put in its place, is seen at once."""
    publish(lake, rows)
    reader = Lake(lake.store.root, lake.keyring)
    first = reader.record(KEY)
    with monkeypatch.context() as patch:
        patch.setattr(Log, "load", lambda *_: pytest.fail("the log was read again"))
        assert reader.record(KEY) is first
    publish(lake, rows.head(1), replace="all")
    assert reader.record(KEY).version == 1
    assert reader.record(KEY, 0).data_version == first.data_version
    shutil.rmtree(Path(lake.uri(KEY)))
    with pytest.raises(NotPublished):
        reader.record(KEY)
    publish(lake, rows.head(2))
    assert (reader.record(KEY).version, reader.record(KEY).rows) == (0, 2)
    assert reader.record(KEY, 0).rows == 2


@pytest.mark.parametrize("key", ["departures", "a.b.c", "../a.b", "a/b.c", ""])
def test_a_key_names_a_domain_and_a_table(lake: Lake, key: str) -> None:
    """Keys become paths, so only keys are taken."""
    with pytest.raises(ValueError, match=r"domain\.name"):
        lake.exists(key)


@pytest.mark.parametrize("key", ["a.b", "9.0", "Domain_1.my-product"])
def test_a_key_is_a_folder_of_the_domain(lake: Lake, key: str) -> None:
    """One level below it."""
    assert Table(key, lake.store, lake.keyring, {}).root == key.replace(".", "/")


def test_a_table_that_is_not_published_has_no_version(lake: Lake) -> None:
    """Its history is empty, and its newest version None."""
    table = Table(KEY, lake.store, lake.keyring, {})
    assert (table.exists(), table.newest(), table.history()) == (False, None, [])
    with pytest.raises(NotPublished):
        table.record()


def test_bytes_are_compared_once_until_a_file_is_written_again(table: Table, lake: Lake) -> None:
    """On demand they are read all the same: who can write a file can set its time back."""
    path = data_files(lake)[0]
    table.verify(table.head().files)
    status, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1
    with path.open("r+b") as stream:
        stream.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    table.verify(table.head().files)
    with pytest.raises(IntegrityError, match="1 of 2 files"):
        table.verify(table.head().files, again=True)
    os.utime(path, ns=(1, 1))
    with pytest.raises(IntegrityError, match=f"{path.name} was changed"):
        table.verify(table.head().files)
    assert not table.intact(table.head().files)


def test_no_files_are_intact(table: Table) -> None:
    """There is nothing to compare."""
    table.verify([])
    assert table.intact([])


def test_a_missing_file_is_found_though_it_was_read_before(table: Table, lake: Lake) -> None:
    """It is named, with the number of all."""
    table.verify(table.head().files)
    data_files(lake)[1].unlink()
    with pytest.raises(IntegrityError, match=r"1 of 2 files .* is missing"):
        table.verify(table.head().files)


def test_an_error_while_reading_is_explained(table: Table) -> None:
    """One of the mesh and one that is none of storage are themselves."""
    own, other = NotPublished("x"), ValueError("x")
    assert table.explain(own) is own
    assert table.explain(other) is other
    assert isinstance(table.explain(OSError(28, "No space left on device")), StorageFull)
    whole = OSError("connection reset")
    assert table.explain(whole) is whole
    assert isinstance(table.explain(pl.exceptions.ComputeError("could not decrypt the page")), KeyUnavailable)


def test_a_damaged_file_is_the_explanation_of_any_error_of_the_reader(table: Table, lake: Lake) -> None:
    """Raised in its place, with the reader's own as the cause."""
    data_files(lake)[0].write_bytes(b"PAR1")
    with pytest.raises(IntegrityError) as error, table.reading():
        raise pl.exceptions.ComputeError("parquet: File out of specification")
    assert isinstance(error.value.__cause__, pl.exceptions.ComputeError)
    with pytest.raises(ValueError, match="of the domain"), table.reading():
        raise ValueError("of the domain")


def test_lost_keys_are_not_made_anew(table: Table, tmp_path: Path) -> None:
    """The first that is missing is named; a table of public columns needs none."""
    elsewhere = Table(KEY, table.store, Keyring(tmp_path / "elsewhere"), {})
    table.require_keys(table.record())
    with pytest.raises(KeyUnavailable):
        elsewhere.require_keys(table.record())
    elsewhere.require_keys(table.record().using({}))
    assert not list(tmp_path.glob("elsewhere/**/*.json"))


def test_columns_and_partitions_are_read_alone(table: Table, rows: pl.DataFrame) -> None:
    """Also none of them, and in the order that is asked for."""
    assert_frame_equal(table.scan(columns=["delay", "month"]).collect(), rows.select("delay", "month"))
    assert_frame_equal(
        table.scan(partitions=["2013-02"], columns=["flight"]).collect(), rows.tail(1).select("flight")
    )
    assert table.scan(partitions=[]).collect().schema == rows.schema
    with pytest.raises(MeshError):
        table.scan(version=1)
