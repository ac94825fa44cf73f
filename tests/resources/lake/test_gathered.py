"""Partitions that share files: one is replaced as if it had files of its own, and the others stay as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mesh_pipelines.errors import DefinitionError, IntegrityError, TransformError
from resources.lake.digest import content_version
from resources.lake.lake import Commit, Lake
from resources.lake.stage import Staging
from tests.resources.samples import CLASSIFICATION, KEY

RECORD = {"run_id": "1"}


@pytest.fixture
def year() -> pl.DataFrame:
    """Twelve months of five rows each, in no order of month."""
    rows = pl.DataFrame({"n": range(60)}).select(
        month=pl.format("2013-{}", (pl.col("n") % 12 + 1).cast(pl.String).str.zfill(2)),
        flight=pl.col("n").cast(pl.Int64),
        passenger=pl.format("passenger {}", "n"),
    )
    return rows.with_columns(delay=pl.col("flight") / 2)


def staged(lake: Lake, frame: pl.DataFrame, **options: Any) -> Staging:
    """A stage for these columns."""
    return lake.stage(KEY, frame.schema, CLASSIFICATION, "month", gathered=True, **options)


def publish(lake: Lake, frame: pl.DataFrame, **commit: Any) -> Commit:
    """Publish a frame, its months in common files."""
    with staged(lake, frame) as stage:
        stage.write(frame)
        return stage.commit(RECORD, **commit)


def replace(lake: Lake, frame: pl.DataFrame, *months: str) -> Commit:
    """Replace these months."""
    return publish(lake, frame, replace="partitions", partitions=months)


def of(month: str, *flights: int) -> pl.DataFrame:
    """Rows of one month."""
    return pl.DataFrame({"flight": flights}, {"flight": pl.Int64}).select(
        month=pl.lit(month), flight="flight", passenger=pl.lit("new"), delay=pl.lit(0.0)
    )


def read(lake: Lake, **scan: Any) -> pl.DataFrame:
    """Published rows, in order of flight."""
    return lake.scan(KEY, **scan).sort("flight").collect()


def names(lake: Lake) -> set[str]:
    """Names of all data files on disk."""
    return {path.name for path in Path(lake.store.root).rglob("*.parquet")}


def published(lake: Lake) -> set[str]:
    """Names of the newest version's files."""
    return {file.name.rpartition("/")[2] for file in lake.head(KEY).files}


def test_months_share_a_file_and_are_known_one_by_one(lake: Lake, year: pl.DataFrame) -> None:
    """One file, twelve partitions; content and its version are the same as in files of their own."""
    with staged(lake, year) as stage:
        for piece in year.iter_slices(7):
            stage.write(piece)
        assert stage.rows == 60
        assert len(stage.partitions) == 12
        commit = stage.commit(RECORD)

    assert len(names(lake)) == 1
    assert_frame_equal(read(lake), year)
    assert commit.data_version == content_version(year)
    assert len(lake.partitions(KEY)) == 12
    assert all(part.rows == 5 for part in lake.record(KEY).partitions.values())


def test_one_month_is_replaced_and_the_others_stay(lake: Lake, year: pl.DataFrame) -> None:
    """Also where it becomes empty, and where it is new; the version before stays readable."""
    publish(lake, year)
    others = year.filter(pl.col("month") != "2013-03")

    commit = replace(lake, of("2013-03", 100, 101), "2013-03")
    assert_frame_equal(read(lake), pl.concat([others, of("2013-03", 100, 101)]))
    assert commit.data_version == content_version(read(lake))
    assert commit.rows == 57

    commit = replace(lake, year.clear(), "2013-03")
    assert_frame_equal(read(lake), others)
    assert commit.data_version == content_version(others)
    assert len(lake.partitions(KEY)) == 11

    replace(lake, of("2014-01", 200), "2014-01")
    assert_frame_equal(read(lake), pl.concat([others, of("2014-01", 200)]))
    assert_frame_equal(read(lake, version=0), year)
    assert lake.verify(KEY) == len(published(lake))


def test_the_same_month_again_makes_no_version_and_leaves_no_file(lake: Lake, year: pl.DataFrame) -> None:
    """Unchanged rows are found by their content, before anything is made anew."""
    publish(lake, year)
    before = names(lake)

    commit = replace(lake, year.filter(pl.col("month") == "2013-05"), "2013-05")
    assert commit.unchanged
    assert names(lake) == before


def test_only_files_that_hold_the_month_are_made_anew(lake: Lake, year: pl.DataFrame) -> None:
    """The log says which months a file may hold: a new month costs what it costs, whatever lies there already."""
    publish(lake, year)
    (old,) = published(lake)
    replace(lake, of("2014-01", 200, 201), "2014-01")
    assert old in published(lake)
    assert len(published(lake)) == 2

    replace(lake, of("2014-01", 202), "2014-01")  # alone in its file, which is simply replaced
    assert old in published(lake)
    assert len(published(lake)) == 2

    replace(lake, of("2013-06", 300), "2013-06")
    assert old not in published(lake)
    assert len(published(lake)) == 3


