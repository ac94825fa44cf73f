"""One table of the lake: its log, versions and rows, and the check of its files' bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

import polars as pl

from mesh_pipelines.errors import IntegrityError, KeyUnavailable, MeshError, NotPublished
from resources.keys.keyring import Keyring
from resources.lake.delta_log import Head, Log
from resources.lake.layout import LakeFile, partition_name, scan_files
from resources.lake.publication import Publication
from resources.storage_faults import is_full, storage_full_error
from resources.store import FolderStore, Store

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.[A-Za-z0-9][A-Za-z0-9_-]*")
_GONE = object()


class Table:
    """One table, published or not; ValueError for a key that is not ``domain.name``."""

    def __init__(self, key: str, store: Store, keyring: Keyring, storage_options: Mapping[str, str]) -> None:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key of the form domain.name: {key!r}")
        self.key, self.store, self.keyring = key, store, keyring
        self.root = key.replace(".", "/", 1)
        self.log = Log(store, self.root, key, storage_options)
        self.storage_options = storage_options
        self._verified: dict[str, tuple[int, int, int]] = {}
        self._records: dict[int | None, tuple[Publication, int, object]] = {}

    @property
    def uri(self) -> str:
        return self.log.uri

    def exists(self) -> bool:
        return self.log.exists()

    def head(self, version: int | None = None) -> Head:
        """Log, record and files of a version (default: the newest); NotPublished if there is none."""
        return self.log.load(version)

    def newest(self) -> Head | None:
        try:
            return self.head()
        except NotPublished:
            return None

    def record(self, version: int | None = None) -> Publication:
        """Publish record of a version; one that was read before is kept for as long as it holds."""
        known = self._records.get(version)
        if known is None or not self._is_valid(version, *known[1:]):
            head = self.head(version)
            known = head.publication, head.version, self._stamp(head.version)
            self._records[version] = known
        return known[0]

    def history(self, limit: int | None = None) -> list[Publication]:
        """Publish records, newest first; empty if nothing is published."""
        if not self.exists():
            return []
        return list(islice(self.log.publications(self.head().version), limit))

    def require_keys(self, record: Publication) -> None:
        """Refuse to make keys in place of lost ones; KeyUnavailable names one that is lost.

        Files of both would have one key version, and a backup of the keyring could not bring both back.
        """
        domain, product = self.key.split(".", 1)
        for layout in record.layouts.values():
            for classification, version in layout.needs():
                self.keyring.require(domain, product, classification, version)

    def scan(
        self,
        version: int | None = None,
        partitions: Collection[object] | None = None,
        columns: Sequence[str] | None = None,
        verify: bool | None = None,
    ) -> pl.LazyFrame:
        """A version as a lazy frame; arguments and errors as in :meth:`resources.lake.lake.Lake.scan`."""
        head = self.head(version)
        record = head.publication
        files: Sequence[LakeFile] = head.files
        among: pl.Expr | None = None
        if partitions is not None:
            wanted = {partition_name(value) for value in partitions}
            if record.gathered and record.partition_by:
                among = pl.col(record.partition_by).is_in(wanted)
            else:
                files = [file for file in files if file.partition in wanted]
        if version is not None and not {file.name for file in files} <= set(self.store.list(self.root)):
            raise NotPublished(
                f"version {version} was vacuumed: files of it are gone",
                where=self.key,
                remedy="read a newer version",
            )
        read = columns
        if columns is not None and among is not None:
            read = list(dict.fromkeys([*columns, *among.meta.root_names()]))
        found = self.rows(record, files, read, verify)
        if among is None:
            return found
        found = found.filter(among)
        return found if columns is None else found.select(columns)

    def rows(
        self,
        record: Publication,
        files: Sequence[LakeFile],
        columns: Sequence[str] | None = None,
        verify: bool | None = None,
    ) -> pl.LazyFrame:
        """Files of a published version as a lazy frame; the rest is as in :meth:`scan`."""
        if self._checks_bytes if verify is None else verify:
            self.verify(files)
        return scan_files(
            files,
            key=self.key,
            dtypes=record.schema,
            layouts=record.layouts,
            keyring=self.keyring,
            uri=self.store.uri,
            storage_options=self.storage_options,
            columns=columns,
        )

    def verify(self, files: Sequence[LakeFile], *, again: bool = False) -> None:
        """Compare the bytes of files with the SHA-256 in their names.

        Args:
            again: read also files that were found intact before and have the same size and time of change since.

        Raises:
            IntegrityError: naming every file that is missing or whose bytes are others.
        """

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

        # Hashing releases the interpreter lock, so threads use all cores.
        with ThreadPoolExecutor(max_workers=min(len(files), os.cpu_count() or 1) or 1) as pool:
            wrong = [found for found in pool.map(problem, files) if found]
        if wrong:
            raise IntegrityError(
                f"{len(wrong)} of {len(files)} files are not as they were written: {'; '.join(wrong)}",
                where=self.key,
                remedy="restore the files, read an earlier version, or publish the product again",
            )

    def intact(self, files: Sequence[LakeFile]) -> bool:
        """True if these files are as written; always in an object store, which ensures that itself."""
        try:
            if self._checks_bytes:
                self.verify(files)
        except IntegrityError:
            return False
        return True

    def explain(self, error: BaseException, version: int | None = None) -> BaseException:
        """The MeshError behind an error met while reading the table; the error itself if there is none."""
        if isinstance(error, MeshError):
            return error
        if is_full(error):
            return storage_full_error(str(error)[:200])
        if not isinstance(error, pl.exceptions.PolarsError | OSError):
            return error
        try:
            self.verify(self.head(version).files, again=True)
        except IntegrityError as found:
            return found
        if "encrypt" in str(error).lower() or "decrypt" in str(error).lower():
            return KeyUnavailable(
                f"its files are whole, but a data key is another ({str(error).splitlines()[0]})",
                where=self.key,
                remedy="restore the keyring's folder that belongs to this lake",
            )
        return error

    @contextmanager
    def reading(self, version: int | None = None) -> Generator[None]:
        """Read a scanned version inside this block: it raises a damaged file or a wrong key as an error of the mesh."""
        try:
            yield
        except Exception as error:
            explained = self.explain(error, version)
            if explained is error:
                raise
            raise explained from error

    @property
    def _checks_bytes(self) -> bool:
        return isinstance(self.store, FolderStore)

    def _is_valid(self, version: int | None, commit: int, stamp: object) -> bool:
        """True if a commit is the one that was read, and, where no version was given, the newest."""
        if stamp is _GONE or self._stamp(commit) != stamp:
            return False
        return version is not None or not self.store.exists(self.log.commit_file(commit + 1))

    def _stamp(self, commit: int) -> object:
        try:
            return self.store.stamp(self.log.commit_file(commit))
        except FileNotFoundError:
            return _GONE
