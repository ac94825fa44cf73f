"""Bytes by name: the same few calls for a folder and for an object store (s3://, gs://, az://, ...)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Protocol, cast

from resources.storage_faults import translate_storage_faults

_CHUNK = 4 * 2**20
_UNFINISHED = ".tmp-"

# What obstore takes of the client rather than of the store, and what Delta Lake alone understands.
_CLIENT = {
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "timeout",
    "proxy_url",
    "user_agent",
}
_DELTA = ("aws_s3_", "delta_", "dynamo", "mount_", "max_retries", "retry_timeout", "max_concurrency")
_PATIENCE = timedelta(seconds=15)


@dataclass(frozen=True)
class Entry:
    """A file as a listing shows it.

    Args:
        name: relative to the root.
        size: bytes.
        changed: time of the last change, in nanoseconds since the epoch.
        tag: the store's own word for the content (ETag); empty where it has none.
    """

    name: str
    size: int
    changed: int
    tag: str = ""


class Store(Protocol):
    """Files below one root; names are relative and use forward slashes."""

    root: str

    def uri(self, name: str) -> str:
        """What Polars and Delta Lake are given to find this file or folder."""
        ...

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Create or replace a file; a writer that is killed meanwhile may leave a partial one."""
        ...

    def replace(self, name: str, data: bytes) -> None:
        """Like write, but a reader never sees a partial file."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of a file, or FileNotFoundError."""
        ...

    def exists(self, name: str) -> bool:
        """Is there such a file?"""
        ...

    def sha256(self, name: str) -> str:
        """SHA-256 of a file, 64 hexadecimal digits; FileNotFoundError if there is none."""
        ...

    def stamp(self, name: str) -> tuple[int, int, int] | None:
        """What changes when a file is written again; None if this store cannot say cheaply."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file; no error if there is none."""
        ...

    def list(self, folder: str) -> list[str]:
        """Names (relative to the root) of all files below a folder, sorted; empty if there is none."""
        ...

    def entries(self, folder: str) -> Iterator[Entry]:
        """The files right in a folder, in no order, at the price of a listing; none if there is no such folder."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """A file to read from its beginning, part by part."""
        ...


def open_store(uri: str, options: Mapping[str, str] | None = None) -> Store:
    """The store behind a URI; a path or file:// is a folder."""
    if uri.startswith("file://"):
        return FolderStore(uri.removeprefix("file://"))
    return ObjectStore(uri, options) if "://" in uri else FolderStore(uri)


class FolderStore:
    """A folder of this machine, or of a shared file system."""

    def __init__(self, root: str) -> None:
        self.root = str(Path(root).expanduser().absolute())

    def uri(self, name: str) -> str:
        return str(Path(self.root, name))

    def write(self, name: str, data: bytes | memoryview) -> None:
        path = Path(self.root, name)
        with translate_storage_faults(self.root):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            except OSError:
                path.unlink(missing_ok=True)
                raise

    def replace(self, name: str, data: bytes) -> None:
        """Like write, but a reader never sees a partial file."""
        path = Path(self.root, name)
        with translate_storage_faults(self.root):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=_UNFINISHED)
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(data)
                Path(temporary).replace(path)
            except OSError:
                Path(temporary).unlink(missing_ok=True)
                raise

    def read(self, name: str) -> bytes:
        return Path(self.root, name).read_bytes()

    def sha256(self, name: str) -> str:
        with Path(self.root, name).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def stamp(self, name: str) -> tuple[int, int, int] | None:
        stat = Path(self.root, name).stat()
        return stat.st_ino, stat.st_size, stat.st_mtime_ns

    def exists(self, name: str) -> bool:
        return Path(self.root, name).is_file()

    def delete(self, name: str) -> None:
        Path(self.root, name).unlink(missing_ok=True)

    def list(self, folder: str) -> list[str]:
        root = Path(self.root)
        found = (Path(parent, name) for parent, _, names in os.walk(root / folder) for name in names)
        # What a killed writer was about to put in place of a file is no file of the store's.
        return sorted(
            path.relative_to(root).as_posix() for path in found if not path.name.startswith(_UNFINISHED)
        )

    def entries(self, folder: str) -> Iterator[Entry]:
        prefix = f"{folder}/" if folder else ""
        try:
            found = os.scandir(Path(self.root, folder))
        except FileNotFoundError:
            return
        with found:
            for entry in found:
                try:
                    if entry.is_file():
                        stat = entry.stat()
                        yield Entry(prefix + entry.name, stat.st_size, stat.st_mtime_ns)
                except FileNotFoundError:
                    continue  # taken away while we looked

    def open(self, name: str) -> IO[bytes]:
        return Path(self.root, name).open("rb")


