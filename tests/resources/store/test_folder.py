"""A store that is a folder: its files are private, whole, and its own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mesh_pipelines.errors import StorageFull
from resources.store import FolderStore
from resources.store.protocol import Entry


def test_a_created_file_is_private(tmp_path: Path) -> None:
    """This user alone may read it, from its first moment."""
    FolderStore(str(tmp_path)).create("token", b"x")
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


def test_a_create_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is an error of the mesh; neither the file nor a part of it stays."""

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull):
        FolderStore(str(tmp_path)).create("token", b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """An empty folder."""
    return FolderStore(str(tmp_path / "store"))


def test_a_write_that_fails_leaves_no_part_of_a_file(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither under its own name nor beside it."""
    store.write("a/kept", b"x")
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        write(path, data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageFull):
        store.write("a/new", b"two")
    assert store.list("") == ["a/kept"]


def test_a_replacement_that_fails_leaves_the_file_as_it_was(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader meets the old bytes or the new ones."""
    store.replace("a", b"old")

    def full(path: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageFull):
        store.replace("a", b"new")
    assert store.read("a") == b"old"
    assert [file.name for file in Path(store.root).iterdir()] == ["a"]


def test_what_a_killed_writer_left_is_no_file_of_the_store(store: FolderStore) -> None:
    """A file that only begins alike is one."""
    for name in ("a/.tmp-x1", "a/.tmpl", "a/tmp-x1"):
        store.write(name, b"x")
    assert store.list("a") == ["a/.tmpl", "a/tmp-x1"]


def test_a_stamp_changes_when_a_file_is_written_again(store: FolderStore) -> None:
    """Also with the same bytes, in the same place; a missing file has none."""
    store.write("a", b"x")
    first = store.stamp("a")
    os.utime(Path(store.root, "a"), ns=(1, 1))
    assert store.stamp("a") != first
    store.replace("a", b"x")
    assert store.stamp("a") != first
    with pytest.raises(FileNotFoundError):
        store.stamp("b")


def test_a_listing_says_what_is_no_plain_file(store: FolderStore, tmp_path: Path) -> None:
    """Links and pipes are named and not followed; a folder is no file."""
    (tmp_path / "outside").write_text("secret")
    root = Path(store.root)
    store.write("in/plain", b"12")
    store.write("in/deeper/file", b"")
    (root / "in" / "link").symlink_to(tmp_path / "outside")
    (root / "in" / "dangling").symlink_to(tmp_path / "nowhere")
    os.link(tmp_path / "outside", root / "in" / "hard")
    os.mkfifo(root / "in" / "pipe")
    found = {entry.name: entry for entry in store.entries("in")}
    assert {name: entry.odd for name, entry in found.items()} == {
        "in/plain": "",
        "in/link": "a symbolic link",
        "in/dangling": "a symbolic link",
        "in/hard": "a hard link to a file that has another name too",
        "in/pipe": "no plain file",
    }
    assert found["in/plain"].size == 2
    assert found == {name: store.entry(name) for name in found}


def test_files_right_in_the_root_have_names_without_a_folder(store: FolderStore) -> None:
    """Those below are not listed."""
    store.write("a", b"")
    store.write("b/c", b"")
    assert [entry.name for entry in store.entries("")] == ["a"]


def test_a_file_that_is_taken_away_while_the_folder_is_listed_is_passed_over(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are listed."""
    store.write("a", b"")
    store.write("b", b"")
    scandir = os.scandir

    def taking(folder: Path) -> object:
        found = scandir(folder)
        Path(store.root, "a").unlink()
        return found

    monkeypatch.setattr(os, "scandir", taking)
    assert [entry.name for entry in store.entries("")] == ["b"]


def test_another_file_under_a_name_has_another_identity(store: FolderStore) -> None:
    """Though its owner gives it the size and the time of the first."""

    def entry() -> Entry:
        os.utime(Path(store.root, "a"), ns=(1, 1))
        return store.entry("a")

    store.write("a", b"x")
    first = entry()
    store.replace("a", b"y")
    second = entry()
    assert (first.size, first.changed) == (second.size, second.changed)
    assert first.identity != second.identity


@pytest.mark.parametrize(
    ("folder", "leaves"),
    [
        ("in", False),
        ("in/deeper", False),
        ("none", False),
        ("", False),
        ("link", True),
        ("link/deeper", True),
        ("loop", True),
    ],
)
def test_a_way_through_a_symbolic_link_leaves_the_store(
    store: FolderStore, tmp_path: Path, folder: str, leaves: bool
) -> None:
    """Also where it leads to itself, or to a folder of the same store."""
    store.write("in/deeper/file", b"")
    Path(store.root, "link").symlink_to(Path(store.root, "in"))
    Path(store.root, "loop").symlink_to(Path(store.root, "loop"))
    assert store.leaves(folder) == leaves


def test_a_root_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever folder the process goes to; a tilde is the home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert FolderStore("lake").root == str(tmp_path / "lake")
    assert FolderStore("~/lake").uri("a/b") == str(tmp_path / "home" / "lake" / "a" / "b")
