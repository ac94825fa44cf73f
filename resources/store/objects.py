"""A store that is an object store."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from typing import IO, Any

from mesh_pipelines.errors import StorageUnusable
from resources.storage_faults import translate_storage_faults
from resources.store.options import obstore_options
from resources.store.protocol import Entry

_PART = 4 * 2**20
_HASHED_PART = 16 * 2**20  # fewer requests, for the whole object is read
_SOON = timedelta(seconds=15)


class ObjectStore:
    """An object store, through obstore; options by Delta Lake's names, the rest from the environment."""

    def __init__(self, root: str, options: Mapping[str, str] | None = None) -> None:
        self.root = root.rstrip("/")
        self.options = dict(options or {})

    def uri(self, name: str) -> str:
        return f"{self.root}/{name}"

    def write(self, name: str, data: bytes | memoryview) -> None:
        import obstore

        with self._writing():
            obstore.put(self._client, name, data)  # more than 5 MiB in parts, 12 at a time

    def replace(self, name: str, data: bytes) -> None:
        self.write(name, data)  # an object appears whole or not at all

    def create(self, name: str, data: bytes) -> None:
        import obstore

        with self._writing():
            obstore.put(self._client, name, data, mode="create")

    def read(self, name: str) -> bytes:
        import obstore

        with _os_errors():
            return bytes(obstore.get(self._client, name).bytes())

    def sha256(self, name: str) -> str:
        with io.BufferedReader(_Parts(self._client, name), _HASHED_PART) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def stamp(self, name: str) -> tuple[int, int, int] | None:
        return None

    def exists(self, name: str) -> bool:
        import obstore

        try:
            with _os_errors():
                obstore.head(self._client, name)
        except FileNotFoundError:
            return False
        return True

    def delete(self, name: str) -> None:
        import obstore

        with suppress(FileNotFoundError), _os_errors():
            obstore.delete(self._client, name)

    def list(self, folder: str) -> list[str]:
        import obstore

        with _os_errors():
            pages = obstore.list(self._client, folder or None, chunk_size=1000)
            return sorted(meta["path"] for page in pages for meta in page)

    def entries(self, folder: str) -> Iterator[Entry]:
        import obstore

        with _os_errors():
            found = obstore.list_with_delimiter(self._impatient_client, folder or None)
        for meta in found["objects"]:
            yield _entry(meta)

    def entry(self, name: str) -> Entry:
        import obstore

        with _os_errors():
            return _entry(obstore.head(self._client, name))

    def open(self, name: str) -> IO[bytes]:
        return io.BufferedReader(_Parts(self._client, name), _PART)

    @cached_property
    def _client(self) -> Any:
        return self._connect({}, {})

    @cached_property
    def _impatient_client(self) -> Any:
        """A client that soon gives up, so that no listing of a sensor hangs: its next look tries again."""
        timeouts = {"timeout": _SOON, "connect_timeout": timedelta(seconds=5)}
        return self._connect(timeouts, {"max_retries": 2, "retry_timeout": _SOON})

    def _connect(self, timeouts: dict[str, Any], retry: dict[str, Any]) -> Any:
        """A client: ``timeouts`` are of a user who gives none, ``retry`` is whatever a user gives."""
        from obstore.exceptions import BaseError
        from obstore.store import from_url

        try:
            given = obstore_options(self.options)
            if self.root.startswith("s3"):
                # One request an object, as every store that speaks S3 answers it; in bulk, some do not.
                given.config.setdefault("aws_disable_bulk_delete", "true")
            return from_url(
                self.root,
                config=given.config,  # type: ignore[arg-type]
                client_options=timeouts | given.client,  # type: ignore[arg-type]
                retry_config=given.retry | retry,  # type: ignore[arg-type]
            )
        except (BaseError, ValueError) as error:
            raise self._unusable_error(_first_line(error), "correct MESH_STORAGE_OPTIONS") from error

    @contextmanager
    def _writing(self) -> Generator[None]:
        """Faults of a write as errors of the mesh; FileExistsError passes."""
        with translate_storage_faults(self.root):
            try:
                with _os_errors():
                    yield
            except (FileNotFoundError, PermissionError) as error:
                remedy = (
                    "see that the bucket exists, and that MESH_STORAGE_OPTIONS lets this user write to it"
                )
                raise self._unusable_error(_first_line(error), remedy) from error

    def _unusable_error(self, why: str, remedy: str) -> StorageUnusable:
        return StorageUnusable(f"this store cannot be used: {why}", where=self.root, remedy=remedy)


def _entry(meta: Any) -> Entry:
    tag = str(meta["e_tag"] or "").strip('"')
    changed = int(meta["last_modified"].timestamp() * 1e9)
    return Entry(meta["path"], meta["size"], changed, tag, written=changed)


class _Parts(io.RawIOBase):
    """An object as a file that is fetched part by part, all of one version.

    Raises OSError: while reading: the object was replaced since it was opened.
    """

    def __init__(self, client: Any, name: str) -> None:
        import obstore

        with _os_errors():
            meta = obstore.head(client, name)
        self._client, self._name = client, name
        self._place, self._size = 0, meta["size"]
        tag = meta["e_tag"]
        # A weak tag matches nothing (RFC 9110, section 13.1.1).
        self._condition = {"if_match": tag} if tag and not tag.startswith("W/") else {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError("a place before the beginning")
        self._place = origin + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        import obstore

        end = min(self._place + len(buffer), self._size)
        if end <= self._place:
            return 0
        with _os_errors():
            options: Any = {"range": (self._place, end), **self._condition}
            data = obstore.get(self._client, self._name, options=options).bytes()
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def readall(self) -> bytes:
        # The inherited one asks for a few kilobytes at a time, each of which would be a request.
        return b"".join(iter(lambda: self.read(_PART) or b"", b""))


@contextmanager
def _os_errors() -> Generator[None]:
    """Errors of obstore as the OSErrors that a folder would raise; FileNotFoundError it raises itself."""
    from obstore import exceptions

    try:
        yield
    except exceptions.AlreadyExistsError as error:
        raise FileExistsError(_first_line(error)) from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise PermissionError(_first_line(error)) from error
    except exceptions.BaseError as error:
        raise OSError(_first_line(error)) from error


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
