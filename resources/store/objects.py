"""A store that is an object store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from typing import IO, Any, cast

from resources.storage_faults import translate_storage_faults
from resources.store.protocol import Entry

_CHUNK = 4 * 2**20

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
