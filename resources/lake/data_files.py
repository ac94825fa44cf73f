"""Data files of one publish: written to their final place, and removed if it is not committed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from resources.lake.delta_log import NewFile, stats
from resources.lake.digest import ContentDigest
from resources.lake.layout import LakeFile, Layout, encode, file_name, scan_files
from resources.lake.shape import Shape
from resources.lake.table import Table

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True)
class WrittenFile:
    """A data file and the content of each partition in it."""

    new: NewFile
    parts: Mapping[str, ContentDigest]


class DataFiles:
    """Writes, reads and removes the data files of one publish, which ``token`` identifies.

    Raises KeyUnavailable: a key is missing or destroyed, or the master key is.
    """

    def __init__(self, table: Table, shape: Shape, token: str) -> None:
        self._table, self._shape, self._token = table, shape, token
        self.layout = Layout.current(table.keyring, table.key, shape.classification)
        self._encryption = self.layout.encryption(table.keyring, table.key, shape.dtypes)
        self._names: list[str] = []

    def write(self, partition: str, number: int, frame: pl.DataFrame) -> WrittenFile:
        """Write one file, the publish's ``number``-th; safe in several threads at once."""
        data, shape = encode(frame, self._encryption), self._shape
        folder = self._table.root
        if partition:
            folder = f"{folder}/{shape.partition_by}={_UNSAFE.sub('_', partition)}"
        name = f"{folder}/{file_name(self._token, number, self.layout, data)}"
        self._names.append(name)
        self._table.store.write(name, data)
        file = LakeFile(partition, name, frame.height, len(data))
        # A partition's own files all have the same value, and the log says which.
        columns = [name for name in shape.public if shape.gathered or name != shape.partition_by]
        return WrittenFile(NewFile(file, stats(frame, columns)), shape.digests(partition, frame))

    def write_rest(self, frame: pl.DataFrame) -> NewFile:
        """Write rows of unreplaced partitions whose shared file is removed."""
        return self.write("", len(self._names), frame).new

    def scan(self, files: Sequence[LakeFile], columns: Sequence[str] | None) -> pl.LazyFrame:
        """Files as a lazy frame, as a reader of the published table would read them."""
        return scan_files(
            files,
            key=self._table.key,
            dtypes=self._shape.dtypes,
            layouts={self.layout.id: self.layout},
            keyring=self._table.keyring,
            uri=self._table.store.uri,
            storage_options=self._table.storage_options,
            columns=columns,
        )

    def remove(self) -> None:
        for name in self._names:
            self._table.store.delete(name)
        self._names.clear()
