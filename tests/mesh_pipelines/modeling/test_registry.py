"""What is trained is found again in MLflow, byte for byte, and every move of the champion is on record."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlparse

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import Gate, ModelSpec
from mesh_pipelines.errors import GateRefused, IntegrityError, NotPublished
from mesh_pipelines.modeling.logbook import log_model, plots
from mesh_pipelines.modeling.promotion import bring_to_gate, carry_out
from mesh_pipelines.modeling.registry import Registry
from mesh_pipelines.modeling.training import TrainedModel
from mesh_pipelines.modeling.version import ModelVersion, Standing
from resources.lake.table_version import TableVersion
from resources.tracking import Tracking, training_run


def _log(tracking: Tracking, spec: ModelSpec, trained: TrainedModel, key: str) -> ModelVersion:
    inputs = (TableVersion("demo.departures", 9, "def"),)
    record = replace(
        trained.record, key=key, features=TableVersion("demo.lateness_features", 4, "abc"), inputs=inputs
    )
    with training_run(tracking, model=key, dagster_run_id="run-1", step=key) as run:
        return log_model(run, replace(spec, key=key), replace(trained, record=record), plots(spec, trained))


@pytest.fixture
def registry(tracking: Tracking) -> Registry:
    """The registry of that store."""
    return Registry(tracking)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A model of this test's own."""
    return f"demo.{request.node.name}"


def test_a_version_is_read_back_whole(
    tracking: Tracking, registry: Registry, spec: ModelSpec, trained: TrainedModel, key: str
) -> None:
    """Bytes, record, metrics and inputs come back as they were; the bytes are those that were trained."""
    version = _log(tracking, spec, trained, key)
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


def test_the_run_shows_everything(
    tracking: Tracking, registry: Registry, spec: ModelSpec, trained: TrainedModel, key: str
) -> None:
    """Parameters, metrics overall, by slice and of the baseline, inputs, plots, record and signature are logged."""
    version = _log(tracking, spec, trained, key)
    client = tracking.client()
    run = client.get_run(version.run_id)
    assert run.data.params["max_depth"] == "3"
    assert run.data.params["data_digest"] == trained.record.data_digest
    assert run.data.metrics["holdout.auc"] == trained.metrics["auc"]
    assert run.data.metrics["baseline.auc"] == trained.baseline["auc"]
    assert {"slice.port.EWR.auc", "slice.port.JFK.auc"} <= set(run.data.metrics)
    assert run.inputs is not None
    assert {given.dataset.name for given in run.inputs.dataset_inputs} == {
        "demo.lateness_features",
        "demo.departures",
    }
    names = {entry.path for entry in client.list_artifacts(version.run_id)}
    assert {"record.json", "slices.json", "importance.svg", "calibration.svg"} <= names

    from mlflow.models import Model

    model = Model.load(urlparse(client.get_model_version_download_uri(key, "1")).path)
    assert model.signature is not None
    assert model.signature.inputs.input_names() == list(trained.record.schema.names)


def test_a_flipped_byte_is_found(
    tracking: Tracking, registry: Registry, spec: ModelSpec, trained: TrainedModel, key: str
) -> None:
    """A stored model that is not the trained one is never handed out; one that is gone is said to be gone."""
    version = _log(tracking, spec, trained, key)
    file = Path(urlparse(tracking.client().get_model_version_download_uri(key, "1")).path) / "model.ubj"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"not .* as trained"):
        registry.read(version)
    file.unlink()
    with pytest.raises(NotPublished, match="files are gone"):
        registry.read(version)


def test_the_gate_moves_the_champion(
    tracking: Tracking,
    registry: Registry,
    spec: ModelSpec,
    history: pl.DataFrame,
    trained: TrainedModel,
    key: str,
) -> None:
    """First promoted, then refused and kept as challenger with its reason, then promoted: all on record."""
    own = replace(spec, key=key)
    first = carry_out(
        registry, _log(tracking, spec, trained, key), bring_to_gate(trained, None, history.lazy(), own)
    )
    assert (first.gate, first.aliases) == ("promoted", ("champion",))
    strict = replace(own, gate=Gate(floors={"auc": 0.999}))
    champion = registry.read(first)
    second = carry_out(
        registry, _log(tracking, spec, trained, key), bring_to_gate(trained, champion, history.lazy(), strict)
    )
    assert (second.gate, second.aliases) == ("refused", ("challenger",))
    assert second.reason.startswith("FAILED floor_auc")
    assert registry.champion(key) == registry.version(key, 1)
    assert registry.challenger(key) == second
    third = carry_out(
        registry,
        _log(tracking, spec, trained, key),
        bring_to_gate(trained, champion, history.lazy(), own),
        who="gate in x",
    )
    assert third.aliases == ("champion",)
    assert registry.challenger(key) is None
    moves = registry.history(key)
    assert [(move.action, move.before, move.to) for move in moves] == [
        ("promote", None, 1),
        ("promote", 1, 3),
    ]
    assert moves[1].who == "gate in x"
    assert "not_worse_than_champion" in moves[1].because


