"""Addresses of folders and files: every path comes back from its address, or is refused by the part at fault."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from resources.addresses import (
    LONGEST_OF_DATABASE,
    impossible_part,
    literal_glob,
    local_path,
    sqlite_file,
    sqlite_url,
)

pytestmark = pytest.mark.odd_input("after a kill, and odd homes", "lost", "held up")
POSSIBLE = (
    *("a b", " a", "100%", "%zz", "a#b", "ümlaut", "e\u0301", "日本", "a&b", "a+b", "a;b", "a'b", 'a"b'),
    *(
        "$HOME",
        "${HOME}",
        "a*b",
        "{a}",
        "~",
        "a:b",
        "a=b",
        "a@b",
        "a,b",
        "a!b",
        "a<b>",
        "(a)",
        "`a`",
        "x" * 250,
    ),
)
IMPOSSIBLE = (
    "%20",
    "%2F",
    "%c3",
    "?",
    "[",
    "]",
    "^",
    "|",
    "\\",
    "\n",
    "\t",
    "\r",
    "\x01",
    "\x7f",
    "\x85",
    "\u2028",
)
names = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=30)
paths = st.lists(names.filter(lambda name: name not in (".", "..")), min_size=1, max_size=4)


@pytest.mark.parametrize("name", POSSIBLE)
def test_a_folder_with_these_characters_is_kept_by_every_library(name: str, tmp_path: Path) -> None:
    """Delta, Polars and SQLite find the file where it was put, and make no other."""
    folder = tmp_path / name
    folder.mkdir()
    assert impossible_part(str(folder)) == ""
    frame = pl.DataFrame({"a": [1]})
    write_deltalake(str(folder / "table"), frame.to_arrow())
    assert DeltaTable(str(folder / "table")).version() == 0
    frame.write_ndjson(folder / "rows.jsonl")
    assert pl.scan_ndjson(literal_glob(str(folder / "rows.jsonl"))).collect().equals(frame)
    engine = create_engine(sqlite_url(folder / "some.db"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE made (a)")
    engine.dispose()
    assert sorted(file.name for file in folder.iterdir()) == ["rows.jsonl", "some.db", "table"]
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("part", IMPOSSIBLE)
def test_a_part_that_a_library_cannot_keep_is_named(part: str) -> None:
    """As a literal on one line, without the rest of the path."""
    found = impossible_part(f"/mesh/a{part}b/home")
    assert found == ascii(part)
    assert found.isprintable()


@given(paths)
def test_every_possible_path_comes_back_from_its_addresses(parts: list[str]) -> None:
    """From the address of a database, and from file:// with %XX."""
    path = Path("/", *parts)
    assert local_path(path.as_uri()) == path
    if not impossible_part(str(path)):
        assert sqlite_file(sqlite_url(path)) == path
        assert sqlite_file(f"sqlite:///{quote(str(path))}") == path


@given(names)
def test_a_literal_pattern_matches_its_own_path_alone(name: str) -> None:
    """By the rules of the shell, which Polars follows; not of the names around it."""
    from fnmatch import fnmatchcase

    assert fnmatchcase(name, literal_glob(name))
    assert not fnmatchcase(name + "x", literal_glob(name))
    assert literal_glob(name.replace("*", "").replace("?", "").replace("[", "")).count("[") == 0


@pytest.mark.parametrize(
    "url",
    ["postgresql://host/mlflow", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:////a.db?mode=ro"],
)
def test_an_address_that_is_no_plain_file_has_none(url: str) -> None:
    """A server, a database in memory, and a file with options."""
    assert sqlite_file(url) is None


def test_a_folder_may_be_given_in_four_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a path, relative, below the user's home, and as an address; an object store is no folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for given_as in (f"{tmp_path}/a b/", "a b", "~/a b", f"file://{quote(str(tmp_path))}/a%20b"):
        assert local_path(given_as) == tmp_path / "a b"
    assert local_path("s3://bucket/a b") is None


def test_a_database_is_made_where_its_address_says(tmp_path: Path) -> None:
    """SQLite itself and SQLAlchemy mean the same file."""
    file = tmp_path / "100% #1.db"
    sqlite3.connect(file).close()
    assert create_engine(sqlite_url(file)).url.database == str(file)


def test_the_longest_home_holds_dagsters_longest_database(tmp_path: Path) -> None:
    """SQLite opens it, and writes through a journal beside it."""
    home = tmp_path
    while len(os.fsencode(home)) < LONGEST_OF_DATABASE - 1:
        left = LONGEST_OF_DATABASE - len(os.fsencode(home)) - 1
        home /= "x" * min(100, left)
    file = home / "dagster" / "history" / "runs" / f"{'0' * 36}.db"
    file.parent.mkdir(parents=True)
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE made (a)")
    assert len(os.fsencode(home)) >= LONGEST_OF_DATABASE - 1
