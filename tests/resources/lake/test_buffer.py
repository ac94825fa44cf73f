"""Batches are cut by partition in order, and small pieces wait until they make a file."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from resources.lake.buffer import Buffer, copy, cut


@given(st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=40))
def test_a_cut_is_a_partition_in_order(values: list[str | None]) -> None:
    """Each piece has exactly the rows of its value, in their order, also where they do not lie together."""
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
    assert copy(together).equals(together)


def emitted(buffer_of: list[tuple[str, int]]) -> Buffer:
    """A buffer that notes what it hands on: the partition and how many rows."""
    return Buffer(lambda partition, frame: buffer_of.append((partition, frame.height)))


def rows(count: int) -> pl.DataFrame:
    """That many rows."""
    return pl.DataFrame({"n": range(count)})


def test_small_pieces_wait_until_they_make_a_file() -> None:
    """They are handed on together once they are enough, or when it is asked for, in order of partition."""
    files: list[tuple[str, int]] = []
    buffer = emitted(files)
    for _ in range(3):
        buffer.add({"b": rows(90_000)}, shared=False)
    assert files == [("b", 270_000)]
    buffer.add({"b": rows(1), "a": rows(2)}, shared=False)
    assert (buffer.rows, buffer.partitions) == (3, ["a", "b"])
    buffer.flush()
    assert files[1:] == [("a", 2), ("b", 1)]
    assert buffer.rows == 0


def test_a_partition_that_a_large_batch_passes_over_is_done() -> None:
    """Rows come in order of partition: the next one shows that the one before has no more."""
    files: list[tuple[str, int]] = []
    buffer = emitted(files)
    buffer.add({"a": rows(10)}, shared=False)
    buffer.add({"b": rows(5)}, shared=False)
    assert files == []
    buffer.add({"c": rows(250_000)}, shared=False)
    assert files == [("a", 10), ("b", 5), ("c", 250_000)]


def test_waiting_rows_are_bounded() -> None:
    """Of very many small partitions the largest goes first, so that memory does not grow with the table."""
    files: list[tuple[str, int]] = []
    buffer = emitted(files)
    for number in range(11):
        buffer.add({f"{number}": rows(199_000 + number)}, shared=False)
    assert files == [("10", 199_010)]
    assert buffer.rows < 2_000_000


def test_a_large_piece_becomes_files_of_equal_size() -> None:
    """Rather than whole ones and a crumb."""
    files: list[tuple[str, int]] = []
    emitted(files).add({"": rows(2_200_000)}, shared=False)
    assert files == [("", 1_100_000), ("", 1_100_000)]


def test_a_waiting_view_does_not_keep_its_batch() -> None:
    """The next batch has the rows copied, so that the one before can go."""
    buffer = emitted([])
    batch = pl.DataFrame({"n": range(1000)}).rechunk()
    buffer.add({"a": batch.slice(0, 10)}, shared=True)
    before = buffer._frames["a"][0]
    buffer.add({"b": rows(1)}, shared=False)
    after = buffer._frames["a"][0]
    assert after is not before
    assert after.equals(batch.head(10))
