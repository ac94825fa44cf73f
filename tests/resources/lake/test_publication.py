"""The publish record in a Delta commit."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import polars as pl

from resources.lake.digest import ContentDigest, content_version
from resources.lake.lake import Lake
from resources.lake.layout import Layout
from resources.lake.publication import METADATA_KEY, Publication
from tests.resources.published import RECORD, publish
from tests.resources.samples import CLASSIFICATION, KEY

PUBLICATION = Publication(
    key="shop.orders",
    version=3,
    data_version="abc",
    rows=2**40,
    published_at=dt.datetime(2013, 1, 1, 12, 0, 0, 1, tzinfo=dt.UTC),
    schema={"month": pl.String(), "at": pl.Datetime("us", "UTC")},
    classification={"month": "public", "at": "internal"},
    partition_by="month",
    gathered=False,
    partitions={"2013-02": ContentDigest(2**64 - 1, 0, 7), "2013-01": ContentDigest(0, 1, 0)},
    layouts={"0123abcd": Layout(2, {"at": ("internal", 1)})},
    publish_id="run 1",
    token="t",
    info={"audit": {"ü": [None, 1.5]}},
)


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


def test_a_record_is_read_as_it_was_written() -> None:
    """Through the text in the log, every entry of it; the version is that of the commit."""
    commit = json.loads(json.dumps(PUBLICATION.to_metadata()))
    found = Publication.from_commit(commit, 5)
    assert found is not None
    assert found == PUBLICATION.at(5)
    assert list(found.schema) == ["month", "at"]
    assert found.partitions == PUBLICATION.partitions


def test_a_table_without_partitions_and_without_keys_is_recorded() -> None:
    """Nothing of it is None or empty by accident."""
    plain = replace(
        PUBLICATION,
        partition_by=None,
        partitions={"": ContentDigest()},
        layouts={Layout().id: Layout()},
        info={},
    )
    assert Publication.from_commit(plain.to_metadata(), 3) == plain


def test_a_commit_of_another_tool_has_no_record() -> None:
    """Whatever else it holds."""
    assert Publication.from_commit({}, 0) is None
    assert Publication.from_commit({"operation": "WRITE", "mesh2": "{}"}, 0) is None


def test_a_record_of_before_files_were_shared_has_files_of_its_own() -> None:
    """It has no such entry."""
    record = json.loads(PUBLICATION.to_metadata()[METADATA_KEY])
    del record["gathered"]
    found = Publication.from_commit({METADATA_KEY: json.dumps(record)}, 3)
    assert found == PUBLICATION


def test_delta_has_partitions_only_where_files_lie_in_folders() -> None:
    """Files that partitions share lie in none."""
    assert PUBLICATION.folders_by == "month"
    assert replace(PUBLICATION, gathered=True).folders_by is None
    assert replace(PUBLICATION, partition_by=None).folders_by is None


def test_other_layouts_change_nothing_else() -> None:
    """The record before stays as it was."""
    other = PUBLICATION.using({})
    assert (other.layouts, other.using(PUBLICATION.layouts)) == ({}, PUBLICATION)
