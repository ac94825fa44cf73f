"""Digests: equal exactly when the content is equal, however it was ordered or cut into batches."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resources.lake.digest import ContentDigest, RowsDigest, content_version, data_version, ordered_digest

SCHEMA = {
    "i": pl.Int64(),
    "f": pl.Float64(),
    "s": pl.String(),
    "b": pl.Boolean(),
    "d": pl.Date(),
    "l": pl.List(pl.Int32),
    "e": pl.Enum(["x", "y"]),
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "i": st.integers(-(2**63), 2**63 - 1),
    "f": st.floats(),
    "s": st.text(max_size=8).filter(str.isprintable),
    "b": st.booleans(),
    "d": st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)),
    "l": st.lists(st.one_of(st.none(), st.integers(-5, 5)), max_size=3),
    "e": st.sampled_from(["x", "y"]),
}
ROW = st.fixed_dictionaries({name: st.one_of(st.none(), values) for name, values in VALUES.items()})
ROWS = st.lists(ROW, max_size=12)
NAMES = st.sampled_from(sorted(SCHEMA))


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of the schema above."""
    return pl.DataFrame(rows, schema=SCHEMA, orient="row") if rows else pl.DataFrame(schema=SCHEMA)


def pieces(whole: pl.DataFrame, cuts: list[int]) -> list[pl.DataFrame]:
    """The same rows, cut into batches."""
    at = [0, *sorted(cut % (whole.height + 1) for cut in cuts), whole.height]
    return [whole.slice(a, b - a) for a, b in pairwise(at)]


@given(rows=ROWS, seed=st.integers(0, 99))
def test_the_order_of_rows_is_no_matter(rows: list[dict[str, Any]], seed: int) -> None:
    """A shuffled frame has the same content."""
    whole = frame(rows)
    assert ContentDigest.of(whole.sample(fraction=1, shuffle=True, seed=seed)) == ContentDigest.of(whole)


@given(rows=ROWS, cuts=st.lists(st.integers(0, 100), max_size=4))
def test_batches_add_up(rows: list[dict[str, Any]], cuts: list[int]) -> None:
    """The digest of a whole is the sum of its batches', wherever it is cut."""
    whole = frame(rows)
    total = sum((ContentDigest.of(piece) for piece in pieces(whole, cuts)), ContentDigest())
    assert total == ContentDigest.of(whole)
    assert ContentDigest.from_hex(total.hex, total.rows) == total


@given(rows=st.lists(ROW, min_size=1, max_size=8), at=st.integers(0, 99), name=NAMES, data=st.data())
def test_one_changed_cell_changes_the_digest(
    rows: list[dict[str, Any]], at: int, name: str, data: st.DataObject
) -> None:
    """Whichever cell gets another value (or a null), the digest is another, and so is the ordered one."""
    before, changed = frame(rows), [dict(row) for row in rows]
    changed[at % len(rows)][name] = data.draw(st.one_of(st.none(), VALUES[name]))
    after = frame(changed)
    assume(not after.equals(before))
    assert ContentDigest.of(after) != ContentDigest.of(before)
    assert ordered_digest([after], SCHEMA) != ordered_digest([before], SCHEMA)


@given(rows=st.lists(ROW, min_size=2, max_size=6), at=st.integers(0, 99), name=NAMES)
def test_swapping_cells_between_rows_changes_the_digest(
    rows: list[dict[str, Any]], at: int, name: str
) -> None:
    """Each column keeps the same values, but they belong to other rows: that is other content."""
    changed = [dict(row) for row in rows]
    one, two = changed[at % len(rows)], changed[(at + 1) % len(rows)]
    one[name], two[name] = two[name], one[name]
    one_zero = pl.when(pl.col("f") == 0).then(0.0).otherwise("f").alias("f")
    canonical = [sorted(map(str, frame(r).with_columns(one_zero).rows())) for r in (rows, changed)]
    assume(canonical[0] != canonical[1])
    assert ContentDigest.of(frame(changed)) != ContentDigest.of(frame(rows))


@given(rows=ROWS, cuts=st.lists(st.integers(0, 100), max_size=4))
def test_the_ordered_digest_does_not_see_batches(rows: list[dict[str, Any]], cuts: list[int]) -> None:
    """The same rows in the same order have one ordered digest, in one batch or in many."""
    whole = frame(rows)
    assert ordered_digest(pieces(whole, cuts), SCHEMA) == ordered_digest([whole], SCHEMA)


def test_the_ordered_digest_sees_the_order() -> None:
    """Reversed rows are another training set."""
    whole = pl.DataFrame({"a": [1, 2]})
    assert ordered_digest([whole.reverse()], whole.schema) != ordered_digest([whole], whole.schema)


