"""The Dagster instance of a home: made on first use, the same until its settings change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import SharedResources
from resources.settings import Settings


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is written into the environment is taken back."""
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
    with monkeypatch.context() as patch:
        patch.setenv("DAGSTER_HOME", "")
        yield
    os.environ.pop("DAGSTER_EVENT_BATCH_SIZE", None)


def of(home: Path) -> dg.DagsterInstance:
    """The instance of a home."""
    return dagster_instance(SharedResources(Settings(home=home)))


def test_a_home_has_one_instance(tmp_path: Path) -> None:
    """Its runs lie below the home, and other Dagster code of this process finds it."""
    first = of(tmp_path / "one")
    assert of(tmp_path / "one") is first
    assert os.environ["DAGSTER_HOME"] == str(tmp_path / "one" / "dagster")
    assert Path(first.root_directory) == tmp_path / "one" / "dagster"
    other = of(tmp_path / "other")
    assert other is not first
    assert os.environ["DAGSTER_HOME"] == str(tmp_path / "other" / "dagster")
    assert not list((tmp_path / "one").glob("**/*.tmp"))


def test_changed_settings_make_another_instance(tmp_path: Path) -> None:
    """As soon as its dagster.yaml was written anew."""
    first = of(tmp_path)
    file = tmp_path / "dagster" / "dagster.yaml"
    later = file.stat().st_mtime_ns + 1_000_000_000
    os.utime(file, ns=(later, later))
    assert of(tmp_path) is not first


def test_events_are_written_together_unless_somebody_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planned events of a run are some hundreds."""
    of(tmp_path)
    assert int(os.environ["DAGSTER_EVENT_BATCH_SIZE"]) >= 100
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "7")
    of(tmp_path)
    assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == "7"
