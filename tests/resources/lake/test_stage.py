"""Staging: a candidate is invisible until its one commit, and leaves nothing without it."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mesh_pipelines.errors import TransformError
from resources.lake.digest import content_version
from resources.lake.lake import Lake
from tests.resources.published import RECORD, data_files, publish, read
from tests.resources.samples import CLASSIFICATION, KEY


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


def test_facts_may_build_on_the_version_before(lake: Lake, rows: pl.DataFrame) -> None:
    """A record can be a function of what was published before."""
    for _ in range(2):
        with lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:
            stage.write(rows)
            stage.commit(lambda before: {"count": before.info["count"] + 1 if before else 1})
    assert [p.info["count"] for p in lake.history(KEY)] == [2, 1]


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


def test_each_step_is_named_as_it_is_reached(lake: Lake, rows: pl.DataFrame) -> None:
    """In their order; an unchanged candidate ends before its commit."""
    for expected in (
        ["staging", "file", "file", "written", "committing", "committed", "done"],
        ["staging", "file", "file", "written"],
    ):
        steps: list[str] = []
        with lake.stage(KEY, rows.schema, CLASSIFICATION, "month", checkpoint=steps.append) as stage:
            stage.write(rows)
            stage.commit(RECORD)
        assert steps == expected


def test_an_empty_candidate_knows_no_rows_and_no_partitions(lake: Lake, rows: pl.DataFrame) -> None:
    """Before anything was written, and after a frame of no rows."""
    with lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:
        nothing = stage.rows, stage.partitions, stage.data_version
        stage.write(rows.clear())
        assert (stage.rows, stage.partitions, stage.data_version) == nothing
        assert nothing == (0, (), content_version(rows.clear()))
        assert_frame_equal(stage.scan().collect(), rows.clear())


def test_partitions_are_replaced_only_in_a_table_that_has_them(lake: Lake, rows: pl.DataFrame) -> None:
    """The call is refused, and the stage can still be committed."""
    with lake.stage(KEY, rows.schema, CLASSIFICATION) as stage:
        stage.write(rows)
        with pytest.raises(ValueError, match="partition_by"):
            stage.commit(RECORD, replace="partitions")
        assert stage.commit(RECORD).rows == 3


def test_a_discarded_stage_takes_and_commits_nothing(lake: Lake, rows: pl.DataFrame) -> None:
    """Discarding it again is no error."""
    with lake.stage(KEY, rows.schema, CLASSIFICATION, "month") as stage:
        stage.write(rows)
        stage.flush()
        stage.discard()
        stage.discard()
        for call in (lambda: stage.write(rows), stage.flush, lambda: stage.commit(RECORD)):
            with pytest.raises(ValueError, match="committed or discarded"):
                call()
    assert not lake.exists(KEY)
    assert lake.store.list("") == []


def test_a_publish_has_the_callers_name_or_one_of_its_own(lake: Lake, rows: pl.DataFrame) -> None:
    """Its files are named by the lake's own, which sorts by time."""
    for name in ("run 1", None):
        with lake.stage(KEY, rows.schema, CLASSIFICATION, publish_id=name) as stage:
            stage.write(rows if name else rows.reverse().head(2))
            record = stage.commit(RECORD).publication
        assert record.publish_id == (name or stage.token)
        assert {file.token for file in lake.head(KEY).files} == {record.token}
    second, first = lake.history(KEY)
    assert first.token < second.token
