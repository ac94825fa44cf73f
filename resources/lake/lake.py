"""The lake: published tables as a Delta log over Parquet files, each classified column under its own key.

Any Delta or Parquet reader reads the public columns; a classified column cannot be read without its key
(Parquet modular encryption, parquet-format "Encryption.md": AES-GCM, column keys, signed plaintext footer).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import polars as pl

from mesh_pipelines.errors import IntegrityError, KeyUnavailable, MeshError, NotPublished
from resources.keys.keyring import Keyring
from resources.lake import dtypes as types
from resources.lake import stage as staging
from resources.lake.delta_log import Head, Log
from resources.lake.layout import LakeFile, scan_files
from resources.lake.publication import Publication
from resources.lake.stage import Commit, Stage
from resources.storage_faults import is_full, storage_full_error
from resources.store import FolderStore, open_store

if TYPE_CHECKING:
    from resources.settings import Settings

__all__ = ["Commit", "Lake", "Publication", "Stage"]

_GONE = object()
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.[A-Za-z0-9][A-Za-z0-9_-]*")


class Lake:
    """Every published table of the mesh, by key (``domain.name``).

    Args:
        uri: folder or object store.
        keyring: keys of the classified columns.
        storage_options: options of the object store, as deltalake and Polars take them.
    """

    def __init__(self, uri: str, keyring: Keyring, storage_options: Mapping[str, str] | None = None) -> None:
        self.keyring = keyring
        self.storage_options = dict(storage_options or {})
        self.store = open_store(str(uri), self.storage_options)
        self._verified: dict[str, tuple[int, int, int]] = {}
        self._records: dict[tuple[str, int | None], tuple[Publication, int, object]] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Lake:
        """The lake that the settings describe."""
        master = settings.master_key.get_secret_value() if settings.master_key else None
        return cls(settings.lake_uri, Keyring(settings.keys, master), settings.storage_options)

    def root(self, key: str) -> str:
        """Where a table is, relative to the lake."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key of the form domain.name: {key!r}")
        return key.replace(".", "/", 1)

    def uri(self, key: str) -> str:
        """Where a table is, for any Delta reader."""
        return self.store.uri(self.root(key))

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
    ) -> Stage:
        """A candidate for the next version of a table; first, what killed writers left there is removed.

        Args:
            key: ``domain.name``.
            dtypes: column names and Polars types, in order.
            classification: of every column; "public" is written in clear, anything else under its own key.
            partition_by: a public column whose partitions can be replaced one at a time.
            publish_id: the caller's name for this publish, kept in its record.
            gathered: partitions share files, for a table that has few rows of each; its partition column is text.
            checkpoint: called with the name of each step as it is reached: staging, file, written, shared (of each
                file that is made anew because it holds other partitions too), committing, committed, done.

        Raises:
            KeyUnavailable: keys that the published files were written with are missing, or the master key is.
        """
        self.heal(key)
        self._require_keys(key)
        return Stage(
            self,
            key,
            types.checked(key, dtypes),
            dict(classification),
            partition_by,
            publish_id,
            checkpoint,
            gathered=gathered,
        )

    def heal(self, key: str) -> int:
        """Remove what killed writers left and return how many files; writers that live are left alone."""
        return staging.heal(self, key)

    def log(self, key: str) -> Log:
        """The Delta log of a table, published or not."""
        return Log(self.store, self.root(key), key, self.storage_options)

    def head(self, key: str, version: int | None = None) -> Head:
        """Log, record and files of a version (default: the newest); NotPublished if there is none."""
        return self.log(key).load(version)

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
        other values, or abort the process. So files are compared with their SHA-256 before they are handed out.

        Args:
            key: ``domain.name``.
            version: Delta version; default the newest.
            partitions: only these partitions.
            columns: only these columns; no key is needed but theirs.
            verify: compare the files' bytes first, each once a process. Default: in a folder yes, in an object
                store (which does so itself) no.

        Raises:
            NotPublished: there is no such table or version, or its files were vacuumed.
            IntegrityError: a file is missing or was changed.
            KeyUnavailable: a key of a column is missing, destroyed or wrong.
        Errors while the frame is *read* are Polars' own: read it inside :meth:`reading` to have them
        explained.
        """
        head = self.head(key, version)
        record = head.publication
        files: Sequence[LakeFile] = head.files
        among: pl.Expr | None = None
        if partitions is not None:
            wanted = {str(value).lower() if isinstance(value, bool) else str(value) for value in partitions}
            if record.gathered and record.partition_by:
                among = pl.col(record.partition_by).is_in(wanted)
            else:
                files = [file for file in files if file.partition in wanted]
        if version is not None and not {file.name for file in files} <= set(self.store.list(self.root(key))):
            raise NotPublished(
                f"version {version} was vacuumed: files of it are gone",
                where=key,
                remedy="read a newer version",
            )
        read = columns
        if columns is not None and among is not None:
            read = list(dict.fromkeys([*columns, *among.meta.root_names()]))
        found = self.rows_of(record, files, read, verify)
        if among is None:
            return found
        found = found.filter(among)
        return found if columns is None else found.select(columns)

    def rows_of(
        self,
        record: Publication,
        files: Sequence[LakeFile],
        columns: Sequence[str] | None = None,
        verify: bool | None = None,
    ) -> pl.LazyFrame:
        """Some files of a published version as a lazy frame; the rest is as in :meth:`scan`."""
        if verify if verify is not None else isinstance(self.store, FolderStore):
            self._verify(record.key, files, again=False)
        return scan_files(
            files,
            key=record.key,
            dtypes=record.schema,
            layouts=record.layouts,
            keyring=self.keyring,
            uri=self.store.uri,
            storage_options=self.storage_options,
            columns=columns,
        )

    def record(self, key: str, version: int | None = None) -> Publication:
        """The publish record of a version (default: the newest); NotPublished if there is none.

        Asked again, it looks whether that commit is still the newest, and reads nothing.
        """
        known = self._records.get((key, version))
        if known is None or not self._stands(key, version, *known[1:]):
            head = self.head(key, version)
            known = head.publication, head.version, self._stamp(key, head.version)
            self._records[key, version] = known
        return known[0]

    def history(self, key: str, limit: int | None = None) -> list[Publication]:
        """Publish records, newest first; empty if nothing is published."""
        if not self.exists(key):
            return []
        return list(islice(self.log(key).publications(self.head(key).version), limit))

    def version(self, key: str) -> int:
        """The newest published version; NotPublished if there is none."""
        return self.record(key).version

    def exists(self, key: str) -> bool:
        """Was this key ever published?"""
        return self.log(key).exists()

    def keys(self) -> tuple[str, ...]:
        """Every key that was ever published, sorted."""
        folders = {
            name.partition("/_delta_log/")[0] for name in self.store.list("") if "/_delta_log/" in name
        }
        return tuple(sorted(folder.replace("/", ".") for folder in folders if folder.count("/") == 1))

    def partitions(self, key: str, version: int | None = None) -> tuple[str, ...]:
        """Partitions that hold rows, sorted; empty for a table without a partition column."""
        return tuple(sorted(name for name in self.record(key, version).partitions if name))

    def schema(self, key: str, version: int | None = None) -> pl.Schema:
        """Columns and their types, in order."""
        return pl.Schema(self.record(key, version).schema)

    def vacuum(self, key: str, keep: int, pinned: Collection[int] = ()) -> int:
        """Remove files that no kept version needs and return how many.

        Args:
            key: ``domain.name``.
            keep: how many of the newest versions stay readable (at least 1).
            pinned: older versions that stay readable too, such as those that models were trained on.
        """
        if keep < 1:
            raise ValueError("keep must be at least 1")
        self.heal(key)
        versions = [publication.version for publication in self.history(key)]
        kept = {*versions[:keep], *(version for version in versions if version in set(pinned))}
        needed = {file.name for version in kept for file in self.head(key, version).files}
        root = self.root(key)
        names = self.store.list(root)
        writing = {
            name.rpartition("/")[2].removesuffix(".json") for name in names if f"{root}/_staging/" in name
        }
        gone = [
            file.name
            for file in (
                LakeFile("", name) for name in names if name.endswith(".parquet") and "/part-" in name
            )
            if file.name not in needed and file.token not in writing
        ]
        for name in gone:
            self.store.delete(name)
        return len(gone)

    def verify(self, key: str, version: int | None = None) -> int:
        """Read every byte of a version and compare with what was written; returns the number of files.

        Raises:
            IntegrityError: naming every file that is missing or whose bytes are others.
        """
        files = self.head(key, version).files
        self._verify(key, files, again=True)
        return len(files)

    def intact(self, key: str, files: Sequence[LakeFile]) -> bool:
        """Are these files as they were written? In an object store, which sees to that itself: yes."""
        try:
            if isinstance(self.store, FolderStore):
                self._verify(key, files, again=False)
        except IntegrityError:
            return False
        return True

    def explain(self, error: BaseException, key: str, version: int | None = None) -> BaseException:
        """What an error met while reading a table means: a MeshError, or the error itself."""
        if isinstance(error, MeshError):
            return error
        if is_full(error):
            return storage_full_error(str(error)[:200])
        if not isinstance(error, pl.exceptions.PolarsError | OSError):
            return error
        try:
            self.verify(key, version)
        except IntegrityError as found:
            return found
        if "encrypt" in str(error).lower() or "decrypt" in str(error).lower():
            return KeyUnavailable(
                f"its files are whole, but a data key is another ({str(error).splitlines()[0]})",
                where=key,
                remedy="restore the keyring's folder that belongs to this lake",
            )
        return error

    @contextmanager
    def reading(self, key: str, version: int | None = None) -> Generator[None]:
        """Read a scanned table inside this block: a damaged file or a wrong key is named as that."""
        try:
            yield
        except Exception as error:
            explained = self.explain(error, key, version)
            if explained is error:
                raise
            raise explained from error

    def _stands(self, key: str, version: int | None, commit: int, stamp: object) -> bool:
        """Whether a commit is the one that was read, and, where no version was named, the newest."""
        if stamp is _GONE or self._stamp(key, commit) != stamp:
            return False
        return version is not None or not self.store.exists(self.log(key).commit_file(commit + 1))

    def _stamp(self, key: str, commit: int) -> object:
        try:
            return self.store.stamp(self.log(key).commit_file(commit))
        except FileNotFoundError:
            return _GONE

    def _require_keys(self, key: str) -> None:
        """Refuse to make keys in place of lost ones.

        Files of both would go by one number, and a backup of the keyring could not bring both back.
        """
        if not self.exists(key):
            return
        domain, product = key.split(".", 1)
        for layout in self.record(key).layouts.values():
            for classification, version in layout.needs():
                self.keyring.require(domain, product, classification, version)

    def _verify(self, key: str, files: Sequence[LakeFile], *, again: bool) -> None:
        def problem(file: LakeFile) -> str | None:
            try:
                stamp = self.store.stamp(file.name)
                if not again and stamp is not None and self._verified.get(file.name) == stamp:
                    return None
                if self.store.sha256(file.name) != file.sha256:
                    return f"{file.name} was changed"
            except FileNotFoundError:
                return f"{file.name} is missing"
            if stamp is not None:
                self._verified[file.name] = stamp
            return None

        # Hashing lets go of the interpreter, so threads share it out over the cores.
        with ThreadPoolExecutor(max_workers=min(len(files), os.cpu_count() or 1) or 1) as pool:
            wrong = [found for found in pool.map(problem, files) if found]
        if wrong:
            raise IntegrityError(
                f"{len(wrong)} of {len(files)} files are not as they were written: {'; '.join(wrong)}",
                where=key,
                remedy="restore the files, read an earlier version, or publish the product again",
            )
