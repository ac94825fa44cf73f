"""Calls a domain's function on inputs that have columns and no rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source


@dataclass(frozen=True)
class Call:
    """Result of one call; ``collected`` holds the keys of the inputs whose rows it asked for, in that order."""

    frames: Mapping[str, pl.LazyFrame]
    value: Any = None
    error: BaseException | None = None
    collected: tuple[str, ...] = ()


def call_without_rows(fn: Callable[..., Any], inputs: Mapping[str, tuple[str, Mapping[str, Any]]]) -> Call:
    """Call a function, which may raise anything; inputs by argument: key, and polars type of each column."""
    asked: list[str] = []
    frames = {argument: _empty(key, schema, asked) for argument, (key, schema) in inputs.items()}
    try:
        value = fn(**frames)
    # The function is the domain's own, and may raise anything on inputs that it was not written for.
    except (Exception, SystemExit, pl.exceptions.PanicException) as error:  # noqa: BLE001 (as the comment says)
        return Call(frames, error=error, collected=tuple(asked))
    return Call(frames, value, collected=tuple(asked))


def _empty(key: str, schema: Mapping[str, Any], asked: list[str]) -> pl.LazyFrame:
    """An empty input; a read of its rows adds the key to ``asked``."""

    def read(columns: list[str] | None, predicate: pl.Expr | None, *_: Any) -> Iterator[pl.DataFrame]:
        asked.append(key)
        frame = pl.DataFrame(schema=dict(schema))
        frame = frame if predicate is None else frame.filter(predicate)
        yield frame if columns is None else frame.select(columns)

    return register_io_source(read, schema=dict(schema))
