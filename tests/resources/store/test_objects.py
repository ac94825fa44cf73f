"""An object store: read in large parts of one version, and its faults named without a secret."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO, Any

import pytest

from mesh_pipelines.errors import StorageUnusable
from resources.store import ObjectStore, open_store
from tests.s3 import Bucket


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


@pytest.fixture
def store(s3: Callable[[str], Bucket]) -> ObjectStore:
    """A bucket with one object of ten bytes."""
    bucket = s3("objects")
    store = ObjectStore(f"{bucket.uri}/", bucket.options)
    store.write("ten", b"0123456789")
    return store


def test_an_address_is_joined_by_one_slash(store: ObjectStore) -> None:
    """However the root was written."""
    assert store.uri("a/b") == "s3://objects/a/b"
    assert store.uri("") == "s3://objects/"


def test_an_object_is_known_by_its_tag_and_has_no_stamp(store: ObjectStore) -> None:
    """The tag changes with the content alone."""
    first = store.entry("ten")
    assert (first.size, first.odd, first.identity, store.stamp("ten")) == (10, "", "", None)
    assert first.tag
    assert '"' not in first.tag
    store.write("ten", b"0123456789")
    assert store.entry("ten").tag == first.tag
    store.write("ten", b"9876543210")
    assert store.entry("ten").tag != first.tag
    with pytest.raises(FileNotFoundError):
        store.entry("eleven")


def test_a_reader_cannot_go_before_the_beginning(store: ObjectStore) -> None:
    """It stays where it is; an object cannot be written through a reader."""
    with store.open("ten") as stream:
        stream.seek(4)
        with pytest.raises(ValueError, match="before the beginning"):
            stream.seek(-11, io.SEEK_END)
        assert stream.read(1) == b"4"
        assert stream.seekable()
        assert not stream.writable()


def test_a_store_that_lets_nobody_in_is_a_permission_error(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a folder says it; a write says which setting to correct."""
    import obstore
    from obstore.exceptions import PermissionDeniedError

    def denied(*_: Any, **options: Any) -> None:
        raise PermissionDeniedError("access denied\nrequest 1")

    for call in ("get", "head", "put"):
        monkeypatch.setattr(obstore, call, denied)
    for read in (store.read, store.entry, store.open, store.exists):
        with pytest.raises(PermissionError, match=r"^access denied$"):
            read("ten")
    for write in (store.write, store.replace, store.create):
        with pytest.raises(StorageUnusable, match="access denied") as error:
            write("ten", b"")
        assert "MESH_STORAGE_OPTIONS" in error.value.remedy


def test_only_the_files_right_in_a_folder_are_its_entries(store: ObjectStore) -> None:
    """Of the root too."""
    store.write("a/one", b"")
    store.write("a/b/two", b"")
    assert [entry.name for entry in store.entries("a")] == ["a/one"]
    assert [entry.name for entry in store.entries("")] == ["ten"]
