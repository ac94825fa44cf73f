"""Keys of the columns of a data file, for Parquet modular encryption.

A file's name holds its layout, `part-<token>-<n>-k<layout>-<sha256>.parquet`, and the publish record holds the
layouts: so rotation, reclassification and partitions of different age live in one table.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import polars as pl

from mesh_pipelines.errors import IntegrityError
from resources.keys.keyring import FOOTER, Keyring
from resources.lake import dtypes as types

PUBLIC = "public"
_LEVEL = 1
"""zstd level: a file takes a fifth less processor time than at the default level, and is a seventh larger."""
_NAME = re.compile(
    r"(?:.*/)?part-(?P<token>[a-z0-9]+)-(?P<n>\d+)-k(?P<layout>[0-9a-f]{8})-(?P<sha>[0-9a-f]{64})\.parquet"
)


@dataclass(frozen=True)
class Layout:
    """Key versions of a data file: by encrypted column, the classification and the version of its key.

    ``footer`` is the version of the footer key; None if every column is public (then files are plain Parquet).
    """

    footer: int | None = None
    columns: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Identifier: 8 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:8]

    def to_json(self) -> dict[str, Any]:
        return {"footer": self.footer, "columns": {name: list(key) for name, key in self.columns.items()}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Layout:
        return cls(value["footer"], {name: (key[0], key[1]) for name, key in value["columns"].items()})

    @classmethod
    def current(cls, keyring: Keyring, key: str, classification: Mapping[str, str]) -> Layout:
        """The layout for new files: the newest version of every key (made on first use)."""
        domain, product = key.split(".", 1)
        protected = {name: kind for name, kind in classification.items() if kind != PUBLIC}
        if not protected:
            return cls()
        versions = {
            kind: keyring.data_key(domain, product, kind).version for kind in {*protected.values(), FOOTER}
        }
        return cls(versions[FOOTER], {name: (kind, versions[kind]) for name, kind in protected.items()})

    def needs(self) -> tuple[tuple[str, int], ...]:
        """Classification and version of every key in use."""
        footer = () if self.footer is None else ((FOOTER, self.footer),)
        return (*footer, *sorted(set(self.columns.values())))

    def _secrets(
        self, keyring: Keyring, key: str, dtypes: Mapping[str, pl.DataType], only: Collection[str] | None
    ) -> dict[str, bytes]:
        domain, product = key.split(".", 1)
        secrets: dict[str, bytes] = {}
        opened: dict[tuple[str, int], bytes] = {}
        for name, sealed in self.columns.items():
            if name in dtypes and (only is None or name in only):
                if sealed not in opened:
                    opened[sealed] = keyring.data_key(domain, product, sealed[0], sealed[1]).secret
                secrets.update(dict.fromkeys(types.leaves(name, dtypes[name]), opened[sealed]))
        return secrets

    def _footer_secret(self, keyring: Keyring, key: str) -> bytes:
        domain, product = key.split(".", 1)
        return keyring.data_key(domain, product, FOOTER, self.footer).secret

    def encryption(
        self, keyring: Keyring, key: str, dtypes: Mapping[str, pl.DataType]
    ) -> pl.ParquetEncryptionProperties | None:
        """Polars' properties for writing: the table's key is the AAD prefix, so a file fits no other table."""
        if self.footer is None:
            return None
        return pl.ParquetEncryptionProperties(
            footer_key=self._footer_secret(keyring, key),
            column_keys=self._secrets(keyring, key, dtypes, None),
            plaintext_footer=True,
            aad_prefix=key.encode(),
        )

    def decryption(
        self, keyring: Keyring, key: str, dtypes: Mapping[str, pl.DataType], only: Collection[str] | None
    ) -> pl.ParquetDecryptionProperties | None:
        """Polars' properties for reading these columns (None: all); KeyUnavailable if a key is missing."""
        if self.footer is None:
            return None
        return pl.ParquetDecryptionProperties(
            footer_key=self._footer_secret(keyring, key),
            column_keys=self._secrets(keyring, key, dtypes, only),
            aad_prefix=key.encode(),
        )


@dataclass(frozen=True, order=True)
class LakeFile:
    """One data file: its name below the lake's root, its partition ("" if none), its rows and bytes."""

    partition: str
    name: str
    rows: int = 0
    size: int = 0

    def _parsed(self) -> re.Match[str]:
        match = _NAME.fullmatch(self.name)
        if match is None:
            raise IntegrityError(
                "this file is in the table's log, but the mesh did not write it",
                where=self.name,
                remedy="read an earlier version, or publish again; only the mesh may write to its lake",
            )
        return match

    @property
    def token(self) -> str:
        return self._parsed()["token"]

    @property
    def layout(self) -> str:
        return self._parsed()["layout"]

    @property
    def sha256(self) -> str:
        return self._parsed()["sha"]


def partition_name(value: object) -> str:
    """A value of the partition column as text, for paths, log and record."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def file_name(token: str, number: int, layout: Layout, data: bytes | memoryview) -> str:
    """Name of a data file, with its publish, number, layout and hash."""
    return f"part-{token}-{number:05d}-k{layout.id}-{hashlib.sha256(data).hexdigest()}.parquet"


def encode(frame: pl.DataFrame, encryption: pl.ParquetEncryptionProperties | None) -> memoryview:
    """Encode one Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression_level=_LEVEL, encryption=encryption)
    return buffer.getbuffer()


def scan_files(
    files: Sequence[LakeFile],
    *,
    key: str,
    dtypes: Mapping[str, pl.DataType],
    layouts: Mapping[str, Layout],
    keyring: Keyring,
    uri: Callable[[str], str],
    storage_options: Mapping[str, str] | None,
    columns: Sequence[str] | None = None,
) -> pl.LazyFrame:
    """One lazy frame over files in their order, each read with its own keys."""
    schema = pl.Schema(dtypes)
    wanted = None if columns is None else set(columns)
    groups: list[pl.LazyFrame] = []
    for layout_id, members in groupby(files, key=lambda file: file.layout):
        try:
            layout = layouts[layout_id]
        except KeyError:
            raise IntegrityError(
                f"the publish record does not know the layout {layout_id} of one of its files",
                where=key,
                remedy="read an earlier version, or publish the product again",
            ) from None
        groups.append(
            pl.scan_parquet(
                [uri(file.name) for file in members],
                schema=schema,
                hive_partitioning=False,
                glob=False,
                storage_options=dict(storage_options) if storage_options else None,
                decryption=layout.decryption(keyring, key, dtypes, wanted),
            )
        )
    if not groups:
        frame = pl.LazyFrame(schema=schema)
    else:
        frame = groups[0] if len(groups) == 1 else pl.concat(groups, how="vertical")
    return frame if columns is None else frame.select(columns)