def test_rollback_goes_to_the_champion_before(
    tracking: Tracking, registry: Registry, spec: ModelSpec, trained: TrainedModel, key: str
) -> None:
    """Rolling back names who and why; without a champion before, it says so."""
    for _ in range(2):
        registry.promote(_log(tracking, spec, trained, key), who="ann", because="new")
    assert registry.rollback(key, who="bob", because="odd scores").to == 1
    champion = registry.champion(key)
    assert champion is not None
    assert champion.version == 1
    assert registry.history(key)[-1].who == "bob"
    assert registry.rollback(key, who="bob", because="sorry", to=2).to == 2
    with pytest.raises(NotPublished):
        registry.rollback(key, who="bob", because="?", to=77)


def test_a_pinned_champion_stays(
    tracking: Tracking,
    registry: Registry,
    spec: ModelSpec,
    history: pl.DataFrame,
    trained: TrainedModel,
    key: str,
) -> None:
    """While pinned, a better challenger is kept and told why; after unpinning it may pass."""
    registry.promote(_log(tracking, spec, trained, key), who="ann", because="first")
    registry.pin(key, who="audit", because="under review")
    decision = bring_to_gate(trained, None, history.lazy(), replace(spec, key=key))
    second = carry_out(registry, _log(tracking, spec, trained, key), decision)
    assert (second.gate, second.aliases) == ("refused", ("challenger",))
    assert "pinned to version 1 by audit: under review" in second.reason
    with pytest.raises(GateRefused):
        registry.rollback(key, who="ann", because="no")
    registry.unpin(key, who="audit", because="done")
    assert carry_out(registry, second, decision).aliases == ("champion",)
    assert [move.action for move in registry.history(key)] == ["promote", "pin", "unpin", "promote"]


def test_a_model_that_does_not_exist(registry: Registry) -> None:
    """Nothing is an empty answer; a named version that is not there is an error with the way to it."""
    assert registry.versions("demo.nothing") == ()
    assert registry.champion("demo.nothing") is None
    assert registry.history("demo.nothing") == ()
    with pytest.raises(NotPublished, match=r"mesh run demo\.nothing"):
        registry.version("demo.nothing", 1)
    with pytest.raises(NotPublished, match="no champion to pin"):
        registry.pin("demo.nothing", who="ann", because="?")


def test_a_decision_is_plain_json(spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel) -> None:
    """A decision can be kept beside the version, every check in it."""
    content = json.loads(bring_to_gate(trained, None, history.lazy(), spec).to_json())
    assert content["promote"] is True
    assert {"name", "passed", "value", "bound", "text"} == set(content["reasons"][0])


def test_one_question_tells_how_all_models_stand(
    tracking: Tracking, registry: Registry, spec: ModelSpec, trained: TrainedModel, key: str
) -> None:
    """The newest version and the champion's number, as asking for each model by itself would tell them."""
    first = _log(tracking, spec, trained, key)
    assert registry.standing()[key] == Standing(registry.version(key, 1), 0)
    registry.promote(first, who="a test", because="it is good")
    registry.shadow(_log(tracking, spec, trained, key), {})
    second = registry.version(key, 2)
    assert registry.standing()[key] == Standing(second, 1, second)
    _log(tracking, spec, trained, key)
    assert registry.standing()[key] == Standing(registry.version(key, 3), 1, registry.in_shadow(key))


def test_a_version_is_never_without_its_tags(
    tracking: Tracking, spec: ModelSpec, trained: TrainedModel, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed right after registering leaves a version that says what it was trained on."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    def killed(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SqlAlchemyStore, "set_model_version_tag", killed)
        patch.setattr(Registry, "version", killed)
        with pytest.raises(KeyboardInterrupt):
            _log(tracking, spec, trained, key)
    version = Registry(tracking).version(key, 1)
    assert version.inputs["demo.lateness_features"].version == 4
    assert version.sha256 == trained.sha256
