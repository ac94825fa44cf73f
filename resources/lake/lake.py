"""The lake: published tables as a Delta log over Parquet files, each classified column under its own key.

Any Delta or Parquet reader reads the public columns; a classified column cannot be read without its key
(Parquet modular encryption, parquet-format "Encryption.md": AES-GCM, column keys, signed plaintext footer).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from resources.keys.keyring import Keyring
from resources.lake import dtypes as types
from resources.lake import writers
from resources.lake.commit import Commit
from resources.lake.delta_log import Head
from resources.lake.layout import LakeFile
from resources.lake.publication import Publication
from resources.lake.shape import Shape
from resources.lake.stage import Staging
from resources.lake.table import Table
from resources.store import open_store

if TYPE_CHECKING:
    from resources.settings import Settings

__all__ = ["Commit", "Lake", "Publication", "Staging"]


class Lake:
    """Every published table of the mesh, by key (``domain.name``)."""

    def __init__(self, uri: str, keyring: Keyring, storage_options: Mapping[str, str] | None = None) -> None:
        self.keyring = keyring
        self.storage_options = dict(storage_options or {})
        self.store = open_store(str(uri), self.storage_options)
        self._tables: dict[str, Table] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Lake:
        master = settings.master_key.get_secret_value() if settings.master_key else None
        return cls(settings.lake_uri, Keyring(settings.keys, master), settings.storage_options)

    def table(self, key: str) -> Table:
        """One table, published or not; ValueError for a key of another form."""
        if key not in self._tables:
            self._tables[key] = Table(key, self.store, self.keyring, self.storage_options)
        return self._tables[key]

    def root(self, key: str) -> str:
        return self.table(key).root

    def uri(self, key: str) -> str:
        return self.table(key).uri

    def stage(
        self,
        key: str,
        dtypes: Mapping[str, Any],
        classification: Mapping[str, str],
        partition_by: str | None = None,
        publish_id: str | None = None,
        *,
        gathered: bool = False,
        checkpoint: Callable[[str], None] = lambda _: None,
    ) -> Staging:
        """Begin a candidate for the next version of a table, after removing files that killed writers left there.

        Args:
            classification: of every column; "public" is written in clear, anything else under its own key.
            partition_by: a public column whose partitions can be replaced one at a time.
            gathered: partitions share files, for a table with few rows of each; its partition column is text.
            checkpoint: called with the name of each step as it is reached: staging, file, written, shared (of each
                file that is made anew because it holds other partitions too), committing, committed, done.

        Raises:
            DefinitionError: the lake cannot keep a type, a classification or the partition column.
            KeyUnavailable: keys that the published files were written with are missing, or the master key is.
        """
        table = self.table(key)
        writers.heal(table)
        head = table.newest()
        if head is not None:
            table.require_keys(head.publication)
        shape = Shape(key, types.check_types(key, dtypes), dict(classification), partition_by, gathered)
        shape.check()
        # A table whose partitions have files of their own keeps to that.
        before = head.publication if head is not None else None
        may_gather = before is None or before.gathered or before.partition_by is None
        shape = replace(shape, gathered=gathered and partition_by is not None and may_gather)
        return Staging(table, shape, head.version if head is not None else None, publish_id, checkpoint)

    def heal(self, key: str) -> int:
        """Remove files that killed writers left, not those of living ones; returns their number."""
        return writers.heal(self.table(key))

    def head(self, key: str, version: int | None = None) -> Head:
        """Log, record and files of a version (default: the newest); NotPublished if there is none."""
        return self.table(key).head(version)

    def scan(
        self,
        key: str,
        version: int | None = None,
        partitions: Collection[object] | None = None,
        columns: Sequence[str] | None = None,
        verify: bool | None = None,
    ) -> pl.LazyFrame:
        """A published table as a lazy frame, decrypted as it is read, in stable order.

        Columns in clear carry no authentication tag, and a single changed bit in one can make Polars 2.1 read
        other values, or abort the process. So files are compared with their SHA-256 before they are handed out. Errors
        while the frame is *read* are Polars' own: :meth:`reading` explains them.

        Args:
            columns: only these columns; no key is needed but theirs.
            verify: compare the files' bytes first, each once a process. Default: in a folder yes, in an object
                store (which does so itself) no.

        Raises:
            NotPublished: there is no such table or version, or its files were vacuumed.
            IntegrityError: a file is missing or was changed.
            KeyUnavailable: a key of a column is missing, destroyed or wrong.
        """
        return self.table(key).scan(version, partitions, columns, verify)

    def record(self, key: str, version: int | None = None) -> Publication:
        """The publish record of a version (default: the newest); NotPublished if there is none.

        Asked again, it sees whether that commit is still the newest, and reads nothing.
        """
        return self.table(key).record(version)

    def history(self, key: str, limit: int | None = None) -> list[Publication]:
        """Publish records, newest first; empty if nothing is published."""
        return self.table(key).history(limit)

    def version(self, key: str) -> int:
        """The newest published version; NotPublished if there is none."""
        return self.record(key).version

    def exists(self, key: str) -> bool:
        return self.table(key).exists()

    def keys(self) -> tuple[str, ...]:
        """Every key that was ever published, sorted."""
        folders = {
            name.partition("/_delta_log/")[0] for name in self.store.list("") if "/_delta_log/" in name
        }
        return tuple(sorted(folder.replace("/", ".") for folder in folders if folder.count("/") == 1))

    def partitions(self, key: str) -> tuple[str, ...]:
        """Partitions that hold rows, sorted; empty for a table without a partition column."""
        return tuple(sorted(name for name in self.record(key).partitions if name))

    def schema(self, key: str) -> pl.Schema:
        return pl.Schema(self.record(key).schema)

    def vacuum(self, key: str, keep: int, pinned: Collection[int] = ()) -> int:
        """Remove files that no kept version needs; returns their number.

        Args:
            keep: number of newest versions that stay readable (at least 1).
            pinned: older versions that stay readable too, such as those that models were trained on.
        """
        if keep < 1:
            raise ValueError("keep must be at least 1")
        self.heal(key)
        table = self.table(key)
        # In this order, a file that is listed has its writer's marker still, or is in the history by now.
        names = [name for name in self.store.list(table.root) if name.endswith(".parquet")]
        writing = writers.marked_tokens(table)
        versions = [publication.version for publication in self.history(key)]
        kept = {*versions[:keep], *(version for version in versions if version in set(pinned))}
        needed = {file.name for version in kept for file in self.head(key, version).files}
        gone = [
            name
            for name in names
            if "/part-" in name and name not in needed and LakeFile("", name).token not in writing
        ]
        for name in gone:
            self.store.delete(name)
        return len(gone)

    def verify(self, key: str, version: int | None = None) -> int:
        """Compare every byte of a version with its recorded hash; returns the number of files. Raises IntegrityError:
        naming every file that is missing or whose bytes are others.
        """
        files = self.head(key, version).files
        self.table(key).verify(files, again=True)
        return len(files)

    def explain(self, error: BaseException, key: str) -> BaseException:
        """The MeshError behind an error met while reading a table; the error itself if there is none."""
        return self.table(key).explain(error)

    def reading(self, key: str, version: int | None = None) -> AbstractContextManager[None]:
        """Read a scanned table inside this block: it raises a damaged file or a wrong key as an error of the mesh."""
        return self.table(key).reading(version)