class ObjectStore:
    """An object store, through the client (and the options) that Delta Lake uses itself."""

    def __init__(self, root: str, options: Mapping[str, str] | None = None) -> None:
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import PyFileSystem

        self.root = root.rstrip("/")
        self.options = dict(options or {})
        # Delta Lake offers its client as a pyarrow file system, which has no stubs.
        self._files: Any = PyFileSystem(DeltaStorageHandler(self.root, self.options))

    def uri(self, name: str) -> str:
        return f"{self.root}/{name}"

    def write(self, name: str, data: bytes | memoryview) -> None:
        view = memoryview(data)
        with (
            translate_storage_faults(self.root),
            self._files.open_output_stream(name, buffer_size=2 * _CHUNK, compression=None) as stream,
        ):
            # Only what goes through pyarrow's buffer arrives as the bytes that Delta's client takes.
            for start in range(0, len(view), _CHUNK):
                stream.write(view[start : start + _CHUNK])

    def replace(self, name: str, data: bytes) -> None:
        self.write(name, data)  # an object appears whole or not at all

    def read(self, name: str) -> bytes:
        with self._files.open_input_stream(name) as stream:
            return stream.read()

    def sha256(self, name: str) -> str:
        return hashlib.sha256(self.read(name)).hexdigest()

    def stamp(self, name: str) -> tuple[int, int, int] | None:
        return None

    def exists(self, name: str) -> bool:
        from pyarrow.fs import FileType

        return self._files.get_file_info(name).type == FileType.File

    def delete(self, name: str) -> None:
        if self.exists(name):
            self._files.delete_file(name)

    def list(self, folder: str) -> list[str]:
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(folder, recursive=True, allow_not_found=True)
        return sorted(info.path for info in self._files.get_file_info(selector) if info.type == FileType.File)

    def entries(self, folder: str) -> Iterator[Entry]:
        found = self._listing.list_with_delimiter(folder or None)
        for meta in found["objects"]:
            tag = str(meta["e_tag"] or "").strip('"')
            yield Entry(meta["path"], meta["size"], int(meta["last_modified"].timestamp() * 1e9), tag)

    def open(self, name: str) -> IO[bytes]:
        return cast("IO[bytes]", self._files.open_input_stream(name, buffer_size=_CHUNK))

    @cached_property
    def _listing(self) -> Any:
        """A second client, for what Delta's does not say: ETags. It soon gives up, so that no look hangs."""
        from obstore.store import from_url

        config: dict[str, Any] = {}
        client: dict[str, Any] = {"timeout": _PATIENCE, "connect_timeout": timedelta(seconds=5)}
        for name, value in self.options.items():
            bare = name.lower().removeprefix("aws_").removeprefix("azure_").removeprefix("google_")
            if bare in _CLIENT:
                client[bare] = value
            elif not name.lower().startswith(_DELTA):
                config[name.lower()] = value
        retry = {"max_retries": 2, "retry_timeout": _PATIENCE}
        return from_url(self.root, config=config, client_options=client, retry_config=retry)  # type: ignore[arg-type]
