"""The calls that every store answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol


@dataclass(frozen=True)
class Entry:
    """A file as a listing shows it.

    Args:
        name: relative to the root.
        size: bytes.
        changed: time of the last change, in nanoseconds since the epoch; the owner of a file may set it to any time.
        written: time of the last change by the clock of the machine or store; nobody can set it.
        tag: the store's own word for the content (ETag); empty where it has none.
        odd: the kind of a name that is no plain file of this folder alone, such as a symbolic link; else empty.
        identity: changes when another file takes this name, or anybody writes or renames this one; empty where
            the store's tag says that.
    """

    name: str
    size: int
    changed: int
    tag: str = ""
    odd: str = ""
    identity: str = ""
    written: int = 0


class Store(Protocol):
    """Files below one root; names are relative and use forward slashes."""

    root: str

    def uri(self, name: str) -> str:
        """Address of this file or folder for Polars and Delta Lake."""
        ...

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Create or replace a file; a writer that is killed meanwhile may leave a partial one."""
        ...

    def replace(self, name: str, data: bytes) -> None:
        """Like write, but a reader never sees a partial file."""
        ...

    def create(self, name: str, data: bytes) -> None:
        """Create a small file unless there is one; of several writers at once exactly one does.

        A reader never sees a partial file. After an error other than FileExistsError the file may be there.

        Raises:
            FileExistsError: there is such a file. An object store whose answer was lost says so of this call's own
                file too: compare the bytes where that matters.
        """
        ...

    def read(self, name: str) -> bytes:
        """The bytes of a file, or FileNotFoundError."""
        ...

    def exists(self, name: str) -> bool: ...

    def sha256(self, name: str) -> str:
        """SHA-256 of a file, 64 hexadecimal digits; FileNotFoundError if there is none."""
        ...

    def stamp(self, name: str) -> tuple[int, int, int] | None:
        """A mark that changes when a file is written again; None if this store has none that is cheap."""
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

    def entry(self, name: str) -> Entry:
        """One file as a listing shows it now; FileNotFoundError if there is none."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """A file to read from its beginning, part by part."""
        ...
