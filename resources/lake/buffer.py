"""Buffer of rows before they become data files: batches are cut by partition, small pieces wait to fill a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

_RUNS_PER_PARTITION = 4
_TARGET_ROWS = 1_000_000
_SMALL_ROWS = 250_000
_BUFFERED_ROWS = 2_000_000


@dataclass(frozen=True)
class Cut:
    """A batch by partition; if ``shared``, the pieces are views, each of which keeps the whole batch in memory."""

    pieces: Mapping[object, pl.DataFrame]
    shared: bool


def cut(frame: pl.DataFrame, by: str) -> Cut:
    """Rows by the value of one column, in their order; rows of one value that lie together are not copied."""
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
    return Cut({value: _join(parts) for value, parts in found.items()}, shared=len(found) > 1)


def copy(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows in memory of their own."""
    # Rechunking copies frames of several parts only; one of a single part would be kept as it is.
    return pl.concat([frame.head(1), frame.slice(1)], rechunk=True)


def _join(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return parts[0] if len(parts) == 1 else pl.concat(parts, rechunk=True)


class Buffer:
    """Rows by partition in bounded memory; ``emit`` takes a partition and the rows of one of its files."""

    def __init__(self, emit: Callable[[str, pl.DataFrame], None]) -> None:
        self._emit = emit
        self._frames: dict[str, list[pl.DataFrame]] = {}
        self._views: set[str] = set()

    @property
    def rows(self) -> int:
        return sum(map(self._height, self._frames))

    @property
    def partitions(self) -> list[str]:
        return sorted(self._frames)

    def add(self, pieces: Mapping[str, pl.DataFrame], *, shared: bool) -> None:
        large = sum(piece.height for piece in pieces.values()) >= _SMALL_ROWS
        for partition in list(self._frames):
            if partition not in pieces and large:
                # Rows seem to come in order of partition, and this one is complete.
                self._flush(partition)
            elif partition in self._views:
                self._frames[partition][-1] = copy(self._frames[partition][-1])
        self._views = set(pieces) if shared else set()
        for partition, piece in pieces.items():
            self._frames.setdefault(partition, []).append(piece)
            if self._height(partition) >= _SMALL_ROWS:
                self._flush(partition)
        while self.rows > _BUFFERED_ROWS:
            self._flush(max(self._frames, key=self._height))

    def flush(self) -> None:
        for partition in self.partitions:
            self._flush(partition)

    def clear(self) -> None:
        self._frames.clear()

    def _height(self, partition: str) -> int:
        return sum(frame.height for frame in self._frames[partition])

    def _flush(self, partition: str) -> None:
        frames = self._frames.pop(partition)
        whole = frames[0] if len(frames) == 1 else pl.concat(frames)
        # Files of equal size rather than a large one and a tiny one.
        count = max(1, round(whole.height / _TARGET_ROWS))
        for frame in whole.iter_slices(-(-whole.height // count)):
            self._emit(partition, frame)
