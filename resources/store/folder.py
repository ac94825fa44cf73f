"""A store that is a folder."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from resources.storage_faults import translate_storage_faults
from resources.store.protocol import Entry

_UNFINISHED = ".tmp-"


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
        with translate_storage_faults(self.root), _temporary(path, data) as temporary:
            temporary.replace(path)

    def create(self, name: str, data: bytes) -> None:
        """Create a file that this user alone may read (0600), on disk before it has its name."""
        path = Path(self.root, name)
        with translate_storage_faults(self.root), _temporary(path, data, sync=True) as temporary:
            try:
                os.link(temporary, path)
                exists = False
            except FileExistsError:
                exists = True
            # For the loser too: the winner's file must not vanish in a crash after somebody has read it.
            _sync_folder(path.parent)
        if exists:
            raise FileExistsError(errno.EEXIST, "there is such a file already", str(path))

    def read(self, name: str) -> bytes:
        return Path(self.root, name).read_bytes()

    def sha256(self, name: str) -> str:
        with Path(self.root, name).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def stamp(self, name: str) -> tuple[int, int, int] | None:
        found = Path(self.root, name).stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

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
                    status = entry.stat(follow_symlinks=False)
                    if not stat.S_ISDIR(status.st_mode):
                        yield _entry(prefix + entry.name, status)
                except FileNotFoundError:
                    continue  # removed since the listing

    def folders(self, folder: str) -> list[str]:
        """Names of the folders right in a folder, in no order; none if there is no such folder."""
        try:
            with os.scandir(Path(self.root, folder)) as found:
                return [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []

    def entry(self, name: str) -> Entry:
        return _entry(name, Path(self.root, name).lstat())

    def open(self, name: str) -> IO[bytes]:
        return Path(self.root, name).open("rb")

    def leaves(self, folder: str) -> bool:
        """True if the way from the root to a folder leads through a symbolic link."""
        try:
            return Path(self.root, folder).resolve() != Path(self.root).resolve() / folder
        except (OSError, RuntimeError):  # a link that leads to itself; a RuntimeError before Python 3.13
            return True


def _entry(name: str, found: os.stat_result) -> Entry:
    # The time of change of the inode cannot be set back by its owner, as that of the content can.
    identity = f"{found.st_dev}-{found.st_ino}-{found.st_ctime_ns}"
    return Entry(
        name, found.st_size, found.st_mtime_ns, odd=_odd(found), identity=identity, written=found.st_ctime_ns
    )


def _odd(found: os.stat_result) -> str:
    if stat.S_ISLNK(found.st_mode):
        return "a symbolic link"
    if not stat.S_ISREG(found.st_mode):
        return "no plain file"
    return "a hard link to a file that has another name too" if found.st_nlink > 1 else ""


@contextmanager
def _temporary(path: Path, data: bytes, *, sync: bool = False) -> Generator[Path]:
    """A file (0600) beside ``path`` that holds the data, with ``sync`` on disk; it is gone after the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
