"""Rows in shared memory: the child reads what was put there last, value for value, and nothing of it has a name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from quality.handover import Handover, SharedRows, read_rows

MOMENT = datetime(2013, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
ALL = pl.DataFrame(
    {
        "text": ["", "a text of more than twelve bytes", None],
        "flag": [True, None, False],
        "day": [date(2013, 1, 1), None, date(9999, 12, 31)],
        "moment": [MOMENT, None, MOMENT],
        "small": pl.Series([-128, None, 127], dtype=pl.Int8),
        "large": pl.Series([-(2**63), None, 2**63 - 1], dtype=pl.Int64),
        "real": pl.Series([1.5, None, float("inf")], dtype=pl.Float32),
        "double": [-0.0, None, 1e308],
        "money": pl.Series([Decimal("1.25"), None, Decimal("-3.50")], dtype=pl.Decimal(20, 2)),
        "many": [[1, 2], None, []],
        "nothing": pl.Series([None] * 3, dtype=pl.String),
    }
)


@pytest.fixture
def handover() -> Iterator[Handover]:
    """Both sides in this process."""
    handover = Handover()
    yield handover
    handover.close()


@pytest.fixture
def memory(handover: Handover) -> Iterator[int]:
    """The descriptor that a child is given."""
    [descriptor] = handover.for_child()
    yield descriptor
    os.close(descriptor)


def put(handover: Handover, frame: pl.DataFrame) -> SharedRows:
    """Put a frame into memory."""
    rows = handover.put(frame)
    assert isinstance(rows, SharedRows)
    return rows


@pytest.mark.parametrize("frame", [ALL, ALL.clear(), pl.concat([ALL, ALL], rechunk=False), ALL.slice(1, 1)])
def test_every_value_arrives(handover: Handover, memory: int, frame: pl.DataFrame) -> None:
    """In its type, of every type that a contract has, from frames in several pieces and from views of others."""
    assert_frame_equal(read_rows(memory, put(handover, frame)), frame)


def test_the_next_rows_take_the_place_of_those_before(
    handover: Handover, memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Larger or smaller: what is left behind them is not read; what was large is given back before."""
    large = pl.DataFrame({"n": range(100_000)})
    for frame in (ALL, large, ALL.head(1)):
        assert_frame_equal(read_rows(memory, put(handover, frame)), frame)
    assert os.fstat(memory).st_size > large.estimated_size()
    monkeypatch.setattr("quality.handover._KEPT", 1000)
    rows = put(handover, ALL)
    assert os.fstat(memory).st_size == rows.size
    handover.forget()
    assert os.fstat(memory).st_size == 0


def test_it_is_in_memory_alone_and_the_child_may_only_read(handover: Handover, memory: int) -> None:
    """No file system has a name for it."""
    put(handover, ALL)
    assert str(Path(f"/proc/self/fd/{memory}").readlink()).startswith("/memfd:")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(memory, b"x")


def test_without_such_memory_rows_are_sent_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none on macOS."""
    monkeypatch.delattr(os, "memfd_create")
    handover = Handover()
    assert handover.for_child() == []
    assert handover.put(ALL) is ALL
    handover.forget()
    handover.close()
