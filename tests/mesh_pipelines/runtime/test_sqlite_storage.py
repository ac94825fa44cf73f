"""Dagster's event log is faster here, and holds what Dagster's own would hold."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.definitions.partitions.subset import DefaultPartitionsSubset
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from sqlalchemy import select

from mesh_pipelines.runtime import sqlite_storage as eventlog
from mesh_pipelines.runtime.dagster_yaml import ensure_dagster_home
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.runtime.sqlite_storage import SteadyEventLog
from mesh_pipelines.shared import shared_resources

KEY = dg.AssetKey("watched")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dg.asset(key=KEY, check_specs=[dg.AssetCheckSpec(name, asset=KEY) for name in ("one", "two")])
def watched() -> Iterator[Any]:
    """An asset with two checks, one of which fails."""
    yield dg.Output(1)
    yield dg.AssetCheckResult(check_name="one", passed=True, asset_key=KEY)
    yield dg.AssetCheckResult(check_name="two", passed=False, asset_key=KEY)


def _text(run_id: str) -> EventLogEntry:
    return EventLogEntry(error_info=None, level=10, user_message="said", run_id=run_id, timestamp=1.0)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SteadyEventLog]:
    """An event log in a folder of its own."""
    made = SteadyEventLog(str(tmp_path / "runs"))
    yield made
    made.dispose()


def test_dagsters_own_storage_reads_the_same(mesh_home: Path) -> None:
    """What a run wrote through it is there for any Dagster: events in order, checks with their verdicts."""
    instance = dagster_instance(shared_resources())
    assert isinstance(instance.event_log_storage, SteadyEventLog)

    done = dg.materialize([watched], instance=instance, run_config=QUIET)

    own = SqliteEventLogStorage(str(shared_resources().settings.dagster_home / "history" / "runs"))
    written = [record.message for record in own.get_logs_for_run(done.run_id)]
    assert written == [record.message for record in instance.event_log_storage.get_logs_for_run(done.run_id)]
    kinds = [e.dagster_event_type for e in own.get_logs_for_run(done.run_id) if e.dagster_event]
    assert kinds.count(DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED) == 2
    assert kinds.count(DagsterEventType.ASSET_CHECK_EVALUATION) == 2
    verdicts = {
        name: own.get_asset_check_execution_history(dg.AssetCheckKey(KEY, name), limit=1)[0].status.value
        for name in ("one", "two")
    }
    assert verdicts == {"one": "SUCCEEDED", "two": "FAILED"}


def test_a_home_is_opened_by_its_folder(mesh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is given the folder opens it, with DAGSTER_HOME in the environment or without."""
    home = ensure_dagster_home(shared_resources().settings)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.event_log_storage.store_event(_text("run"))
    assert (home / "history" / "runs" / "run.db").is_file()
    assert (home / "history" / "runs.db").is_file()


def test_a_batch_is_stored_whole_or_not_at_all(log: SteadyEventLog) -> None:
    """An event that cannot be stored takes the ones before it along, and leaves the log in order."""
    with pytest.raises(Exception, match="not a"):
        log.store_event_batch([_text("run"), "no event"])  # type: ignore[list-item]
    assert log.get_logs_for_run("run") == []

    log.store_event_batch([_text("run"), _text("run")])
    assert len(log.get_logs_for_run("run")) == 2


def test_two_writers_see_each_other(log: SteadyEventLog, tmp_path: Path) -> None:
    """Connections that stay open hold no lock and no old picture: each reads what the other has just written."""
    other = SteadyEventLog(str(tmp_path / "runs"))
    for _ in range(3):
        log.store_event(_text("run"))
        other.store_event(_text("run"))
        assert len(log.get_logs_for_run("run")) == len(other.get_logs_for_run("run"))
    assert len(log.get_logs_for_run("run")) == 6
    other.dispose()


def test_few_connections_stay_open(
    log: SteadyEventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run has a database of its own; only those used last stay open, and all of them can be read."""
    monkeypatch.setattr(eventlog, "KEPT", 2)
    runs = ["first", "second", "third", "fourth"]
    for run in runs:
        log.store_event(_text(run))
    assert all(len(log.get_logs_for_run(run)) == 1 for run in runs)
    assert {file.stem for file in (tmp_path / "runs").glob("*.db") if _is_open(file)} == {"third", "fourth"}


def _is_open(file: Path) -> bool:
    """True if this process has a descriptor of the file."""
    for entry in list(Path("/dev/fd").iterdir()):
        with suppress(OSError):  # that of the listing itself
            if os.path.samestat(file.stat(), os.fstat(int(entry.name))):
                return True
    return False


def test_a_wiped_log_is_begun_again(log: SteadyEventLog) -> None:
    """After `dagster run wipe` nothing is written into files that are gone."""
    log.store_event(_text("run"))
    log.wipe()
    log.store_event(_text("run"))
    assert len(log.get_logs_for_run("run")) == 1


def test_a_check_planned_for_many_partitions_is_stored_as_dagsters_own_does(tmp_path: Path) -> None:
    """The rows are the same, one for each partition."""
    planned = AssetCheckEvaluationPlanned(
        asset_key=KEY, check_name="one", partitions_subset=DefaultPartitionsSubset({"2013-01", "2013-02"})
    )
    event = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value,
        job_name="job",
        event_specific_data=planned,
    )
    entry = EventLogEntry(
        error_info=None, level=10, user_message="", run_id="run", timestamp=1.0, dagster_event=event
    )

    def rows(kind: type[SqliteEventLogStorage]) -> list[tuple[Any, ...]]:
        storage = kind(str(tmp_path / kind.__name__))
        storage.store_event(entry)
        told = [column for column in AssetCheckExecutionsTable.columns if column.name != "create_timestamp"]
        with storage.index_connection() as connection:
            found = sorted(tuple(row) for row in connection.execute(select(*told)))
        storage.dispose()
        return found

    own, ours = rows(SqliteEventLogStorage), rows(SteadyEventLog)
    assert len(ours) == 2
    assert {row[1:] for row in ours} == {row[1:] for row in own}


def test_a_run_is_followed_while_it_writes(log: SteadyEventLog) -> None:
    """The live log of the UI: each event of another process's open connection arrives at once, and in order."""
    writer = SteadyEventLog(log._base_dir)
    seen: queue.Queue[str] = queue.Queue()

    def take(entry: EventLogEntry, _cursor: str) -> None:
        seen.put(entry.user_message)

    try:
        writer.store_event(_text("followed"))
        log.watch("followed", None, take)
        for number in range(3):
            writer.store_event(_text("followed"))
            arrived = 0
            while arrived < (2 if number == 0 else 1):
                assert seen.get(timeout=30) == "said"
                arrived += 1
        log.end_watch("followed", take)
        writer.store_event(_text("followed"))
        with pytest.raises(queue.Empty):
            seen.get(timeout=0.5)
    finally:
        writer.dispose()
