"""Layouts of data files: which key opens which column, as a file's name and its record say."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mesh_pipelines.errors import IntegrityError, KeyUnavailable
from resources.keys.keyring import Keyring
from resources.lake.layout import LakeFile, Layout, encode, file_name, partition_name, scan_files
from resources.store import FolderStore

KEY = "shop.orders"
SEALED = Layout(3, {"city": ("internal", 2), "name": ("confidential", 1), "street": ("internal", 2)})


def test_a_layout_is_read_as_it_was_written() -> None:
    """Through the text of a record, with the same identifier; one without keys too."""
    for layout in (SEALED, Layout()):
        found = Layout.from_json(json.loads(json.dumps(layout.to_json())))
        assert found == layout
        assert found.id == layout.id
        assert len(layout.id) == 8
        assert int(layout.id, 16) >= 0


def test_an_identifier_changes_with_each_key() -> None:
    """And not with the order of the columns."""
    columns = dict(SEALED.columns)
    others = [
        Layout(4, columns),
        Layout(3, {**columns, "name": ("confidential", 2)}),
        Layout(3, {**columns, "name": ("internal", 1)}),
        Layout(3, {**columns, "x": ("internal", 2)}),
        Layout(),
    ]
    assert len({SEALED.id, *(other.id for other in others)}) == 6
    assert Layout(3, dict(reversed(columns.items()))).id == SEALED.id


def test_each_key_in_use_is_needed_once() -> None:
    """The footer's first; a plain file needs none."""
    assert SEALED.needs() == (("footer", 3), ("confidential", 1), ("internal", 2))
    assert Layout().needs() == ()


def test_new_files_have_the_newest_keys(keyring: Keyring) -> None:
    """Made at their first use, one for each classification; public columns have none."""
    kinds = {"id": "public", "city": "internal", "street": "internal"}
    assert Layout.current(keyring, KEY, kinds) == Layout(
        1, {"city": ("internal", 1), "street": ("internal", 1)}
    )
    keyring.rotate("shop", "orders", "internal")
    assert Layout.current(keyring, KEY, kinds).columns["city"] == ("internal", 2)
    assert Layout.current(keyring, KEY, {"id": "public"}) == Layout()
    assert Layout.current(keyring, KEY, {}) == Layout()


def test_public_columns_make_no_key(tmp_path: Path) -> None:
    """Nor the folder of the keys."""
    keyring = Keyring(tmp_path / "none")
    layout = Layout.current(keyring, KEY, {"id": "public"})
    assert layout.encryption(keyring, KEY, {"id": pl.Int64()}) is None
    assert layout.decryption(keyring, KEY, {"id": pl.Int64()}, None) is None
    assert not (tmp_path / "none").exists()


def test_a_files_name_says_what_it_is() -> None:
    """Its publish, its number, its layout and the hash of its bytes, in any folder."""
    name = file_name("5f0a", 7, SEALED, b"bytes")
    for folder in ("", "shop/orders/", "shop/orders/month=2013-01/"):
        file = LakeFile("", folder + name)
        found = file.token, file.layout, file.sha256
        assert found == ("5f0a", SEALED.id, hashlib.sha256(b"bytes").hexdigest())
    assert file_name("5f0a", 123_456, SEALED, b"").startswith("part-5f0a-123456-k")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "part-00000-aaaa-c000.snappy.parquet",
        f"part-t-00000-k00000000-{'0' * 63}.parquet",
        f"part-t-00000-k00000000-{'0' * 64}.parquet.tmp",
        f"part-T-00000-k00000000-{'0' * 64}.parquet",
        f"other-part-t-00000-k00000000-{'0' * 64}.parquet",
    ],
)
def test_a_file_of_another_tool_is_refused_by_its_name(name: str) -> None:
    """The error names it."""
    with pytest.raises(IntegrityError, match="the mesh did not write it") as error:
        _ = LakeFile("", name).layout
    assert error.value.where == name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (dt.date(2013, 1, 2), "2013-01-02"),
        ("a/b", "a/b"),
        (None, "None"),
    ],
)
def test_a_partition_is_named_as_delta_names_it(value: object, name: str) -> None:
    """Truth in lower case, a day in ISO 8601, text as it is."""
    assert partition_name(value) == name


DTYPES = {"id": pl.Int64(), "city": pl.String()}


def written(tmp_path: Path, keyring: Keyring, layout: Layout, number: int, city: str) -> LakeFile:
    """A data file of one row."""
    frame = pl.DataFrame({"id": [number], "city": [city]})
    data = encode(frame, layout.encryption(keyring, KEY, DTYPES))
    name = file_name("t", number, layout, data)
    (tmp_path / name).write_bytes(data)
    return LakeFile("", name, 1, len(data))


def scan(
    tmp_path: Path,
    keyring: Keyring,
    files: list[LakeFile],
    layouts: list[Layout],
    columns: list[str] | None = None,
    key: str = KEY,
) -> pl.LazyFrame:
    """The files as one frame."""
    return scan_files(
        files,
        key=key,
        dtypes=DTYPES,
        layouts={layout.id: layout for layout in layouts},
        keyring=keyring,
        uri=FolderStore(str(tmp_path)).uri,
        storage_options=None,
        columns=columns,
    )


def test_files_are_read_in_their_order_each_with_its_own_key(tmp_path: Path, keyring: Keyring) -> None:
    """A plain one between two of different age; without a file there is the schema."""
    kinds = {"id": "public", "city": "internal"}
    first = Layout.current(keyring, KEY, kinds)
    keyring.rotate("shop", "orders", "internal")
    second, plain = Layout.current(keyring, KEY, kinds), Layout()
    layouts = [first, second, plain]
    files = [
        written(tmp_path, keyring, layout, number, city)
        for number, (layout, city) in enumerate(
            [(first, "Rome"), (plain, "Oslo"), (second, "Bonn"), (first, "Lima")]
        )
    ]
    found = scan(tmp_path, keyring, files, layouts).collect()
    assert_frame_equal(found, pl.DataFrame({"id": [0, 1, 2, 3], "city": ["Rome", "Oslo", "Bonn", "Lima"]}))
    backwards = scan(tmp_path, keyring, files[::-1], layouts, ["city"]).collect()
    assert backwards["city"].to_list() == ["Lima", "Bonn", "Oslo", "Rome"]
    empty = scan(tmp_path, keyring, [], [], ["city"]).collect()
    assert (empty.schema, empty.height) == ({"city": pl.String()}, 0)


def test_a_layout_that_the_record_does_not_know_is_an_error(tmp_path: Path, keyring: Keyring) -> None:
    """Not a file read without its keys."""
    file = written(tmp_path, keyring, Layout(), 0, "Rome")
    with pytest.raises(IntegrityError, match=f"does not know the layout {Layout().id}"):
        scan(tmp_path, keyring, [file], [SEALED])


def test_only_keys_of_the_columns_that_are_read_are_opened(tmp_path: Path, keyring: Keyring) -> None:
    """A destroyed key hides its columns and no other; another product's name opens nothing."""
    layout = Layout.current(keyring, KEY, {"id": "public", "city": "internal"})
    file = written(tmp_path, keyring, layout, 7, "Rome")
    keyring.destroy("shop", "orders", "internal")
    assert scan(tmp_path, keyring, [file], [layout], ["id"]).collect()["id"].to_list() == [7]
    with pytest.raises(KeyUnavailable, match="internal"):
        scan(tmp_path, keyring, [file], [layout])
    with pytest.raises(KeyUnavailable):
        scan(tmp_path, keyring, [file], [layout], ["id"], key="shop.others")
