"""Cutting batches by partition, and making files in threads."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.lake.file_threads import Filing, copied, cut


@given(st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=40))
def test_a_cut_is_a_partition_in_order(values: list[str | None]) -> None:
    """Whether a value's rows lie together or not, each piece has exactly its rows, in their order."""
    frame = pl.DataFrame({"at": values, "n": range(len(values))}, schema={"at": pl.String, "n": pl.Int64})
    pieces = cut(frame, "at").pieces
    expected = {v: p for (v,), p in frame.partition_by("at", as_dict=True, maintain_order=True).items()}
    assert {value: piece.rows() for value, piece in pieces.items()} == {
        v: p.rows() for v, p in expected.items()
    }


def test_only_rows_that_lie_together_are_shared() -> None:
    """Pieces of sorted rows are views of the batch, and say so; those of mixed rows are copies."""
    together = pl.DataFrame({"at": ["a"] * 3 + ["b"] * 3})
    assert cut(together, "at").shared
    assert not cut(pl.DataFrame({"at": ["a", "b"] * 20}), "at").shared
    assert copied(together).equals(together)


def test_files_are_taken_in_the_order_in_which_they_were_asked_for() -> None:
    """Numbers and results follow the order of asking, over several rounds."""
    filing = Filing(lambda partition, number, frame: (partition, number, frame.height))
    frame = pl.DataFrame({"n": [1, 2]})
    for partition in "abc":
        filing.add(partition, frame)
    assert filing.take() == [("a", 0, 2), ("b", 1, 2), ("c", 2, 2)]
    filing.add("d", frame)
    assert filing.take() == [("d", 3, 2)]
    filing.close()


def test_an_error_in_a_thread_reaches_the_one_who_takes() -> None:
    """A file that could not be made is not passed over in silence."""

    def fail(partition: str, number: int, frame: pl.DataFrame) -> None:
        raise OSError(partition)

    filing = Filing(fail)
    filing.add("a", pl.DataFrame())
    with pytest.raises(OSError, match="a"):
        filing.take()
    filing.close()
