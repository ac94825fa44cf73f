"""The lake: what was published is read back exactly, version by version, partition by partition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mesh_pipelines.errors import NotPublished
from resources.keys.keyring import Keyring
from resources.lake.digest import content_version
from resources.lake.lake import Lake
from tests.resources.published import RECORD, data_files, publish, read
from tests.resources.samples import CLASSIFICATION, KEY
from tests.s3 import Bucket

EVERY_TYPE: dict[str, tuple[Any, Any]] = {
    "i8": (pl.Int8, -1), "i16": (pl.Int16, 2), "i32": (pl.Int32, 3), "i64": (pl.Int64, 2**62),
    "u8": (pl.UInt8, 255), "u16": (pl.UInt16, 65535), "u32": (pl.UInt32, 2**32 - 1), "u64": (pl.UInt64, 2**64 - 1),
    "f32": (pl.Float32, 1.5), "f64": (pl.Float64, float("inf")), "boolean": (pl.Boolean, True),
    "string": (pl.String, "Zürich\n✈"), "binary": (pl.Binary, b"\x00\xff"), "date": (pl.Date, dt.date(2013, 1, 1)),
    "time": (pl.Time, dt.time(23, 59)), "naive": (pl.Datetime("us"), dt.datetime(2013, 1, 1, 5)),
    "utc": (pl.Datetime("us", "UTC"), dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC)),
    "zoned": (pl.Datetime("ms", "America/New_York"), dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC)),
    "duration": (pl.Duration("us"), dt.timedelta(minutes=3)), "decimal": (pl.Decimal(10, 2), Decimal("1.25")),
    "enum": (pl.Enum(["EWR", "JFK"]), "JFK"), "categorical": (pl.Categorical, "LGA"),
    "list": (pl.List(pl.String), ["a", None]), "array": (pl.Array(pl.Int16, 2), [1, 2]),
    "struct": (pl.Struct({"a": pl.Int64, "b": pl.List(pl.Struct({"c": pl.String}))}), {"a": 1, "b": [{"c": "x"}]}),
}  # fmt: skip


@pytest.mark.parametrize("classification", ["public", "confidential"])
def test_every_type_comes_back_as_it_was(lake: Lake, classification: str) -> None:
    """Values, nulls and types survive a publish, in clear and encrypted, nested ones too."""
    frame = pl.DataFrame(
        {name: pl.Series([value, None, value], dtype=dtype) for name, (dtype, value) in EVERY_TYPE.items()}
    )
    with lake.stage(KEY, frame.schema, dict.fromkeys(frame.columns, classification)) as stage:
        stage.write(frame)
        commit = stage.commit(RECORD)
    assert_frame_equal(read(lake), frame)
    assert lake.schema(KEY) == frame.schema
    assert commit.data_version == content_version(frame)


def test_an_empty_table_has_its_schema(lake: Lake, rows: pl.DataFrame) -> None:
    """No rows are a publish like any other: the columns are there, with their types."""
    commit = publish(lake, rows.clear())
    assert commit.rows == 0
    assert_frame_equal(read(lake), rows.clear())
    assert lake.partitions(KEY) == ()


def test_the_same_content_is_not_published_twice(lake: Lake, rows: pl.DataFrame) -> None:
    """The same rows in another order, by the same code under the same contract, write nothing at all."""
    first = publish(lake, rows)
    before = data_files(lake)
    again = publish(lake, rows.reverse(), {**RECORD, "run_id": "2"})
    assert (again.unchanged, again.version, again.data_version) == (True, first.version, first.data_version)
    assert data_files(lake) == before
    assert not lake.store.list("operations/departures/_staging")


@pytest.mark.parametrize("fact", ["contract_version", "code_version", "inputs"])
def test_a_new_fact_about_the_same_content_is_a_version_without_files(
    lake: Lake, rows: pl.DataFrame, fact: str
) -> None:
    """New code that makes the same rows is on record, and costs no rewrite."""
    first = publish(lake, rows)
    before = data_files(lake)
    second = publish(lake, rows, {**RECORD, fact: "other"})
    assert (second.version, second.unchanged, second.data_version) == (1, False, first.data_version)
    assert data_files(lake) == before
    assert lake.record(KEY).info[fact] == "other"
    assert_frame_equal(read(lake), rows)


def test_older_versions_stay_readable(lake: Lake, rows: pl.DataFrame) -> None:
    """Time travel: each version reads as it was when it was published, with its own schema and record."""
    wide = rows.with_columns(gate=pl.lit("B22"))
    publish(lake, rows)
    publish(lake, wide)
    publish(lake, rows.head(1), by=None)
    assert_frame_equal(read(lake, version=0), rows)
    assert_frame_equal(read(lake, version=1), wide)
    assert_frame_equal(read(lake), rows.head(1))
    assert [p.version for p in lake.history(KEY)] == [2, 1, 0]
    assert [p.version for p in lake.history(KEY, limit=2)] == [2, 1]
    assert lake.record(KEY, version=1).schema == dict(wide.schema)
    assert lake.version(KEY) == 2


def test_partitions_are_replaced_one_at_a_time(lake: Lake, rows: pl.DataFrame) -> None:
    """A corrected month replaces that month's rows, and no other file is touched."""
    publish(lake, rows)
    kept = [path for path in data_files(lake) if "2013-01" in str(path)]
    fixed = rows.filter(month="2013-02").with_columns(delay=pl.lit(7.0))
    commit = publish(lake, fixed, replace="partitions")
    expected = pl.concat([rows.filter(month="2013-01"), fixed])
    assert_frame_equal(read(lake), expected)
    assert commit.data_version == content_version(expected)
    assert set(kept) <= set(data_files(lake))
    assert [f.name for f in lake.head(KEY).files if "2013-01" in f.name] == [
        path.relative_to(lake.store.root).as_posix() for path in kept
    ]
    assert_frame_equal(read(lake, partitions=["2013-02"]), fixed)
    assert read(lake, partitions=["1999-01"]).height == 0
    assert lake.partitions(KEY) == ("2013-01", "2013-02")


