"""Copies of empty databases: made once, never over what is there."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from resources.blank_databases import Blank


def test_a_database_that_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one of long ago nor one that another process begins just now is written over; nothing is left."""
    monkeypatch.setattr("resources.blank_databases.FOLDER", tmp_path)
    blank, place = Blank("dagster", "runs"), tmp_path / "home" / "runs.db"
    place.parent.mkdir()
    assert not blank.copy_to(place)
    blank.path.write_text("blank")
    copyfile = shutil.copyfile

    def while_another_begins(source: Path, target: Path) -> None:
        place.write_text("of another process")
        copyfile(source, target)

    monkeypatch.setattr(shutil, "copyfile", while_another_begins)
    assert not blank.copy_to(place)
    monkeypatch.undo()
    monkeypatch.setattr("resources.blank_databases.FOLDER", tmp_path)
    assert not blank.copy_to(place)
    assert place.read_text() == "of another process"
    place.unlink()
    assert blank.copy_to(place)
    assert place.read_text() == "blank"
    assert [file.name for file in place.parent.iterdir()] == ["runs.db"]


def test_what_is_kept_has_the_rows_that_were_written_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database whose rows lie in its log of writes yet; keeping it again takes the place of the first."""
    monkeypatch.setattr("resources.blank_databases.FOLDER", tmp_path / "kept")
    blank, place = Blank("dagster", "runs"), tmp_path / "runs.db"
    for number in (1, 2):
        with closing(sqlite3.connect(tmp_path / "made.db")) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE IF NOT EXISTS t (x)")
            database.execute("INSERT INTO t VALUES (?)", (number,))
            database.commit()
            blank.keep(tmp_path / "made.db")
    assert [file.name for file in (tmp_path / "kept").iterdir()] == [blank.path.name]
    assert blank.copy_to(place)
    with closing(sqlite3.connect(place)) as database:
        assert database.execute("SELECT x FROM t").fetchall() == [(1,), (2,)]


def test_a_copy_is_of_one_version_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version may have other tables."""
    monkeypatch.setattr("resources.blank_databases.FOLDER", tmp_path)
    assert Blank("dagster", "runs").path == tmp_path / f"dagster-{version('dagster')}-runs.db"


def test_on_a_file_system_without_links_a_home_makes_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing half made is left there."""
    monkeypatch.setattr("resources.blank_databases.FOLDER", tmp_path / "kept")
    blank, home = Blank("dagster", "runs"), tmp_path / "home"
    blank.path.parent.mkdir()
    blank.path.write_text("blank")
    home.mkdir()

    def refuse(source: object, target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert not blank.copy_to(home / "runs.db")
    assert list(home.iterdir()) == []
