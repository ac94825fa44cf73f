"""Rows found by time, in any order of what is given, and never from later than the moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_pipelines import latest_as_of, values_at

NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SCHEMA = {"group": pl.String, "at": pl.Datetime("us", "UTC"), "value": pl.Int64}
ROWS = pl.Schema({"group": pl.String, "when": pl.Datetime("us", "UTC")})

groups = st.sampled_from(["a", "b"])
hours = st.integers(0, 6).map(lambda n: NOON + n * HOUR)


def known(*rows: tuple[str, datetime, int]) -> pl.LazyFrame:
    """What became known, in the order in which it is given."""
    return pl.LazyFrame(list(rows), schema=SCHEMA, orient="row")


def asking(*rows: tuple[str, datetime]) -> pl.LazyFrame:
    """Rows with a moment each."""
    return pl.LazyFrame(list(rows), schema=ROWS, orient="row")


def latest(rows: pl.LazyFrame, found: pl.LazyFrame, **options: Any) -> list[tuple[Any, ...]]:
    """The rows with the value that was known."""
    return latest_as_of(rows, found, when="when", at="at", by="group", **options).collect().rows()


def test_the_latest_row_of_its_group_that_was_known_is_found() -> None:
    """At the very moment counts, later does not, and neither does another group."""
    found = known(("a", NOON + HOUR, 2), ("a", NOON, 1), ("b", NOON, 9))
    rows = asking(("a", NOON - HOUR), ("a", NOON + HOUR / 2), ("a", NOON + HOUR), ("c", NOON + HOUR))

    assert [value for *_, value in latest(rows, found)] == [None, 1, 2, None]


def test_the_very_moment_can_be_left_out() -> None:
    """A row does not find itself."""
    found = known(("a", NOON, 1), ("a", NOON + HOUR, 2))

    assert latest(asking(("a", NOON + HOUR)), found, strictly_before=True) == [("a", NOON + HOUR, 1)]


@pytest.mark.parametrize(("age", "value"), [(HOUR, 1), (HOUR + timedelta(microseconds=1), None)])
def test_what_is_too_old_is_not_known(age: timedelta, value: int | None) -> None:
    """The greatest age still counts."""
    assert latest(asking(("a", NOON + age)), known(("a", NOON, 1)), within=HOUR) == [("a", NOON + age, value)]


def test_the_row_of_exactly_a_moment_is_found() -> None:
    """An hour before, not the nearest; a null where that hour is missing."""
    found = known(("a", NOON + 3 * HOUR, 4), ("a", NOON, 1), ("a", NOON + HOUR, 2))
    rows = asking(("a", NOON + HOUR), ("a", NOON + 2 * HOUR), ("a", NOON + 3 * HOUR))

    before = values_at(rows, found, when="when", at="at", by=["group"], offset=-HOUR).collect()
    after = values_at(rows, found, when="when", at="at", by="group", offset=HOUR).collect()

    assert before["value"].to_list() == [1, 2, None]
    assert after["value"].to_list() == [None, 4, None]
    assert before.columns == ["group", "when", "value"]


@given(
    st.lists(st.tuples(groups, hours)),
    st.lists(st.tuples(groups, hours, st.integers(0, 99)), unique_by=lambda row: row[:2]),
    st.booleans(),
)
def test_any_order_of_rows_finds_the_same(
    rows: list[tuple[str, datetime]], found: list[tuple[str, datetime, int]], strictly: bool
) -> None:
    """Each row finds what a search through everything known finds; rows come back in the order of their moments."""

    def search(group: str, when: datetime) -> int | None:
        before = [r for r in found if r[0] == group and (r[1] < when if strictly else r[1] <= when)]
        return max(before, key=lambda r: r[1])[2] if before else None

    expected = [(*row, search(*row)) for row in sorted(rows, key=lambda row: row[1])]

    assert latest(asking(*rows), known(*found), strictly_before=strictly) == expected
