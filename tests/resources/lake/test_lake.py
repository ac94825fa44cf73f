"""The lake: what was published is read back exactly, version by version, partition by partition."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mesh_pipelines.errors import DefinitionError, NotPublished, TransformError
from resources.keys.keyring import Keyring
from resources.lake.delta_log import Log
from resources.lake.digest import content_version
from resources.lake.lake import Commit, Lake
from tests.resources.samples import CLASSIFICATION, KEY
from tests.s3 import Bucket

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


def test_a_type_that_the_lake_cannot_hold_is_refused_at_once(lake: Lake) -> None:
    """Every such column is named, before anything is written."""
    with pytest.raises(DefinitionError) as error:
        lake.stage(KEY, {"a": pl.Object, "b": pl.Null, "c": pl.Int64}, dict.fromkeys("abc", "public"))
    assert [v.where for v in error.value.violations] == ["a", "b"]


def test_many_small_batches_become_few_files(lake: Lake) -> None:
    """Crumbs are gathered; the order of rows stays."""
    whole = pl.DataFrame({"flight": range(3000)})
    with lake.stage(KEY, whole.schema, CLASSIFICATION) as stage:
        for piece in whole.iter_slices(100):
            stage.write(piece)
        assert stage.rows == 3000
        stage.commit(RECORD)
    assert len(data_files(lake)) == 1
    assert_frame_equal(read(lake), whole)


def test_flushing_changes_when_files_are_made_and_nothing_else(lake: Lake, rows: pl.DataFrame) -> None:
    """Rows written before and after a flush are published in order; after a discard nothing of them is left."""
    with lake.stage(KEY, rows.schema, CLASSIFICATION) as stage:
        stage.write(rows.head(1))
        stage.flush()
        stage.write(rows.slice(1))
        stage.commit(RECORD)
    assert_frame_equal(read(lake), rows)
    with lake.stage(KEY, rows.schema, CLASSIFICATION) as stage:
        stage.write(rows.head(1))
        stage.flush()
    assert len(data_files(lake)) == 2


def test_staged_rows_can_be_read_and_are_invisible_to_others(lake: Lake, rows: pl.DataFrame) -> None:
    """A candidate is audited as it will be read; nobody else sees it before the commit."""
    with lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:
        stage.write(rows)
        assert_frame_equal(stage.scan().collect(), rows)
        assert stage.scan(columns=["flight"]).collect().columns == ["flight"]
        assert stage.partitions == ("2013-01", "2013-02")
        assert stage.data_version == content_version(rows)
        assert not lake.exists(KEY)
        stage.commit(RECORD)
    assert lake.exists(KEY)


def test_a_candidate_that_is_not_committed_leaves_nothing(lake: Lake, rows: pl.DataFrame) -> None:
    """An exception, or simply no commit, discards the staged files and keeps the published version."""
    publish(lake, rows)
    before = data_files(lake)
    with pytest.raises(RuntimeError), lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:  # noqa: PT012
        stage.write(rows)
        stage.scan()
        raise RuntimeError("audit refused")
    assert data_files(lake) == before
    assert not lake.store.list("operations/departures/_staging")
    assert_frame_equal(read(lake), rows)


def test_a_stage_ends_with_its_commit(lake: Lake, rows: pl.DataFrame) -> None:
    """Nothing can be added to what is published."""
    with lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:
        stage.write(rows)
        stage.commit(RECORD)
        with pytest.raises(ValueError, match="committed or discarded"):
            stage.write(rows)


def test_the_record_says_what_was_published(lake: Lake, rows: pl.DataFrame) -> None:
    """Rows, content, schema, classification, time and the publisher's own facts are in the Delta commit."""
    commit = publish(lake, rows)
    record = lake.record(KEY)
    assert (record.version, record.rows, record.data_version) == (0, 3, content_version(rows))
    assert record.info == RECORD
    assert record.schema == dict(rows.schema)
    assert record.classification == CLASSIFICATION
    assert {name: part.rows for name, part in record.partitions.items()} == {"2013-01": 2, "2013-02": 1}
    assert abs((dt.datetime.now(dt.UTC) - record.published_at).total_seconds()) < 60
    assert record == commit.publication


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


def test_facts_may_build_on_the_version_before(lake: Lake, rows: pl.DataFrame) -> None:
    """A record can be a function of what was published before."""
    for _ in range(2):
        with lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:
            stage.write(rows)
            stage.commit(lambda before: {"count": before.info["count"] + 1 if before else 1})
    assert [p.info["count"] for p in lake.history(KEY)] == [2, 1]


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


