"""The shared resources: one object a process and settings, each part opened when it is first used."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from mesh_pipelines.shared import shared_resources
from resources.settings import get_settings


def use(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Let a setting be in force."""
    monkeypatch.setenv(name, value)
    get_settings.cache_clear()


def test_there_is_one_of_each_for_the_same_settings() -> None:
    """Also when the settings were read again."""
    shared = shared_resources()
    assert shared_resources() is shared
    get_settings.cache_clear()
    assert shared_resources() is shared
    assert shared.lake is shared.lake
    assert shared.tracking is shared.tracking


def test_other_settings_have_other_resources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And the first ones again when they come back."""
    first = shared_resources()
    use(monkeypatch, "MESH_HOME", str(tmp_path / "another"))
    other = shared_resources()
    assert other is not first
    assert other.settings.home == tmp_path / "another"
    use(monkeypatch, "MESH_HOME", str(first.settings.home))
    assert shared_resources().settings == first.settings


@pytest.mark.parametrize(
    ("name", "one", "two"),
    [
        ("MESH_MASTER_KEY", "A" * 43 + "=", "B" * 42 + "A="),
        (
            "MESH_DATABASES",
            '{"shop": "postgresql://a:one@db/shop"}',
            '{"shop": "postgresql://a:two@db/shop"}',
        ),
    ],
)
def test_another_secret_is_another_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, one: str, two: str
) -> None:
    """Although the settings as text say of both only that there is one."""
    use(monkeypatch, name, one)
    first = shared_resources()
    use(monkeypatch, name, two)
    second = shared_resources()
    assert second is not first
    assert second.settings != first.settings


def test_to_ask_for_the_resources_opens_nothing(mesh_home: Path) -> None:
    """A command that only looks at the settings makes no home."""
    assert shared_resources().record("shop.orders") is None
    assert not mesh_home.exists()


def test_a_record_is_the_newest_or_none() -> None:
    """Of a table that nobody has published there is none, which is no error here."""
    shared = shared_resources()
    for number in (1, 2):
        with shared.lake.stage("shop.orders", {"id": pl.Int64()}, {"id": "public"}) as stage:
            stage.write(pl.DataFrame({"id": [number]}))
            stage.commit({"number": number}, replace="all")
    record = shared.record("shop.orders")
    assert record is not None
    assert (record.version, record.info["number"]) == (1, 2)
    assert shared.record("shop.nothing") is None


@pytest.mark.parametrize("given", ["", "file", "remote"])
def test_models_are_kept_where_the_settings_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str
) -> None:
    """By default below the home; a folder of this machine by its URI, another place as it is written."""
    expected = {"": get_settings().home.as_uri(), "file": tmp_path.as_uri(), "remote": "s3://bucket/models"}[
        given
    ]
    if given:
        use(
            monkeypatch,
            "MESH_ARTIFACTS",
            "s3://bucket/models" if given == "remote" else str(tmp_path / "models"),
        )
    assert str(shared_resources().tracking.artifacts).startswith(expected)
