"""Rows handed to a child through memory that both processes map: written once, read in place, on no disk.

The memory is an anonymous file (``memfd_create``) whose descriptor the child is given when it is forked. One frame is
in it at a time: the child has inserted a frame before it answers, and the next one takes its place.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_KEPT = 256_000_000
"""Bytes that stay for the next frame: pages that are there already cost a third of new ones."""


@dataclass(frozen=True)
class SharedRows:
    """A frame in the memory of a :class:`Handover`: its first ``size`` bytes."""

    size: int


class Handover:
    """The side that gives rows. A system without ``memfd_create`` sends them through the child's connection."""

    def __init__(self) -> None:
        self._memory = os.memfd_create("mesh-rows") if hasattr(os, "memfd_create") else None

    def for_child(self) -> list[int]:
        """The child's descriptor, which reads only, to be closed once it is sent; empty without shared memory."""
        if self._memory is None:
            return []
        return [os.open(f"/proc/self/fd/{self._memory}", os.O_RDONLY)]

    def put(self, rows: pl.DataFrame) -> SharedRows | pl.DataFrame:
        """Have the child read these rows, whose column types Arrow knows, in place of those before.

        Raises OSError: no memory is left.
        """
        if self._memory is None:
            return rows
        import polars as pl

        if os.fstat(self._memory).st_size > _KEPT:
            self.forget()
        with os.fdopen(os.dup(self._memory), "wb") as file:
            file.seek(0)
            rows.write_ipc(file, compression="uncompressed", compat_level=pl.CompatLevel.newest())
            return SharedRows(os.lseek(self._memory, 0, os.SEEK_CUR))

    def forget(self) -> None:
        """Give back the memory of rows that nobody reads any more."""
        if self._memory is not None:
            os.ftruncate(self._memory, 0)

    def close(self) -> None:
        if self._memory is not None:
            os.close(self._memory)
        self._memory = None


def read_rows(memory: int, rows: SharedRows) -> pl.DataFrame:
    """The frame in the memory behind a descriptor, without a copy; it holds until the giver puts the next one."""
    import polars as pl
    import pyarrow as pa

    mapped = mmap.mmap(memory, rows.size, mmap.MAP_SHARED, mmap.PROT_READ)
    frame = pl.from_arrow(pa.ipc.open_file(pa.py_buffer(mapped)).read_all())
    assert isinstance(frame, pl.DataFrame)
    return frame
