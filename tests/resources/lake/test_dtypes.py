"""Types of columns, as JSON, in Delta Lake and as paths in Parquet."""

from __future__ import annotations

import json

import polars as pl
import pytest

from mesh_pipelines.errors import DefinitionError
from resources.lake.dtypes import check_types, from_json, in_delta, instance, leaves, to_json
from resources.lake.lake import Lake
from tests.resources.samples import KEY

NESTED = pl.Struct({"a": pl.Int64(), "b": pl.List(pl.Struct({"c": pl.Array(pl.UInt8(), 2)}))})
TYPES = [
    pl.Int8(), pl.UInt64(), pl.Float32(), pl.Boolean(), pl.String(), pl.Binary(), pl.Date(), pl.Time(),
    pl.Datetime("us"), pl.Datetime("ms", "Europe/Rome"), pl.Duration("ns"), pl.Decimal(38, 0), pl.Enum([]),
    pl.Enum(["a", "", "ü"]), pl.Categorical(), pl.List(pl.List(pl.Date())), NESTED, pl.Struct({}),
]  # fmt: skip


def test_a_type_that_the_lake_cannot_hold_is_refused_at_once(lake: Lake) -> None:
    """Every such column is named, before anything is written."""
    with pytest.raises(DefinitionError) as error:
        lake.stage(KEY, {"a": pl.Object, "b": pl.Null, "c": pl.Int64}, dict.fromkeys("abc", "public"))
    assert [v.where for v in error.value.violations] == ["a", "b"]


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_a_type_is_written_and_read(dtype: pl.DataType) -> None:
    """Through the text of the record, with unit, zone, precision, categories and fields."""
    assert from_json(json.loads(json.dumps(to_json(dtype)))) == dtype


@pytest.mark.parametrize(
    "dtype", [pl.Object(), pl.Null(), pl.Int128(), pl.List(pl.Null()), pl.Struct({"a": pl.Object()})], ids=str
)
def test_a_type_that_cannot_be_held_is_no_json(dtype: pl.DataType) -> None:
    """At any depth."""
    with pytest.raises(ValueError, match="the lake cannot hold"):
        to_json(dtype)


def test_a_type_of_a_later_version_is_not_guessed_at() -> None:
    """Its record cannot be read."""
    with pytest.raises(ValueError, match="unknown type 'map'"):
        from_json({"map": ["String", "String"]})
    with pytest.raises(KeyError):
        from_json("Int256")


def test_a_class_stands_for_its_instance() -> None:
    """As people write it."""
    assert [instance(given) for given in (pl.Int64, pl.Int64(), pl.Datetime("ms"))] == [
        pl.Int64(),
        pl.Int64(),
        pl.Datetime("ms"),
    ]


@pytest.mark.parametrize(
    ("dtype", "found"),
    [
        (pl.UInt8(), pl.Int16()),
        (pl.UInt64(), pl.Decimal(20, 0)),
        (pl.Time(), pl.Int64()),
        (pl.Duration("ms"), pl.Int64()),
        (pl.Datetime("ns", "Europe/Rome"), pl.Datetime("us", "UTC")),
        (pl.Datetime("ms"), pl.Datetime("us")),
        (pl.Enum(["a"]), pl.String()),
        (pl.Array(pl.UInt32(), 3), pl.List(pl.Int64())),
        (pl.Struct({"a": pl.Categorical()}), pl.Struct({"a": pl.String()})),
        (pl.Float32(), pl.Float32()),
    ],
    ids=str,
)
def test_other_readers_get_the_nearest_type_of_delta(dtype: pl.DataType, found: pl.DataType) -> None:
    """One that holds every value; Delta knows neither unsigned numbers nor nanoseconds."""
    assert in_delta(dtype) == found


@pytest.mark.parametrize(
    ("dtype", "paths"),
    [
        (pl.Int64(), ["x"]),
        (pl.List(pl.String()), ["x.list.element"]),
        (pl.Array(pl.Array(pl.Int8(), 2), 2), ["x.list.element.list.element"]),
        (NESTED, ["x.a", "x.b.list.element.c.list.element"]),
    ],
    ids=str,
)
def test_each_leaf_of_a_column_has_a_path(dtype: pl.DataType, paths: list[str]) -> None:
    """A leaf that is missed would be written in clear."""
    assert list(leaves("x", dtype)) == paths


def test_types_of_a_table_are_checked_together() -> None:
    """None is not a reason to stop; what can be held comes back as instances, in order."""
    with pytest.raises(DefinitionError) as error:
        check_types(KEY, {"a": pl.Null, "b": pl.Int8, "c": pl.List(pl.Object)})
    assert [violation.where for violation in error.value.violations] == ["a", "c"]
    assert list(check_types(KEY, {"b": pl.Int8, "a": pl.String}).items()) == [
        ("b", pl.Int8()),
        ("a", pl.String()),
    ]
    assert check_types(KEY, {}) == {}
