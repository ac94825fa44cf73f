"""Shape of a table: what the lake cannot keep is refused, and rows are held against it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mesh_pipelines.errors import DefinitionError, TransformError
from resources.lake.digest import ContentDigest
from resources.lake.lake import Lake
from resources.lake.publication import Publication
from resources.lake.shape import Shape
from tests.resources.published import publish, read
from tests.resources.samples import CLASSIFICATION, KEY

MONTH, DAY = pl.String(), pl.Date()


def shape(
    dtypes: Mapping[str, pl.DataType],
    by: str | None = None,
    *,
    gathered: bool = False,
    classification: Mapping[str, str] | None = None,
) -> Shape:
    """A table of public columns."""
    return Shape(KEY, dtypes, classification or dict.fromkeys(dtypes, "public"), by, gathered)


def violations(check: Any, *given: Any) -> list[tuple[str, str]]:
    """Rule and place of each violation."""
    with pytest.raises(DefinitionError) as error:
        check(*given)
    return [(violation.rule, violation.where) for violation in error.value.violations]


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


def test_everything_that_the_lake_cannot_keep_is_named_at_once() -> None:
    """A table of nothing, columns without a class, a partition column that is none."""
    assert violations(shape({}, "month").check) == [("PartitionIsColumn", "month"), ("TableHasColumns", KEY)]
    found = violations(shape({"a": DAY, "b": DAY}, classification={"c": "public"}).check)
    assert found == [("ColumnIsClassified", "a"), ("ColumnIsClassified", "b")]
    secret = shape({"n": pl.Float64()}, "n", classification={"n": "internal"})
    assert violations(secret.check) == [("PartitionIsColumn", "n"), ("PartitionIsPublic", "n")]


@pytest.mark.parametrize(
    ("dtype", "own", "shared"),
    [(pl.String(), True, True), (pl.Date(), True, False), (pl.UInt8(), True, False), (pl.Boolean(), True, False),
     (pl.Float32(), False, False), (pl.Datetime("us"), False, False), (pl.List(pl.String()), False, False)],
    ids=str,
)  # fmt: skip
def test_some_types_name_partitions(dtype: pl.DataType, own: bool, shared: bool) -> None:
    """Text alone can name partitions that share files, for their bounds are compared as text."""
    for gathered, sound in ((False, own), (True, shared)):
        table = shape({"p": dtype}, "p", gathered=gathered)
        if sound:
            table.check()
        else:
            assert violations(table.check) == [("PartitionIsColumn", "p")]


def published(dtypes: Mapping[str, pl.DataType], by: str | None) -> Publication:
    """A record of a table of these columns."""
    now = dt.datetime(2013, 1, 1, tzinfo=dt.UTC)
    return Publication(KEY, 0, "", 0, now, dtypes, {}, by, False, {}, {}, "", "", {})


@pytest.mark.parametrize(
    ("now", "by", "places"),
    [
        ({"month": MONTH, "n": pl.Int64()}, "month", []),
        ({"month": MONTH, "n": pl.Int32()}, "month", ["n"]),
        ({"month": MONTH}, "month", ["n"]),
        ({"month": MONTH, "n": pl.Int64(), "x": DAY}, "month", ["x"]),
        ({"n": pl.Int64(), "month": MONTH}, "month", [KEY]),
        ({"month": MONTH, "n": pl.Int64()}, None, [KEY]),
        ({"x": MONTH}, "x", ["month", "n", "x", KEY]),
    ],
)
def test_rows_that_stay_have_the_shape_of_new_ones(
    now: Mapping[str, pl.DataType], by: str | None, places: list[str]
) -> None:
    """Columns, types, order and partitioning; each difference is named."""
    before = published({"month": MONTH, "n": pl.Int64()}, "month")
    if not places:
        shape(now, by).check_against(before)
        return
    found = violations(shape(now, by).check_against, before)
    assert found == [("PartitionsShareOneSchema", place) for place in places]


def test_a_frame_is_brought_into_the_order_of_the_columns() -> None:
    """It is not changed otherwise, and what does not fit is named column by column."""
    table = shape({"month": MONTH, "n": pl.Int64()})
    frame = pl.DataFrame({"n": [1], "month": ["2013-01"]})
    assert_frame_equal(table.conform(frame), frame.select("month", "n"))
    assert table.conform(frame.clear()).height == 0
    with pytest.raises(TransformError) as error:
        table.conform(pl.DataFrame({"n": [1.5], "x": [1]}))
    assert (
        error.value.what
        == "month: expected String, got nothing; n: expected Int64, got Float64; x: not expected"
    )


def test_a_value_names_its_partition() -> None:
    """As text; without a value, or with an empty one, there is none."""
    table = shape({"month": MONTH}, "month")
    named = [table.partition_of(value) for value in ("2013-01", dt.date(2013, 1, 1), 7, True, 0)]
    assert named == ["2013-01", "2013-01-01", "7", "true", "0"]
    for nothing in (None, ""):
        with pytest.raises(TransformError, match="without a value in the partition column month"):
            table.partition_of(nothing)


def test_content_is_known_by_partition() -> None:
    """Of a file of its own by the partition it is of; of a shared file by its rows."""
    dtypes = {"month": MONTH, "n": pl.Int64()}
    frame = pl.DataFrame({"month": ["01", "02", "01"], "n": [1, 2, 3]})
    assert shape(dtypes, "month").digests("01", frame) == {"01": ContentDigest.of(frame)}
    assert shape(dtypes).digests("", frame) == {"": ContentDigest.of(frame)}
    shared = shape(dtypes, "month", gathered=True)
    months = {month: frame.filter(pl.col("month") == month) for month in ("01", "02")}
    assert shared.digests("", frame) == {month: ContentDigest.of(rows) for month, rows in months.items()}
    with pytest.raises(TransformError):
        shared.digests("", frame.with_columns(month=pl.lit(None, pl.String)))


def test_only_columns_classified_public_are_in_clear() -> None:
    """In the order of the table."""
    kinds = {"a": "internal", "b": "public", "c": "public"}
    assert shape(dict.fromkeys("cab", DAY), classification=kinds).public == ["c", "b"]
