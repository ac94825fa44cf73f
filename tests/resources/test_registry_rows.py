"""The rows of a registry are the same whether its database is read or MLflow's client is asked."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from resources import registry_rows
from resources.registry_rows import (
    REVISION,
    ModelRow,
    VersionRow,
    ask_models,
    ask_versions,
    read_models,
    read_versions,
)
from resources.tracking import Tracking, import_mlflow


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    """A registry with whatever a registry may hold, in a folder whose name means something in a URI."""
    store = Tracking.under(tmp_path_factory.mktemp("a home #1 100%"))
    import_mlflow()
    client = store.client()
    run = client.create_run(store.experiment("shop"))
    client.create_registered_model("shop.fraud", tags={"mesh.pin": "{}", "empty": ""})
    for number in range(1, 13):
        tags = {"gate": "promoted", "number": str(number), "ü": "„ß“"}
        client.create_model_version("shop.fraud", f"file:///{number}", run_id=run.info.run_id, tags=tags)
    client.set_registered_model_alias("shop.fraud", "champion", "2")
    client.set_registered_model_alias("shop.fraud", "shadow", "12")
    client.delete_model_version("shop.fraud", "12")
    client.delete_model_version("shop.fraud", "5")
    client.create_registered_model("Shop.fraud")
    client.create_model_version("Shop.fraud", "file:///other")
    client.create_registered_model("plant.wear")
    client.create_registered_model("plant.all_deleted")
    client.create_model_version("plant.all_deleted", "file:///gone", tags={"gate": "refused"})
    client.delete_model_version("plant.all_deleted", "1")
    return store


def test_both_ways_give_the_same_models(tracking: Tracking) -> None:
    """All at once, or one by its name: tags, aliases, and the newest version that is not deleted."""
    client = tracking.client()
    found = ask_models(client)
    assert read_models(tracking.uri) == found
    assert [row.name for row in found] == ["Shop.fraud", "plant.all_deleted", "plant.wear", "shop.fraud"]
    fraud = found[-1]
    assert fraud.aliases == {"champion": 2}
    assert fraud.newest is not None
    assert (fraud.newest.version, fraud.newest.tags["number"]) == (11, "11")
    for name in (row.name for row in found):
        assert (
            read_models(tracking.uri, name)
            == ask_models(client, name)
            == [m for m in found if m.name == name]
        )
    assert read_models(tracking.uri, "plant.none") == ask_models(client, "plant.none") == []


def test_both_ways_give_the_same_versions(tracking: Tracking) -> None:
    """The oldest first, by number and not by text, without the deleted ones."""
    client = tracking.client()
    found = ask_versions(client, "shop.fraud")
    assert read_versions(tracking.uri, "shop.fraud") == found
    assert [row.version for row in found] == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    for name in ("Shop.fraud", "plant.wear", "plant.all_deleted", "plant.none"):
        assert read_versions(tracking.uri, name) == ask_versions(client, name)


def test_what_was_just_written_is_read(tracking: Tracking) -> None:
    """While the client has the database open, and right after it has written."""
    client = tracking.client()
    client.create_registered_model("shop.late", tags={"a": "b"})
    assert read_models(tracking.uri, "shop.late") == [ModelRow("shop.late", {"a": "b"}, {}, None)]
    client.create_model_version("shop.late", "file:///1", tags={"c": "d"})
    assert read_versions(tracking.uri, "shop.late") == [VersionRow("shop.late", 1, "", {"c": "d"})]
    client.delete_registered_model("shop.late")
    assert read_models(tracking.uri, "shop.late") == []


def test_the_queries_fit_the_installed_mlflow() -> None:
    """After an upgrade of MLflow that changes its tables: see that the queries still fit, then name its revision."""
    import_mlflow()
    from mlflow.store.db.utils import _get_latest_schema_revision

    assert _get_latest_schema_revision() == REVISION


def test_tables_of_another_revision_are_left_to_the_client(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read that may mean something else there."""
    monkeypatch.setattr(registry_rows, "REVISION", "of another day")
    assert read_models(tracking.uri) is None
    assert read_versions(tracking.uri, "shop.fraud") is None


def test_what_cannot_be_read_is_left_to_the_client(tmp_path: Path) -> None:
    """A server, another database, one that is not there (and is not made by looking), one that is none."""
    missing, broken, empty = (tmp_path / name for name in ("missing.db", "broken.db", "empty.db"))
    broken.write_bytes(b"no database" * 1000)
    empty.touch()
    for uri in (
        "http://127.0.0.1:9",
        "postgresql://user@host/mlflow",
        f"sqlite:///{missing}",
        f"sqlite:///{broken}",
        f"sqlite:///{empty}",
        f"sqlite:///{tmp_path}",
        f"sqlite:///{empty}?mode=ro",
    ):
        assert read_models(uri) is None, uri
        assert read_versions(uri, "shop.fraud") is None, uri
    assert not missing.exists()


def test_a_copy_at_rest_is_read_and_left_as_it_is(tracking: Tracking, tmp_path: Path) -> None:
    """One file, as a backup is, without what SQLite keeps beside it while somebody writes."""
    before, copy = Path(tracking.uri.removeprefix("sqlite:///")), tmp_path / "mlflow.db"
    with closing(sqlite3.connect(before)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(before, copy)
    content = copy.read_bytes()
    assert read_models(f"sqlite:///{copy}") == read_models(tracking.uri)
    assert copy.read_bytes() == content


def test_reading_imports_nothing_heavy(tracking: Tracking) -> None:
    """Neither MLflow nor SQLAlchemy."""
    code = (
        "import sys; from resources.registry_rows import read_models;"
        f"assert read_models({tracking.uri!r}, 'shop.fraud');"
        "print({'mlflow', 'sqlalchemy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
