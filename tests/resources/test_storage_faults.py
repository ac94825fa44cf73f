"""Faults of storage are named with the remedy; every other error stays what it was."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from mesh_pipelines.errors import KeyUnavailable, StorageFull, StorageUnusable
from resources.storage_faults import is_full, storage_error, translate_storage_faults


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "no words of its own"),
        OSError(errno.EDQUOT, "quota"),
        sqlite3.OperationalError("database or disk is full"),
        RuntimeError("Generic LocalFileSystem error: No space left on device (os error 28)"),
        RuntimeError("IO Error: file too large (os error 27)"),
    ],
)
def test_a_full_disk_is_known_from_every_library(error: Exception) -> None:
    """By its number, or by the words of a library that gives none."""
    assert is_full(error)
    assert not is_full(OSError(errno.ENOENT, "no such file"))


def test_a_full_disk_is_found_behind_the_errors_that_wrap_it(tmp_path: Path) -> None:
    """The file that the innermost error names is where; the remedy comes with it."""
    wrapped = RuntimeError("a library failed")
    wrapped.__cause__ = OSError(errno.ENOSPC, "no space left on device", str(tmp_path / "runs.db"))
    found = storage_error(wrapped, [tmp_path])
    assert isinstance(found, StorageFull)
    assert found.where == str(tmp_path / "runs.db")
    assert "free space" in found.remedy
    assert "vacuum" not in found.remedy, "there is no such command"


def test_only_folders_of_the_mesh_are_unusable(tmp_path: Path) -> None:
    """The same error about a file elsewhere is none of storage."""
    denied = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "lake" / "x"))
    found = storage_error(denied, [tmp_path / "home", tmp_path / "lake"])
    assert isinstance(found, StorageUnusable)
    assert found.what == "this folder cannot be used: permission denied"
    assert storage_error(denied, [tmp_path / "home"]) is None
    locked = sqlite3.OperationalError("unable to open database file")
    assert isinstance(storage_error(locked, [tmp_path]), StorageUnusable)


@pytest.mark.odd_input("after a kill, and odd homes", "held up")
@pytest.mark.parametrize(
    "words", ["disk I/O error", "database disk image is malformed", "file is not a database"]
)
@pytest.mark.parametrize(("free", "kind"), [(0, StorageFull), (10**9, StorageUnusable)])
def test_a_database_on_a_full_disk_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, free: int, kind: type[Exception]
) -> None:
    """SQLite reports an I/O error there; with space left, it is the folder that cannot be used."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: SimpleNamespace(free=free))
    found = storage_error(sqlite3.DatabaseError(words), ["s3://bucket/lake", tmp_path])
    assert isinstance(found, kind)


def test_a_store_is_named_as_it_was_given() -> None:
    """An address keeps both of its slashes."""
    with pytest.raises(StorageFull) as error, translate_storage_faults("s3://bucket/lake"):
        raise OSError(errno.ENOSPC, "no space")
    assert error.value.where == "s3://bucket/lake"


@pytest.mark.parametrize("error", [ValueError("other"), KeyUnavailable("lost", where="", remedy="")])
def test_other_errors_pass(error: Exception) -> None:
    """An error that is none of storage, and one of the mesh itself, is raised as it is."""
    with pytest.raises(type(error)) as found, translate_storage_faults("/anywhere"):
        raise error
    assert found.value is error
