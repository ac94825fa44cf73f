"""Totals as of a moment hold what had happened, and nothing that happened later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_pipelines import totals_as_of
from mesh_pipelines.errors import TransformError

NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENTS = {"group": pl.String, "at": pl.Datetime("us", "UTC"), "minutes": pl.Int64}
ROWS = pl.Schema({"group": pl.String, "when": pl.Datetime("us", "UTC")})
FIGURES = {"events": pl.lit(1), "minutes": pl.col("minutes"), "long": pl.col("minutes") >= 30}

groups = st.sampled_from(["a", "b"])
hours = st.integers(0, 6).map(lambda n: NOON + n * HOUR)


def totals(
    rows: list[tuple[str, datetime]],
    events: list[tuple[str | None, datetime | None, int]],
    **windows: timedelta | None,
) -> pl.DataFrame:
    """Each row with the totals of its group in the windows."""
    return totals_as_of(
        pl.LazyFrame(rows, schema=ROWS, orient="row"),
        pl.LazyFrame(events, schema=EVENTS, orient="row"),
        when="when",
        at="at",
        figures=FIGURES,
        windows={"group": windows},
    ).collect()


def test_an_event_counts_from_its_own_time_on_and_until_the_window_has_passed() -> None:
    """A window of an hour holds the moment at which it ends, and not the one an hour before."""
    found = totals(
        [("a", NOON + n * HOUR / 2) for n in (-1, 0, 1, 2)], [("a", NOON, 40)], hour=HOUR, ever=None
    )

    assert found["hour_events"].to_list() == [0, 1, 1, 0]
    assert found["ever_events"].to_list() == [0, 1, 1, 1]
    assert found["hour_minutes"].to_list() == [0, 40, 40, 0]
    assert found["hour_long"].to_list() == [0, 1, 1, 0]


def test_a_window_of_no_length_holds_nothing() -> None:
    """It ends where it begins."""
    assert totals([("a", NOON)], [("a", NOON, 40)], none=timedelta(0))["none_events"].to_list() == [0]


def test_an_event_without_a_time_or_a_group_counts_nowhere() -> None:
    """It has not happened, or nobody knows to whom."""
    found = totals([("a", NOON + HOUR)], [("a", None, 1), (None, NOON, 2), ("a", NOON, 4)], ever=None)

    assert found.row(0) == ("a", NOON + HOUR, 1, 4, 0)


def test_groups_of_several_columns_and_of_one_are_read_together() -> None:
    """Each group has its own windows, and their columns come in the order in which they are named."""
    events = pl.LazyFrame({"airport": ["x", "x", "y"], "carrier": ["p", "q", "p"], "at": [NOON, NOON, NOON]})
    rows = pl.LazyFrame({"airport": ["x", "y"], "carrier": ["p", "q"], "when": [NOON, NOON]})

    found = totals_as_of(
        rows,
        events,
        when="when",
        at="at",
        figures={"events": pl.lit(1)},
        windows={"airport": {"here": None}, ("airport", "carrier"): {"both": HOUR}},
    ).collect()

    assert found.columns == ["airport", "carrier", "when", "here_events", "both_events"]
    assert found.rows() == [("x", "p", NOON, 2, 1), ("y", "q", NOON, 1, 0)]


def test_fractions_are_refused() -> None:
    """Sums of fractions depend on the order of the rows: the same events would not give the same bits."""
    frame = pl.LazyFrame({"group": ["a"], "at": [NOON], "when": [NOON]})

    with pytest.raises(TransformError, match="only whole numbers") as refusal:
        totals_as_of(
            frame.select("group", "when"),
            frame.select("group", "at"),
            when="when",
            at="at",
            figures={"half": pl.lit(0.5)},
            windows={"group": {"ever": None}},
        )

    assert "half" in str(refusal.value)


@given(
    st.lists(st.tuples(groups, hours)),
    st.lists(st.tuples(groups, hours, st.integers(-99, 99))),
    st.integers(1, 4).map(lambda n: n * HOUR),
)
def test_any_order_of_events_gives_the_sums_of_what_had_happened(
    rows: list[tuple[str, datetime]], events: list[tuple[str, datetime, int]], window: timedelta
) -> None:
    """Each total is what adding up one event after another gives; rows come back in the order of their moments."""
    found = totals(rows, [*events], window=window)

    expected = [
        (
            group,
            when,
            sum(g == group and when - window < at <= when for g, at, _ in events),
            sum(m for g, at, m in events if g == group and when - window < at <= when),
            sum(m >= 30 for g, at, m in events if g == group and when - window < at <= when),
        )
        for group, when in sorted(rows, key=lambda row: row[1])
    ]
    assert found.rows() == expected
