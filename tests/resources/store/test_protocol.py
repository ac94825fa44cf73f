"""The same calls on a folder and on an object store of a real S3 API."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from resources.store import Store, open_store
from tests.s3 import Bucket

WRITERS = 6


@pytest.fixture(params=["folder", "bucket"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, s3: Callable[[str], Bucket]
) -> tuple[str, Mapping[str, str]]:
    """An address of this test's own, and the options that open it."""
    if request.param == "folder":
        return str(tmp_path / "store"), {}
    bucket = s3("store")
    return f"{bucket.uri}/{tmp_path.name}", bucket.options


@pytest.fixture
def store(place: tuple[str, Mapping[str, str]]) -> Store:
    """An empty store."""
    return open_store(*place)


def test_what_is_written_is_read(store: Store) -> None:
    """Files are found by name, replaced, hashed, listed and deleted; names may hold what paths may."""
    for name in ("a/one.bin", "a/b/two three=ü~#%20.bin", "c"):
        store.write(name, name.encode())
    store.replace("c", b"new")
    assert store.read("a/b/two three=ü~#%20.bin") == "a/b/two three=ü~#%20.bin".encode()
    assert store.read("c") == b"new"
    assert store.sha256("c") == hashlib.sha256(b"new").hexdigest()
    assert store.list("") == ["a/b/two three=ü~#%20.bin", "a/one.bin", "c"]
    assert store.list("a") == ["a/b/two three=ü~#%20.bin", "a/one.bin"]
    assert [(e.name, e.size) for e in store.entries("a")] == [("a/one.bin", 9)]
    assert store.exists("c")
    store.delete("c")
    store.delete("c")
    assert not store.exists("c")


def test_a_missing_file_is_an_error_and_a_missing_folder_is_empty(store: Store) -> None:
    """A missing file is a FileNotFoundError, a missing folder is empty."""
    assert (store.list("none"), list(store.entries("none"))) == ([], [])
    assert not store.exists("none")
    for call in (store.read, store.sha256, store.open):
        with pytest.raises(FileNotFoundError):
            call("none")


def test_a_large_file_is_written_and_read_in_parts(store: Store) -> None:
    """18 MB: more than a part of an upload, of a hash and of a reader; a view of bytes is taken as it is."""
    data = os.urandom(18_000_001)
    store.write("large", memoryview(data)[1:])
    digest = hashlib.sha256(data[1:]).hexdigest()
    assert store.sha256("large") == digest
    assert hashlib.sha256(store.read("large")).hexdigest() == digest
    with store.open("large") as stream:
        assert stream.read(3) == data[1:4]
        assert stream.read() == data[4:]
        assert stream.read(1) == b""


def test_a_file_is_opened_as_text_and_as_lines(store: Store) -> None:
    """An empty file too."""
    store.write("lines", b"one\ntwo\n")
    store.write("empty", b"")
    with store.open("lines") as handle, io.TextIOWrapper(handle, encoding="utf-8") as text:
        assert list(text) == ["one\n", "two\n"]
    with store.open("empty") as handle:
        assert handle.read() == b""


def test_a_file_is_read_from_any_place(store: Store) -> None:
    """From the end, back to the beginning, and from beyond the end, where nothing is."""
    store.write("places", b"0123456789")
    with store.open("places") as handle:
        assert handle.seek(-3, io.SEEK_END) == 7
        assert handle.read() == b"789"
        handle.seek(0)
        assert handle.read(2) == b"01"
        handle.seek(2, io.SEEK_CUR)
        assert (handle.tell(), handle.read(1)) == (4, b"4")
        handle.seek(99)
        assert handle.read() == b""


def test_a_file_is_created_once(store: Store) -> None:
    """The second call is refused and changes nothing; after a deletion it may be created again."""
    store.create("deep/er/token", b"first")
    with pytest.raises(FileExistsError):
        store.create("deep/er/token", b"second")
    assert store.read("deep/er/token") == b"first"
    assert store.list("") == ["deep/er/token"]
    store.delete("deep/er/token")
    store.create("deep/er/token", b"third")
    assert store.read("deep/er/token") == b"third"


def _create(uri: str, options: Mapping[str, str], name: str, number: int) -> tuple[bool, bytes]:
    """True for the writer that created the file, and the bytes that every writer then reads."""
    store = open_store(uri, options)
    try:
        store.create(name, b"%d " % number * 20_000)
        created = True
    except FileExistsError:
        created = False
    return created, store.read(name)


def _judge(results: list[tuple[bool, bytes]]) -> None:
    winners = [number for number, (created, _) in enumerate(results) if created]
    assert len(winners) == 1
    assert {data for _, data in results} == {b"%d " % winners[0] * 20_000}


def test_of_threads_that_create_at_once_one_wins(place: tuple[str, Mapping[str, str]]) -> None:
    """In each of ten rounds; each loser reads the winner's bytes, whole."""
    with ThreadPoolExecutor(WRITERS) as pool:
        for turn in range(10):
            _judge(list(pool.map(lambda n, turn=turn: _create(*place, f"at/{turn}", n), range(WRITERS))))
    assert open_store(*place).list("") == [f"at/{turn}" for turn in range(10)]


def test_of_processes_that_create_at_once_one_wins(place: tuple[str, Mapping[str, str]]) -> None:
    """In each of five rounds of processes that know nothing of each other."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        for turn in range(5):
            arguments = [(*place, f"at/{turn}", number) for number in range(WRITERS)]
            _judge(pool.starmap(_create, arguments, chunksize=1))
        pool.close()
        pool.join()
