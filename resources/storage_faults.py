"""Faults of storage, a full disk or an unusable folder, as errors of the mesh, independent of the library."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mesh_pipelines.errors import MeshError, StorageFull, StorageUnusable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_TEXT = (
    "no space left on device",
    "database or disk is full",
    "os error 28",
    "disk quota exceeded",
    "file too large",
    "os error 27)",
)
_UNUSABLE_DATABASE = (
    "unable to open database file",
    "attempt to write a readonly database",
    "disk I/O error",
    "database disk image is malformed",
    "file is not a database",
)
_LEFT = 1 << 20
"""Free bytes below which SQLite's `disk I/O error` is one of a full disk."""


def is_full(error: BaseException) -> bool:
    """True for an error of any library that reports a full disk."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    text = str(error).lower()
    return any(sign in text for sign in _FULL_TEXT)


@contextmanager
def translate_storage_faults(where: str) -> Generator[None]:
    """Raise faults of storage as errors of the mesh; any other error passes unchanged.

    Raises:
        StorageFull: there is no space left.
        StorageUnusable: the folder cannot be read or written.
    """
    try:
        yield
    except MeshError:
        raise
    except Exception as error:
        fault = storage_error(error, [where])
        if fault is None:
            raise
        raise fault from error


def storage_error(error: BaseException, places: Sequence[Path | str]) -> MeshError | None:
    """The error of the mesh for a fault of its own folders; ``None`` for any other error.

    Args:
        error: its causes count too.
        places: folders of the mesh; the first is named where the error names none.
    """
    seen: BaseException | None = error
    while seen is not None:
        named = getattr(seen, "filename", None)
        where = str(named or places[0])
        if is_full(seen):
            return storage_full_error(where)
        ours = named and any(Path(str(named)).is_relative_to(place) for place in places)
        unusable = isinstance(seen, sqlite3.DatabaseError) and str(seen) in _UNUSABLE_DATABASE
        if unusable and (full := _full_among(places)):
            return storage_full_error(full)
        if unusable or (isinstance(seen, OSError) and ours):
            return _unusable_error(getattr(seen, "strerror", None) or str(seen), where)
        seen = seen.__cause__ or seen.__context__
    return None


def _full_among(places: Sequence[Path | str]) -> str:
    """The first folder on a disk without space; empty where there is none."""
    for place in places:
        with suppress(OSError):  # an address, or not made yet
            if shutil.disk_usage(place).free < _LEFT:
                return str(place)
    return ""


def storage_full_error(where: str) -> StorageFull:
    """The error of a disk without space; ``where`` is a path on it."""
    return StorageFull(
        "no space is left; what was published before is untouched",
        where=where,
        remedy="free space there, or give the disk more, and run the same command again",
    )


def _unusable_error(why: str, where: str) -> StorageUnusable:
    return StorageUnusable(
        f"this folder cannot be used: {why[:1].lower()}{why[1:]}",
        where=where,
        remedy="let MESH_HOME, and whatever else of docs/settings.md is set, name folders that this user may write",
    )