@pytest.mark.parametrize(
    ("dtype", "one", "other"),
    [
        (pl.String, ["ab", "c"], ["a", "bc"]),
        (pl.String, ["", None], [None, ""]),
        (pl.List(pl.Int8), [[1], [2]], [[1, 2], []]),
        (pl.List(pl.Int8), [[], None], [None, []]),
        (pl.List(pl.Int8), [[None], []], [[], [None]]),
        (pl.Binary, [b"ab", b"c"], [b"a", b"bc"]),
    ],
)
def test_the_ordered_digest_knows_where_values_end(dtype: Any, one: list[Any], other: list[Any]) -> None:
    """The same bytes cut into other values, and empty values against nulls, are different."""
    schema = {"a": dtype}
    a, b = pl.DataFrame({"a": one}, schema=schema), pl.DataFrame({"a": other}, schema=schema)
    assert ordered_digest([a], schema) != ordered_digest([b], schema)


def test_the_ordered_digest_is_known() -> None:
    """It must stay what it is across releases, or no model's record can be checked any more."""
    known = pl.DataFrame(
        {"i": [1, None], "f": [float("nan"), -0.0], "s": ["é", None], "b": [True, False]},
        schema={"i": pl.Int32, "f": pl.Float32, "s": pl.String, "b": pl.Boolean},
    )
    assert ordered_digest([known], known.schema) == (
        "0ef8f1efdae5341e0160dfcedf22ce69dfc739c0eabff0ac480b4288d35449b9"
    )


def test_every_nan_is_one_nan() -> None:
    """NaNs with other bits, and the two zeros, are the same numbers to a reader."""
    import struct

    odd = struct.unpack("<d", bytes.fromhex("010000000000f87f"))[0]
    a, b = pl.DataFrame({"f": [float("nan"), 0.0]}), pl.DataFrame({"f": [odd, -0.0]})
    assert ordered_digest([a], a.schema) == ordered_digest([b], b.schema)
    assert ContentDigest.of(a) == ContentDigest.of(b)


def test_duplicates_count() -> None:
    """A row twice is not a row once: a multiset, not a set."""
    once = pl.DataFrame({"a": [1, 2]})
    twice = pl.concat([once, once])
    assert ContentDigest.of(twice) not in (ContentDigest.of(once), ContentDigest())
    assert ContentDigest.of(pl.DataFrame({"a": [1, 1]})) != ContentDigest.of(pl.DataFrame({"a": [2, 2]}))


def test_names_and_types_belong_to_the_version() -> None:
    """The same values under another name or type are another data version; so is an empty table of them."""
    base = pl.DataFrame({"a": [1], "b": [2]})
    others = [base.rename({"b": "c"}), base.cast(pl.Int32), base.select("b", "a"), base.clear()]
    versions = [content_version(f) for f in [base, *others]]
    assert len(set(versions)) == len(versions)
    assert content_version(base) == data_version(base.schema, [ContentDigest.of(base)])


def test_categoricals_are_their_strings() -> None:
    """Equal categories have one digest, in whichever order they were first seen."""
    a = pl.DataFrame({"c": ["x", "y"]}, schema={"c": pl.Categorical})
    b = pl.DataFrame({"c": ["y", "x"]}, schema={"c": pl.Categorical})
    assert ContentDigest.of(a) == ContentDigest.of(b)
    assert ordered_digest([a], a.schema) == ordered_digest([b.reverse()], b.schema)


def test_other_columns_are_refused() -> None:
    """An ordered digest is made for one schema."""
    with pytest.raises(ValueError, match="expected"):
        RowsDigest({"a": pl.Int64}).update(pl.DataFrame({"b": [1]}))


@pytest.mark.parametrize(
    "dtype",
    [
        pl.Int8, pl.UInt64, pl.Float32, pl.Decimal(10, 2), pl.Time, pl.Datetime("us", "UTC"), pl.Datetime("ns"),
        pl.Duration("ms"), pl.Binary, pl.Struct({"a": pl.Int64, "b": pl.List(pl.String)}), pl.Array(pl.Int8, 2),
    ],
)  # fmt: skip
def test_every_type_has_a_digest(dtype: Any) -> None:
    """Values, nulls and nested values of each type have different digests."""
    value = {
        pl.Decimal: 1, pl.Time: dt.time(1), pl.Datetime: dt.datetime(2013, 1, 1), pl.Duration: dt.timedelta(1),
        pl.Binary: b"\xff", pl.Struct: {"a": 1, "b": ["x", None]}, pl.Array: [1, 2],
    }.get(dtype if isinstance(dtype, type) else type(dtype), 1)  # fmt: skip
    full = pl.DataFrame({"a": pl.Series([value], dtype=dtype, strict=False)})
    null = pl.DataFrame({"a": pl.Series([None], dtype=dtype)})
    assert ContentDigest.of(full) != ContentDigest.of(null)
    assert ordered_digest([full], full.schema) != ordered_digest([null], null.schema)
