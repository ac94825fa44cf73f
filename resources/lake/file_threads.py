"""Threads in which several data files are encoded and written at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

import polars as pl

T = TypeVar("T")


class FileThreads(Generic[T]):
    """Threads that make files; results are taken in the order in which files were added."""

    def __init__(self, make: Callable[[str, int, pl.DataFrame], T]) -> None:
        self._make = make
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: list[tuple[Future[T], int]] = []
        self._asked = 0

    def add(self, partition: str, frame: pl.DataFrame) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="mesh-files")
        future = self._pool.submit(self._make, partition, self._asked, frame)
        self._waiting.append((future, max(1, frame.height)))
        self._asked += 1

    def take(self, leaving: int = 0) -> list[T]:
        """Results since the last call, once unmade files have at most ``leaving`` rows together; or the first error."""
        left = 0
        upto = len(self._waiting)
        while upto and (left := left + self._waiting[upto - 1][1]) <= leaving:
            upto -= 1
        asked, self._waiting = [future for future, _ in self._waiting[:upto]], self._waiting[upto:]
        wait(asked)
        return [future.result() for future in asked]

    def close(self) -> None:
        """Drop files that have not begun, and wait for the others."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = None
        self._waiting.clear()
