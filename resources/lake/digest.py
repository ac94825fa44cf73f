"""Digests of a frame's content: one ignores the order of rows, the other keeps it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl

from resources.lake import dtypes as types

_WORD = 2**64
_LANES = (0x5BD1E995, 0x9E3779B9)


_SUMS = [pl.col("word").hash(seed=lane).sum().alias(str(lane)) for lane in _LANES]


@lru_cache(maxsize=64)
def _word(schema: tuple[tuple[str, pl.DataType], ...]) -> pl.Expr:
    """One number for each row: the sum of its columns' hashes, each with a seed of its own."""
    hashes = [
        # A categorical's physical values depend on history; its strings do not.
        (pl.col(name).cast(pl.String) if isinstance(dtype, pl.Categorical) else pl.col(name)).hash(seed=seed)
        for seed, (name, dtype) in enumerate(schema)
    ]
    return pl.sum_horizontal(hashes).alias("word")


@dataclass(frozen=True)
class ContentDigest:
    """A multiset of rows as two sums modulo 2^64 and a count. Adding digests is concatenating frames.

    Every row becomes one 64-bit word (the sum of its columns' hashes), and each lane is the sum of another hash
    of those words: the order and batches of rows do not matter. It tells changed content from unchanged; it is
    not a cryptographic commitment (files carry SHA-256 for that). Words come from Polars' hash, so an upgrade
    of Polars may change them: the next publish then counts as new.
    """

    first: int = 0
    second: int = 0
    rows: int = 0

    def __add__(self, other: ContentDigest) -> ContentDigest:
        return ContentDigest(
            (self.first + other.first) % _WORD, (self.second + other.second) % _WORD, self.rows + other.rows
        )

    @property
    def hex(self) -> str:
        """32 hexadecimal digits, the two lanes."""
        return f"{self.first:016x}{self.second:016x}"

    @classmethod
    def from_hex(cls, text: str, rows: int) -> ContentDigest:
        return cls(int(text[:16], 16), int(text[16:], 16), rows)

    @classmethod
    def by(cls, frame: pl.DataFrame, column: str) -> dict[Any, ContentDigest]:
        """Digests of a frame's rows by the value of one of its columns."""
        words = frame.select(_word(tuple(frame.schema.items())), pl.col(column).alias("of"))
        found = words.group_by("of").agg(*_SUMS, pl.len())
        return {value: cls(first, second, rows) for value, first, second, rows in found.iter_rows()}

    @classmethod
    def of(cls, frame: pl.DataFrame) -> ContentDigest:
        """Digest of a frame (any rows x any columns), 0.05 s per million rows x 19 columns on two cores."""
        if frame.height == 0 or frame.width == 0:
            return cls(rows=frame.height)
        words = frame.select(_word(tuple(frame.schema.items())))
        return cls(*words.select(_SUMS).row(0), rows=frame.height)


def schema_json(schema: Mapping[str, Any]) -> str:
    """Names and types in order, as canonical JSON."""
    return json.dumps([[name, types.to_json(types.instance(dtype))] for name, dtype in schema.items()])


def data_version(schema: Mapping[str, Any], parts: Iterable[ContentDigest]) -> str:
    """The version of a whole table: 32 hexadecimal digits over its schema and the sum of its parts."""
    total = sum(parts, ContentDigest())
    return hashlib.sha256(f"{schema_json(schema)}|{total.rows}|{total.hex}".encode()).hexdigest()[:32]


def content_version(frame: pl.DataFrame) -> str:
    """Data version of a table in the lake with exactly this content."""
    return data_version(frame.schema, [ContentDigest.of(frame)])


class RowsDigest:
    """SHA-256 over rows in their order, independent of batches: for training records.

    Canonical form: nulls are marked apart and their values ignored; every NaN is one NaN; -0.0 is 0.0; strings are
    UTF-8 with their lengths apart, so that ("ab", "c") and ("a", "bc") differ. Stable across library versions.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = {name: types.instance(dtype) for name, dtype in schema.items()}
        self._streams: dict[str, Any] = {}
        self._rows = 0

    def update(self, frame: pl.DataFrame) -> RowsDigest:
        """Add the next rows; ValueError if their columns or types are not the schema's."""
        if dict(frame.schema) != self._schema:
            raise ValueError(f"expected {self._schema}, got {dict(frame.schema)}")
        self._rows += frame.height
        if frame.height:
            for position, name in enumerate(frame.columns):
                self._column(str(position), frame.get_column(name))
        return self

    def hexdigest(self) -> str:
        total = hashlib.sha256(f"{schema_json(self._schema)}|{self._rows}".encode())
        for path in sorted(self._streams):
            total.update(path.encode() + b"\0" + self._streams[path].digest())
        return total.hexdigest()

    def _feed(self, path: str, data: Any) -> None:
        self._streams.setdefault(path, hashlib.sha256()).update(data)

    def _column(self, path: str, column: pl.Series) -> None:
        self._feed(f"{path}/null", _bytes(column.is_null().cast(pl.UInt8)))
        dtype = column.dtype
        if isinstance(dtype, pl.Array):
            column = column.arr.to_list()
            dtype = column.dtype
        match dtype:
            case pl.List():
                self._feed(f"{path}/length", _bytes(column.list.len().cast(pl.Int64).fill_null(0)))
                inner = column.filter(column.list.len().fill_null(0) > 0).explode()
                self._column(f"{path}/item", inner)
            case pl.Struct():
                for position, field in enumerate(dtype.fields):
                    self._column(f"{path}/{position}", column.struct.field(field.name))
            case pl.Boolean():
                self._feed(path, _bytes(column.cast(pl.UInt8).fill_null(0)))
            case pl.Float32() | pl.Float64():
                import numpy as np

                values = np.array(column.fill_null(0.0).to_numpy())
                values[np.isnan(values)] = np.nan
                values += 0.0  # -0.0 + 0.0 is 0.0 (IEEE 754); Polars leaves this addition out
                self._feed(path, values.view(np.uint8))
            case pl.String() | pl.Categorical() | pl.Decimal():
                text = column.cast(pl.String).fill_null("")
                self._feed(f"{path}/length", _bytes(text.str.len_bytes().cast(pl.Int64)))
                # Polars joins in one pass; joining in Python would cost an object a row.
                self._feed(path, text.str.join("").item().encode())
            case pl.Binary():
                self._feed(f"{path}/length", _bytes(column.bin.size().cast(pl.Int64).fill_null(0)))
                text = column.fill_null(b"").bin.encode("hex")
                self._feed(path, bytes.fromhex(text.str.join("").item()))
            case _:
                physical = column.to_physical()
                self._feed(path, _bytes(physical.fill_null(0)))


def ordered_digest(frames: Iterable[pl.DataFrame], schema: Mapping[str, Any]) -> str:
    """:class:`RowsDigest` over all rows of all frames."""
    digest = RowsDigest(schema)
    for frame in frames:
        digest.update(frame)
    return digest.hexdigest()


def _bytes(column: pl.Series) -> Any:
    import numpy as np

    return np.ascontiguousarray(column.to_numpy()).view(np.uint8)