def test_a_file_whose_months_are_all_replaced_leaves_no_empty_one(lake: Lake) -> None:
    """Also where its bounds hold months that lie in other files."""
    publish(lake, pl.concat([of("2013-01", 1), of("2013-12", 12)]))
    replace(lake, of("2013-06", 6), "2013-06")
    replace(lake, pl.concat([of("2013-01", 10), of("2013-12", 120)]), "2013-01", "2013-12")

    assert read(lake)["flight"].to_list() == [6, 10, 120]
    assert len(published(lake)) == 2
    assert all(file.rows for file in lake.head(KEY).files)


def test_some_months_and_some_columns_can_be_read(lake: Lake, year: pl.DataFrame) -> None:
    """A month is found by its value, also where that is no column that was asked for."""
    publish(lake, year)
    wanted = year.filter(pl.col("month").is_in(["2013-02", "2013-11"]))

    assert_frame_equal(read(lake, partitions=["2013-02", "2013-11"]), wanted)
    assert_frame_equal(
        read(lake, partitions=["2013-02", "2013-11"], columns=["flight"]), wanted.select("flight")
    )
    assert read(lake, partitions=[]).is_empty()


def test_two_that_replace_months_of_one_file_are_both_there(lake: Lake, year: pl.DataFrame) -> None:
    """The one that comes second makes its file from what the first has left; nothing of its first attempt stays."""
    publish(lake, year)

    def other_publishes(step: str) -> None:
        if step == "committing" and lake.version(KEY) == 0:
            replace(lake, of("2013-04", 400), "2013-04")

    frame = of("2013-07", 700)
    with staged(lake, frame, checkpoint=other_publishes) as stage:
        stage.write(frame)
        commit = stage.commit(RECORD, replace="partitions")

    stay = year.filter(~pl.col("month").is_in(["2013-04", "2013-07"]))
    assert commit.version == 2
    assert_frame_equal(read(lake), pl.concat([stay, of("2013-04", 400), of("2013-07", 700)]))
    assert commit.data_version == content_version(read(lake))
    for version in (0, 1, 2):
        lake.verify(KEY, version)
    kept = {file.name.rpartition("/")[2] for version in (0, 1, 2) for file in lake.head(KEY, version).files}
    assert names(lake) == kept


def test_a_commit_that_fails_leaves_nothing(lake: Lake, year: pl.DataFrame) -> None:
    """Files made anew for it are removed with its own."""
    publish(lake, year)
    before = names(lake)

    def falls_over(step: str) -> None:
        if step == "committing":
            raise RuntimeError("no power")

    frame = of("2013-07", 700)
    with staged(lake, frame, checkpoint=falls_over) as stage:
        stage.write(frame)
        with pytest.raises(RuntimeError):
            stage.commit(RECORD, replace="partitions")
    assert names(lake) == before
    assert_frame_equal(read(lake), year)


def test_a_damaged_file_is_mended_by_publishing_all_that_it_held(lake: Lake, year: pl.DataFrame) -> None:
    """One of its months cannot be replaced, for the others would be lost; all of them can."""
    publish(lake, year)
    (file,) = Path(lake.store.root).rglob("*.parquet")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)

    with pytest.raises(IntegrityError, match="was changed"):
        replace(lake, of("2013-07", 700), "2013-07")
    assert lake.version(KEY) == 0

    replace(lake, year, *year["month"].unique())
    assert_frame_equal(read(lake), year)


def test_a_table_whose_months_have_files_of_their_own_keeps_to_that(lake: Lake, year: pl.DataFrame) -> None:
    """One that was published before goes on as it began."""
    with lake.stage(KEY, year.schema, CLASSIFICATION, "month") as stage:
        stage.write(year)
        stage.commit(RECORD)
    replace(lake, of("2013-03", 100), "2013-03")

    assert {file.partition for file in lake.head(KEY).files} == set(lake.partitions(KEY))
    others = year.filter(pl.col("month") != "2013-03")
    assert_frame_equal(read(lake), pl.concat([others, of("2013-03", 100)]))


def test_a_partition_that_shares_files_is_text_and_is_there(lake: Lake, year: pl.DataFrame) -> None:
    """Bounds in the log are compared as text, and a row without a partition could not be replaced."""
    with pytest.raises(DefinitionError) as error:
        lake.stage(KEY, year.schema, CLASSIFICATION, "flight", gathered=True)
    assert [v.rule for v in error.value.violations] == ["PartitionIsColumn"]

    nowhere = of("2013-01", 1).with_columns(month=pl.lit(None, pl.String))
    with pytest.raises(TransformError, match="without a value in the partition column"):
        publish(lake, nowhere)
    assert names(lake) == set()
