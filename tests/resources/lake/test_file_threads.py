"""Files made in threads are taken in order, and errors with them."""

from __future__ import annotations

import threading

import polars as pl
import pytest

from resources.lake.file_threads import FileThreads


def test_files_are_taken_in_the_order_in_which_they_were_asked_for() -> None:
    """Numbers and results follow the order of asking, over several rounds."""
    threads = FileThreads(lambda partition, number, frame: (partition, number, frame.height))
    frame = pl.DataFrame({"n": [1, 2]})
    for partition in "abc":
        threads.add(partition, frame)
    assert threads.take() == [("a", 0, 2), ("b", 1, 2), ("c", 2, 2)]
    threads.add("d", frame)
    assert threads.take() == [("d", 3, 2)]
    threads.close()


def test_an_error_in_a_thread_reaches_the_one_who_takes() -> None:
    """A file that could not be made is not passed over in silence."""

    def fail(partition: str, number: int, frame: pl.DataFrame) -> None:
        raise OSError(partition)

    threads = FileThreads(fail)
    threads.add("a", pl.DataFrame())
    with pytest.raises(OSError, match="a"):
        threads.take()
    threads.close()


def test_the_youngest_files_may_be_left_as_far_as_their_rows_allow() -> None:
    """The next batch waits for the others alone; later all are taken, in order."""
    proceed = threading.Event()

    def make(partition: str, number: int, frame: pl.DataFrame) -> str:
        del number, frame
        assert partition in "ab" or proceed.wait(60)
        return partition

    threads = FileThreads(make)
    for partition, rows in (("a", 2), ("b", 8), ("c", 3), ("d", 1)):
        threads.add(partition, pl.DataFrame({"n": range(rows)}))
    assert threads.take(leaving=4) == ["a", "b"]
    proceed.set()
    assert threads.take() == ["c", "d"]
    threads.close()
