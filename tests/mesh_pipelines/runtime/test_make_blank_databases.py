"""A new home begins with copies of empty databases that hold just what MLflow and Dagster would have made."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage

from mesh_pipelines.runtime import make_blank_databases as blanks
from mesh_pipelines.runtime.sqlite_storage import SteadyEventLog, SteadyStorage
from resources.tracking import Tracking

DAGSTER = ("history/runs.db", "history/runs/index.db", "history/runs/a-run.db", "schedules/schedules.db")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The blanks as set-up makes them, in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("made")
        patch.setattr("resources.blank_databases.FOLDER", folder / "blanks")
        blanks.main()
    return folder / "blanks"


def test_a_copy_is_what_dagster_makes(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tables at the same migration, written ahead; but each instance gives itself a name."""
    monkeypatch.setattr("resources.blank_databases.FOLDER", tmp_path / "none")
    plain = _dagster(tmp_path / "plain")
    monkeypatch.setattr("resources.blank_databases.FOLDER", made)
    copied, again = _dagster(tmp_path / "copied"), _dagster(tmp_path / "again")

    for name in DAGSTER:
        assert _schema(tmp_path / "copied" / name) == _schema(tmp_path / "plain" / name), name
    assert len({plain, copied, again}) == 3


def test_a_copy_is_what_mlflow_makes(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tables at the same migration; and no experiment of the folder where the blank was made."""
    monkeypatch.setattr("resources.blank_databases.FOLDER", tmp_path / "none")
    Tracking.under(tmp_path / "plain").client()
    monkeypatch.setattr("resources.blank_databases.FOLDER", made)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    client = Tracking.under(tmp_path / "copied").client()

    plain, copied = (tmp_path / home / "mlflow" / "mlflow.db" for home in ("plain", "copied"))
    assert _schema(copied) == _schema(plain)
    place = (tmp_path / "copied" / "mlflow" / "artifacts" / "0").as_uri()
    assert [e.artifact_location for e in client.search_experiments()] == [place]


def test_a_home_begins_with_it(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is really the copy, in every database."""
    shutil.copytree(made, tmp_path / "marked")
    for blank in (tmp_path / "marked").glob("*.db"):
        with closing(sqlite3.connect(blank)) as database:
            database.execute("CREATE TABLE marked (x)")
    monkeypatch.setattr("resources.blank_databases.FOLDER", tmp_path / "marked")
    _dagster(tmp_path / "dagster")
    Tracking.under(tmp_path).client()

    for file in (*(tmp_path / "dagster" / name for name in DAGSTER), tmp_path / "mlflow" / "mlflow.db"):
        assert "marked" in _schema(file)[0], file


def _dagster(base: Path) -> str:
    """Open Dagster's storage with one run; the name that the instance gave itself."""
    storage = SteadyStorage.from_local(str(base))
    events, runs = storage.event_log_storage, storage.run_storage
    assert isinstance(events, SteadyEventLog)
    assert isinstance(runs, SqlRunStorage)
    with events.run_connection("a-run"):
        pass
    name = runs.get_run_storage_id()
    storage.dispose()
    return name


def _schema(file: Path) -> tuple[dict[str, list[str]], list[str], list[str], str]:
    """Columns and constraints by table and index, the migration, the data migrations, how it is written."""
    with closing(sqlite3.connect(file)) as database:
        told = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        # Migrations that make a table anew write its constraints in any order.
        tables = {name: sorted(part.strip() for part in re.split(r"[,\n]", sql)) for name, sql in told}
        at = [row[0] for row in database.execute("SELECT version_num FROM alembic_version")]
        done: list[str] = []
        if "secondary_indexes" in tables:
            done = [row[0] for row in database.execute("SELECT name FROM secondary_indexes ORDER BY name")]
        return tables, at, done, database.execute("PRAGMA journal_mode").fetchone()[0]
