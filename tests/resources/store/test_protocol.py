"""The same calls on a folder and on an object store of a real S3 API."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import stat
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import pytest

from mesh_pipelines.errors import StorageFull, StorageUnusable
from resources.store import FolderStore, ObjectStore, Store, open_store
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


def test_what_is_not_there_is_said_so(store: Store) -> None:
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


def test_a_reader_asks_for_large_parts(s3: Callable[[str], Bucket], monkeypatch: pytest.MonkeyPatch) -> None:
    """10 MB are three requests, by whichever call they are read."""
    import obstore

    requests: list[object] = []
    get = obstore.get

    def counting(*given: Any, **options: Any) -> Any:
        requests.append(given)
        return get(*given, **options)

    monkeypatch.setattr(obstore, "get", counting)
    bucket = s3("parts")
    store = open_store(bucket.uri, bucket.options)
    store.write("x", b"line\n" * 2_000_000)
    ways: list[Callable[[IO[bytes]], object]] = [
        lambda stream: stream.read(),
        lambda stream: list(stream),
        lambda stream: list(iter(lambda: stream.read(1000), b"")),
    ]
    for way in ways:
        requests.clear()
        with store.open("x") as stream:
            way(stream)
        assert len(requests) == 3


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
    """In each of ten rounds; whoever loses reads the winner's bytes, whole."""
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


def test_a_replaced_object_is_not_read_as_two(s3: Callable[[str], Bucket]) -> None:
    """A reader that is at the old object fails; it never gets the beginning of one and the end of another."""
    bucket = s3("replaced")
    store = open_store(bucket.uri, bucket.options)
    store.write("x", bytes(6_000_000))
    with store.open("x") as stream:
        assert stream.read(1) == b"\0"
        store.write("x", b"1" * 6_000_000)
        with pytest.raises(OSError, match="precondition failure"):
            stream.read()


def test_a_bucket_that_is_not_there_is_named(s3: Callable[[str], Bucket]) -> None:
    """A write says which, with a remedy, and shows no secret."""
    nowhere = Bucket(s3("some").endpoint, "nowhere")
    with pytest.raises(StorageUnusable, match="this store cannot be used") as error:
        open_store(nowhere.uri, nowhere.options).write("x", b"")
    assert error.value.where == "s3://nowhere"
    assert "MESH_STORAGE_OPTIONS" in error.value.remedy
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "options", [{"AWS_IAM_ROLE_ARN": "arn"}, {"retry_timeout": "soon"}, {"AWS_CONDITIONAL_PUT": "dynamo:t"}]
)
def test_options_that_no_client_can_be_made_of_are_named(options: dict[str, str]) -> None:
    """The first use says which setting to correct."""
    with pytest.raises(StorageUnusable, match=r"aws_iam_role_arn|retry_timeout|dynamo:t") as error:
        ObjectStore("s3://bucket", options).exists("x")
    assert error.value.remedy == "correct MESH_STORAGE_OPTIONS"
