"""The Dagster instance of this mesh, and its SQLite kept from waiting on the disk for every commit.

Dagster opens and closes a SQLite connection for each statement. Closing the last connection of a database writes
its log back and waits for the disk. Here one idle connection a database is kept open, and commits wait for the disk
only when the log is written back: whole after a killed process, as before; after a power cut the last events may be
missing, while what was published, which is the lake's to say, is not. The event log, by far the busiest, has a module
of its own: ``sqlite_storage``. With PostgreSQL (``dagster.yaml``) none of this applies.
"""

from __future__ import annotations

import os
import sqlite3
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_pipelines.shared import Platform

if TYPE_CHECKING:
    from dagster import DagsterInstance

_PLANNED_TOGETHER = "1000"
"""Planned events that are written in one batch; a run of a whole domain has some hundreds."""

_kept: dict[str, sqlite3.Connection] = {}


def dagster_instance(shared: Platform) -> DagsterInstance:
    """The Dagster instance of this mesh, made on first use.

    Args:
        shared: the platform.
    """
    from mesh_pipelines.runtime.dagster_yaml import ensure_dagster_home

    home = ensure_dagster_home(shared.settings)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", _PLANNED_TOGETHER)
    steady_sqlite()
    return _instance(home, (home / "dagster.yaml").stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _instance(home: Path, configured: int) -> DagsterInstance:
    from dagster import DagsterInstance

    return DagsterInstance.from_config(str(home))


@cache
def steady_sqlite() -> None:
    """Make SQLite below DAGSTER_HOME wait less; does nothing to any other database."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "connect", _steady)


def _steady(connection: Any, _: Any) -> None:
    home = os.environ.get("DAGSTER_HOME")
    if not home or not isinstance(connection, sqlite3.Connection):
        return
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    if not path or not Path(path).is_relative_to(Path(home).resolve()):
        return
    connection.execute("PRAGMA synchronous=NORMAL")
    if path not in _kept or not Path(path).exists():
        keeper = sqlite3.connect(path, check_same_thread=False)
        keeper.execute(
            "SELECT count(*) FROM sqlite_master"
        ).fetchone()  # a connection opens its file when first used
        _kept[path] = keeper