def test_a_month_can_be_added_or_emptied(lake: Lake, rows: pl.DataFrame) -> None:
    """A new month joins the others; a month named without rows disappears."""
    publish(lake, rows.head(2), replace="partitions")
    publish(lake, rows.tail(1), replace="partitions")
    assert_frame_equal(read(lake), rows)
    publish(lake, rows.clear(), replace="partitions", partitions=["2013-01"])
    assert_frame_equal(read(lake), rows.tail(1))
    assert lake.record(KEY).data_version == content_version(rows.tail(1))


def test_appended_rows_come_after(lake: Lake, rows: pl.DataFrame) -> None:
    """Appending keeps what is there and its order, and the content version is that of the whole."""
    publish(lake, rows.head(1), by=None)
    publish(lake, rows.tail(2), by=None, replace="append")
    assert_frame_equal(read(lake), rows)
    assert lake.record(KEY).data_version == content_version(rows)


@pytest.mark.parametrize(
    "values", [[1, 2], [True, False], [dt.date(2013, 1, 1), dt.date(2013, 1, 2)], ["a/b %", "ü"]]
)
def test_partition_values_come_back_with_their_type(lake: Lake, values: list[Any]) -> None:
    """Integers, booleans, dates and any text can name a partition."""
    frame = pl.DataFrame({"p": values, "flight": [1, 2]})
    publish(lake, frame, by="p")
    assert_frame_equal(read(lake).sort("flight"), frame)
    assert_frame_equal(read(lake, partitions=[values[0]]), frame.head(1))
    publish(lake, frame.head(1).with_columns(flight=pl.lit(9, pl.Int64)), by="p", replace="partitions")
    assert read(lake)["flight"].sort().to_list() == [2, 9]


def test_vacuum_forgets_old_versions_and_only_those(lake: Lake, rows: pl.DataFrame) -> None:
    """Kept and pinned versions stay readable; a forgotten one says that it was vacuumed."""
    for number in range(4):
        publish(lake, rows.with_columns(flight=number))
    assert lake.vacuum(KEY, keep=1, pinned=[1]) == 4
    assert read(lake)["flight"].to_list() == [3, 3, 3]
    assert read(lake, version=1)["flight"].to_list() == [1, 1, 1]
    for version in (0, 2):
        with pytest.raises(NotPublished, match="was vacuumed"):
            lake.scan(KEY, version=version)
    assert [p.version for p in lake.history(KEY)] == [3, 2, 1, 0]
    assert lake.version(KEY) == 3


def test_vacuum_leaves_what_is_being_staged(lake: Lake, rows: pl.DataFrame) -> None:
    """A candidate in the making survives a vacuum next to it."""
    publish(lake, rows)
    with lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:
        stage.write(rows.with_columns(flight=pl.lit(9, pl.Int64)))
        stage.scan()
        assert lake.vacuum(KEY, keep=1) == 0
        stage.commit(RECORD)
    assert read(lake)["flight"].to_list() == [9, 9, 9]


def test_an_object_store_holds_the_lake_as_a_folder_does(
    s3: Callable[[str], Bucket], keyring: Keyring, rows: pl.DataFrame
) -> None:
    """The same publish through the object store's client: staged, committed, discarded, vacuumed, listed."""
    bucket = s3("lake")
    lake = Lake(f"{bucket.uri}/below", keyring, bucket.options)
    publish(lake, rows)
    with lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:
        stage.write(rows)
        stage.scan()
    publish(lake, rows.tail(1), replace="partitions")
    publish(lake, rows.head(1))
    assert_frame_equal(read(lake), rows.head(1))
    assert lake.keys() == (KEY,)
    assert lake.verify(KEY) == 1
    assert lake.vacuum(KEY, keep=1) == 2
    assert lake.heal(KEY) == 0
