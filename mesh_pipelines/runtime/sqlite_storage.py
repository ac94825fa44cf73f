"""Dagster's SQLite storage with the connections of its event log kept open.

Dagster's own makes an engine and a connection for every statement, three to six an event: a run of the whole mesh would
spend more on that than on training. Files and format are Dagster's: a home made by either is read by the other.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import serialize_value
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

from resources.blank_databases import Blank

if TYPE_CHECKING:
    from dagster._core.events.log import EventLogEntry
    from dagster._serdes import ConfigurableClassData
    from sqlalchemy import Connection

KEPT = 16
"""Connections kept open at most: every run has a database of its own."""

_RUNS, _INDEX, _RUN, _SCHEDULES = (Blank("dagster", name) for name in ("runs", "index", "run", "schedules"))


def _databases(base: Path) -> dict[Blank, Path]:
    """Paths of Dagster's databases that belong to no single run."""
    history = base / "history"
    return {
        _RUNS: history / "runs.db",
        _INDEX: history / "runs" / "index.db",
        _SCHEDULES: base / "schedules" / "schedules.db",
    }


def keep_blanks(base: Path) -> None:
    """Make Dagster's tables in a new folder and keep them for later homes."""
    made, run = _databases(base), "blank"
    DagsterSqliteStorage.from_local(str(base)).dispose()
    with SqliteEventLogStorage(str(made[_INDEX].parent)).run_connection(run):
        pass  # its tables are made when it is opened
    with closing(sqlite3.connect(made[_RUNS])) as database, database:
        database.execute("DELETE FROM instance_info")  # each instance gives itself a name
    for blank, file in {**made, _RUN: made[_INDEX].with_name(f"{run}.db")}.items():
        blank.keep(file)


class SteadyStorage(DagsterSqliteStorage):
    """``storage: custom:`` in ``dagster.yaml``; takes the folder that Dagster's own takes."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        for blank, file in _databases(Path(base_dir)).items():
            file.parent.mkdir(parents=True, exist_ok=True)
            blank.copy_to(file)
        super().__init__(base_dir, inst_data)
        self._event_log_storage = SteadyEventLog(str(Path(base_dir) / "history" / "runs"))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> DagsterSqliteStorage:
        return cls.from_local(inst_data=inst_data, **config_value)


class SteadyEventLog(SqliteEventLogStorage):
    """Stores an event, or the planned events of a run, in one transaction per database."""

    def __init__(self, base_dir: str) -> None:
        self._engines: dict[str, Engine] = {}
        self._open: dict[str, Connection] | None = None
        self._turn = RLock()
        self._known: set[str] = set()
        super().__init__(base_dir)

    def store_event(self, event: EventLogEntry) -> None:
        with self._one_transaction():
            super().store_event(event)
        self._notify_followers({event.run_id})

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        with self._one_transaction():
            for event in events:
                super().store_event(event)
        self._notify_followers({event.run_id for event in events})

    def _notify_followers(self, runs: set[str]) -> None:
        """Touch the databases of runs: Dagster follows a run by the change of the file, which is written on closing."""
        for run in runs:
            with suppress(FileNotFoundError):  # wiped meanwhile
                os.utime(self.path_for_shard(run))

    def _store_asset_check_evaluation_planned(self, event: EventLogEntry, event_id: int | None) -> None:
        """As Dagster's, but an event of many partitions is serialized once, and its rows are one statement's."""
        planned: Any = event.dagster_event.event_specific_data if event.dagster_event else None
        subset = planned.partitions_subset
        row = {
            "asset_key": planned.asset_key.to_string(),
            "check_name": planned.check_name,
            "run_id": event.run_id,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            "evaluation_event": serialize_value(event),
            "evaluation_event_timestamp": self._event_insert_timestamp(event),
            "evaluation_event_storage_id": event_id,
        }
        rows = [{**row, "partition": name} for name in (subset.get_partition_keys() if subset else [None])]
        with self.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.insert(), rows)

    def has_table(self, table_name: str) -> bool:
        if table_name not in self._known and super().has_table(table_name):
            self._known.add(table_name)
        return table_name in self._known

    def dispose(self) -> None:
        with self._turn:
            while self._engines:
                self._engines.popitem()[1].dispose()
        super().dispose()

    @contextmanager
    def _one_transaction(self) -> Generator[None]:
        """Commit what is written meanwhile at the end, once per database, or not at all."""
        with self._turn, ExitStack() as transactions:
            if self._open is not None:
                yield
                return
            self._open = {}
            self._ending = transactions
            try:
                yield
            finally:
                self._open = None

    @contextmanager
    def _connect(self, shard: str) -> Generator[Connection]:
        with self._turn:
            if self._open is None:
                with self._engine(shard).begin() as connection:
                    yield connection
                return
            if shard not in self._open:
                self._open[shard] = self._ending.enter_context(self._engine(shard).begin())
            yield self._open[shard]

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None)
        if engine is not None and not Path(self.path_for_shard(shard)).exists():
            engine.dispose()  # wiped meanwhile
            self._initialized_dbs.discard(shard)
            engine = None
        if engine is None:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            if shard not in self._initialized_dbs:
                if not _RUN.copy_to(Path(self.path_for_shard(shard))):
                    self._initdb(engine)
                self._initialized_dbs.add(shard)
        self._engines[shard] = engine  # the one used last is the last
        if len(self._engines) > KEPT:
            oldest = next(name for name in self._engines if name not in (self._open or ()))
            self._engines.pop(oldest).dispose()
        return engine
