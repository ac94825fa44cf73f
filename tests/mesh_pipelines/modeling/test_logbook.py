"""Everything about a training stands in its MLflow run, and the registered version is never without its tags."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlparse

import pytest

from mesh_pipelines.declaring.model_spec import Gate, ModelSpec
from mesh_pipelines.modeling.logbook import parameters, plots, signature_of
from mesh_pipelines.modeling.matrix import FeatureSchema
from mesh_pipelines.modeling.registry import Registry
from mesh_pipelines.modeling.training import TrainedModel
from resources.tracking import Tracking
from tests.mesh_pipelines.modeling.logged import logged, registry_at


def test_the_run_shows_everything(
    tracking: Tracking, registry: Registry, spec: ModelSpec, trained: TrainedModel, key: str
) -> None:
    """Parameters, metrics overall, by slice and of the baseline, inputs, plots, record and signature are logged."""
    version = logged(tracking, spec, trained, key)
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
            logged(tracking, spec, trained, key)
    version = registry_at(tracking).version(key, 1)
    assert version.inputs["demo.lateness_features"].version == 4
    assert version.sha256 == trained.sha256


def test_parameters_name_the_data_the_code_and_the_period(spec: ModelSpec, trained: TrainedModel) -> None:
    """XGBoost's own, and all that a rebuild would have to have; a parameter is one value."""
    found = parameters(spec, trained.record)
    assert found.items() >= trained.record.params.items()
    assert (found["rounds"], found["features"], found["target"]) == (12, "demo.lateness_features", "late")
    assert (found["holdout"], found["embargo"]) == ("30d", None)
    assert found["train_rows"] + found["holdout_rows"] < 6_000
    assert found["train_until"].startswith("2013-05-30T")
    assert not any(isinstance(value, dict | list | tuple) for value in found.values())


def test_a_signature_has_every_feature_with_its_type(trained: TrainedModel) -> None:
    """None is required, since each may be missing."""
    record = replace(
        trained.record, schema=FeatureSchema(("a b", "ok", "größe"), ("number", "boolean", "text"))
    )
    inputs = signature_of(record).inputs
    assert inputs.input_names() == ["a b", "ok", "größe"]
    assert [getattr(kind, "name", "") for kind in inputs.input_types()] == ["double", "boolean", "string"]
    assert not any(column.required for column in inputs.inputs)


def test_plots_bear_the_models_name(spec: ModelSpec, trained: TrainedModel) -> None:
    """As SVG, the same bytes each time."""
    found = plots(spec, trained)
    assert set(found) == {"importance.svg", "calibration.svg"}
    assert all(b"<svg" in picture and b"demo.lateness" in picture for picture in found.values())
    assert plots(spec, trained) == found


def test_a_slice_of_an_odd_name_is_logged(
    tracking: Tracking, spec: ModelSpec, trained: TrainedModel, key: str
) -> None:
    """MLflow takes few signs in the name of a metric; slices too small to be judged are left out."""
    large = next(entry for entry in trained.slices if entry.rows > 100)
    odd = replace(large, value="Zürich: A&B, (old) " + "x" * 300)
    small = replace(large, value="tiny", rows=1)
    model = replace(trained, slices=(odd, small))
    version = logged(tracking, replace(spec, gate=Gate(min_slice_rows=2)), model, key)
    names = [
        name for name in tracking.client().get_run(version.run_id).data.metrics if name.startswith("slice.")
    ]
    [name] = names
    assert name.startswith("slice.port.Zürich_ A_B_ _old_ x")
    assert len(name) == 250
