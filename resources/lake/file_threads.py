"""From batches to data files: a batch is cut by partition, and several files are encoded and written at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

import polars as pl

_RUNS_PER_PARTITION = 4
T = TypeVar("T")


@dataclass(frozen=True)
class Cut:
    """A batch by partition; ``shared``: the pieces are views, each of which keeps the whole batch in memory."""

    pieces: Mapping[object, pl.DataFrame]
    shared: bool


def cut(frame: pl.DataFrame, by: str) -> Cut:
    """Rows by the value of one column, in their order. Where a value's rows lie together, none is copied."""
    column = frame.get_column(by)
    runs = column.rle().struct.unnest()
    if runs.height > _RUNS_PER_PARTITION * runs["value"].n_unique():
        parts = frame.partition_by(by, as_dict=True, maintain_order=True)
        return Cut({value: part for (value,), part in parts.items()}, shared=False)
    found: dict[object, list[pl.DataFrame]] = {}
    start = 0
    for length, value in runs.select("len", "value").iter_rows():
        found.setdefault(value, []).append(frame.slice(start, length))
        start += length
    return Cut({value: _joined(parts) for value, parts in found.items()}, shared=len(found) > 1)


def copied(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows in memory of their own."""
    # Of more than one part it has to make one anew; of a single one it would keep what there is.
    return pl.concat([frame.head(1), frame.slice(1)], rechunk=True)


def _joined(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return parts[0] if len(parts) == 1 else pl.concat(parts, rechunk=True)


class Filing(Generic[T]):
    """Threads that make files; what they made is taken in the order in which it was asked for."""

    def __init__(self, make: Callable[[str, int, pl.DataFrame], T]) -> None:
        self._make = make
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: list[Future[T]] = []
        self._asked = 0

    def add(self, partition: str, frame: pl.DataFrame) -> None:
        """Have a file made of these rows."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="mesh-filing")
        self._waiting.append(self._pool.submit(self._make, partition, self._asked, frame))
        self._asked += 1

    def take(self, leaving: int = 0) -> list[T]:
        """What was made since the last time, when all is there but the ``leaving`` youngest; or the first error."""
        upto = max(0, len(self._waiting) - leaving)
        asked, self._waiting = self._waiting[:upto], self._waiting[upto:]
        wait(asked)
        return [future.result() for future in asked]

    def close(self) -> None:
        """Forget what has not begun, and wait for the rest."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = None
        self._waiting.clear()
