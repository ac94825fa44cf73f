"""A trained model as its run logs and registers it."""

from __future__ import annotations

from dataclasses import replace

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.modeling.logbook import log_model, plots
from mesh_pipelines.modeling.registry import Registry
from mesh_pipelines.modeling.training import TrainedModel
from mesh_pipelines.modeling.version import ModelVersion
from resources.addresses import sqlite_file
from resources.keys.keyring import Keyring
from resources.lake.table_version import TableVersion
from resources.tracking import Tracking, training_run


def logged(tracking: Tracking, spec: ModelSpec, trained: TrainedModel, key: str) -> ModelVersion:
    """Log it under a key, as made from version 4 of its features and version 9 of what these were made from."""
    inputs = (TableVersion("demo.departures", 9, "def"),)
    record = replace(
        trained.record, key=key, features=TableVersion("demo.lateness_features", 4, "abc"), inputs=inputs
    )
    with training_run(tracking, model=key, dagster_run_id="run-1", step=key) as run:
        trained = replace(trained, record=record)
        return log_model(
            run, replace(spec, key=key), trained, plots(spec, trained), registry_at(tracking).keyring
        )


def registry_at(tracking: Tracking) -> Registry:
    """The registry of a store, with the keys that lie beside it."""
    database = sqlite_file(tracking.uri)
    assert database is not None
    return Registry(tracking, Keyring(database.parent / "keys"))