def test_what_is_not_published_is_said_so(lake: Lake, rows: pl.DataFrame) -> None:
    """No table and no such version are errors with a remedy; lists of what there is are empty."""
    for call in (lake.scan, lake.record, lake.version, lake.partitions, lake.schema):
        with pytest.raises(NotPublished, match="nothing is published yet"):
            call(KEY)
    assert lake.history(KEY) == []
    assert lake.keys() == ()
    publish(lake, rows)
    for version in (9, 999_999_999):
        begun = time.process_time()
        with pytest.raises(NotPublished, match=f"no version {version}"):
            lake.scan(KEY, version=version)
        assert time.process_time() - begun < 2, "Delta looks for every number before it"
    assert lake.keys() == (KEY,)


@pytest.mark.parametrize("key", ["departures", "a.b.c", "../a.b", "a/b.c", ""])
def test_a_key_names_a_domain_and_a_table(lake: Lake, key: str) -> None:
    """Keys become paths, so only keys are taken."""
    with pytest.raises(ValueError, match=r"domain\.name"):
        lake.exists(key)


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


def test_partitions_share_one_schema(lake: Lake, rows: pl.DataFrame) -> None:
    """Another schema cannot slip in with one partition: every difference is named, nothing is published."""
    publish(lake, rows)
    other = rows.with_columns(gate=pl.lit("B22"), delay=pl.lit(1))
    with pytest.raises(DefinitionError) as error:
        publish(lake, other, replace="partitions")
    assert {v.where for v in error.value.violations} == {"gate", "delay"}
    assert lake.version(KEY) == 0
    publish(lake, other)
    assert_frame_equal(read(lake), other)


def test_a_partition_column_is_public_and_a_plain_value(lake: Lake, rows: pl.DataFrame) -> None:
    """Partition values are readable in paths: a classified column, a float or a missing column is refused."""
    for by in ("passenger", "delay", "nowhere"):
        with pytest.raises(DefinitionError):
            lake.stage(KEY, rows.schema, {**CLASSIFICATION, "delay": "public"}, by)
    with pytest.raises(DefinitionError, match="no classification"):
        lake.stage(KEY, rows.schema, {})


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


def test_rows_that_do_not_fit_are_refused(lake: Lake, rows: pl.DataFrame) -> None:
    """Another type, a missing or an additional column, or rows of no partition never reach a file."""
    bad = [
        (rows.cast({"flight": pl.String}), "flight: expected Int64, got String"),
        (rows.drop("delay"), "delay: expected Float64, got nothing"),
        (rows.with_columns(x=1), "x: not expected"),
        (rows.with_columns(month=pl.lit(None, pl.String)), "without a value in the partition column"),
    ]
    with lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:
        for frame, message in bad:
            with pytest.raises(TransformError, match=message):
                stage.write(frame)
        stage.write(rows.select(reversed(rows.columns)))
        assert_frame_equal(stage.scan().collect(), rows)


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


def test_the_log_has_statistics_of_public_columns_only(lake: Lake, rows: pl.DataFrame) -> None:
    """Other readers can prune by public columns; not even a bound of a classified value is in the log."""
    publish(lake, rows)
    log = Path(lake.uri(KEY), "_delta_log/00000000000000000000.json").read_text()
    stats = [
        json.loads(json.loads(line)["add"]["stats"]) for line in log.splitlines() if line.startswith('{"add"')
    ]
    assert [s["numRecords"] for s in stats] == [2, 1]
    assert stats[0]["minValues"] == {"flight": 11}, "the log says itself of which month a file is"
    assert set(stats[0]["nullCount"]) == {"flight"}
    assert "Marguerite" not in log
    assert "3.5" not in log


def test_a_long_history_stays_readable_through_checkpoints(lake: Lake) -> None:
    """After more versions than a Delta checkpoint spans, every version and its record are still there."""
    for number in range(103):
        publish(lake, pl.DataFrame({"flight": [number]}), {"n": number}, by=None)
    assert len(list(Path(lake.uri(KEY), "_delta_log").glob("*.checkpoint.parquet"))) == 1
    assert [p.info["n"] for p in lake.history(KEY)] == list(range(102, -1, -1))
    assert read(lake, version=50)["flight"].to_list() == [50]
    assert read(lake)["flight"].to_list() == [102]


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
