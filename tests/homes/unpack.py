"""Unpacks a mesh home that an earlier version of the code made, and moves it to a folder of this machine.

``COMMIT.tar.xz`` holds ``home``, a MESH_HOME, and ``code``, the workspace with its one domain, as commit COMMIT made
them: ``mesh new domain machines``, ``mesh run``, ``mesh promote machines.repair@1``, then a row that its contract
refuses, which the daemon of ``mesh ui`` published around. Data docs, plots and compute logs are left out.
"""

from __future__ import annotations

import sqlite3
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

HOME = "/home/mesh/old"
"""MESH_HOME when the archives were made: MLflow, Dagster and Delta's log hold it as an absolute path."""
CODE = "/home/mesh/code"
"""The folder of workspace.yaml when the archives were made."""

_TEXT = (".json", ".yaml")


@dataclass(frozen=True)
class OldHome:
    """An unpacked home.

    Args:
        home: the MESH_HOME.
        code: the folder of its workspace.yaml.
    """

    home: Path
    code: Path


def unpack(archive: Path, folder: Path) -> OldHome:
    """Unpack an archive and put the folder's own path wherever the original one is recorded.

    Args:
        archive: ``tests/homes/COMMIT.tar.xz``.
        folder: an empty folder.
    """
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    old = OldHome(folder / "home", folder / "code")
    moved = {HOME: str(old.home), CODE: str(old.code)}
    for file in (file for file in folder.rglob("*") if file.is_file()):
        if file.suffix == ".db" or file.name == ".db":
            _move_database(file, moved)
        elif file.suffix in _TEXT or file.name == "MLmodel":
            _move_text(file, moved)
    return old


def _move_text(file: Path, moved: dict[str, str]) -> None:
    before = after = file.read_text(encoding="utf-8")
    for old, new in moved.items():
        after = after.replace(old, new)
    if after != before:
        file.write_text(after, encoding="utf-8")


def _move_database(file: Path, moved: dict[str, str]) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for _, column, *_ in database.execute(f'PRAGMA table_info("{table}")').fetchall():
                for old, new in moved.items():
                    database.execute(
                        f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) '
                        f'WHERE typeof("{column}") = \'text\' AND instr("{column}", ?)',
                        (old, new, old),
                    )
