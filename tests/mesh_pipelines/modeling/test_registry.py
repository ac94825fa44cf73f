"""What is trained is found again in MLflow, byte for byte, and every move of the champion is on record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlparse

import pytest

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.errors import IntegrityError, NotPublished
from mesh_pipelines.modeling.registry import Registry
from mesh_pipelines.modeling.training import TrainedModel
from mesh_pipelines.modeling.version import Standing
from resources.lake.table_version import TableVersion
from resources.tracking import Tracking
from tests.mesh_pipelines.modeling.logged import logged


def test_a_version_is_read_back_whole(
    tracking: Tracking, registry: Registry, spec: ModelSpec, trained: TrainedModel, key: str
) -> None:
    """Bytes, record, metrics and inputs come back as they were; the bytes are those that were trained."""
    version = logged(tracking, spec, trained, key)
    assert (version.key, version.version, version.sha256) == (key, 1, trained.sha256)
    assert version.metrics == trained.metrics
    assert version.baseline == trained.baseline
    assert version.inputs["demo.departures"] == TableVersion("demo.departures", 9, "def")
    assert version.dagster_run_id == "run-1"
    loaded = registry.read(version)
    assert loaded.model == trained.model
    assert (
        loaded.record.to_json()
        == replace(
            trained.record, key=key, features=loaded.record.features, inputs=loaded.record.inputs
        ).to_json()
    )


def test_a_flipped_byte_is_found(
    tracking: Tracking, registry: Registry, spec: ModelSpec, trained: TrainedModel, key: str
) -> None:
    """A stored model that is not the trained one is never handed out; one that is gone is said to be gone."""
    version = logged(tracking, spec, trained, key)
    file = Path(urlparse(tracking.client().get_model_version_download_uri(key, "1")).path) / "model.ubj"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"not .* as trained"):
        registry.read(version)
    file.unlink()
    with pytest.raises(NotPublished, match="files are gone"):
        registry.read(version)


def test_rollback_goes_to_the_champion_before(
    tracking: Tracking, registry: Registry, spec: ModelSpec, trained: TrainedModel, key: str
) -> None:
    """Rolling back names who and why; without a champion before, it says so."""
    for _ in range(2):
        registry.promote(logged(tracking, spec, trained, key), who="ann", because="new")
    assert registry.rollback(key, who="bob", because="odd scores").to == 1
    champion = registry.champion(key)
    assert champion is not None
    assert champion.version == 1
    assert registry.history(key)[-1].who == "bob"
    assert registry.rollback(key, who="bob", because="sorry", to=2).to == 2
    with pytest.raises(NotPublished):
        registry.rollback(key, who="bob", because="?", to=77)


def test_a_model_that_does_not_exist(registry: Registry) -> None:
    """Nothing is an empty answer; a named version that is not there is an error with the way to it."""
    assert registry.versions("demo.nothing") == ()
    assert registry.champion("demo.nothing") is None
    assert registry.history("demo.nothing") == ()
    with pytest.raises(NotPublished, match=r"mesh run demo\.nothing"):
        registry.version("demo.nothing", 1)
    with pytest.raises(NotPublished, match="no champion to pin"):
        registry.pin("demo.nothing", who="ann", because="?")


def test_one_question_tells_how_all_models_stand(
    tracking: Tracking, registry: Registry, spec: ModelSpec, trained: TrainedModel, key: str
) -> None:
    """The newest version and the champion's number, as asking for each model by itself would tell them."""
    first = logged(tracking, spec, trained, key)
    assert registry.standing()[key] == Standing(registry.version(key, 1), 0)
    registry.promote(first, who="a test", because="it is good")
    registry.shadow(logged(tracking, spec, trained, key), {})
    second = registry.version(key, 2)
    assert registry.standing()[key] == Standing(second, 1, second)
    logged(tracking, spec, trained, key)
    assert registry.standing()[key] == Standing(registry.version(key, 3), 1, registry.in_shadow(key))
