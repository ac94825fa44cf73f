"""The training record comes back from JSON as it was."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.modeling.matrix import FeatureSchema
from mesh_pipelines.modeling.record import RECORD_VERSION, Record
from mesh_pipelines.modeling.training import TrainedModel, train
from resources.lake.table_version import TableVersion


def test_a_record_survives_json(spec: ModelSpec, history: pl.DataFrame) -> None:
    """The record comes back from JSON as it was, inputs included."""
    given = TableVersion("demo.lateness_features", 4, "abc"), (TableVersion("demo.departures", 9, "def"),)
    record = train(
        replace(spec, rounds=1), history.lazy(), features=given[0], inputs=given[1], code_version="v1"
    ).record
    again = Record.from_json(record.to_json())
    assert again == record
    assert (again.features, again.inputs, again.code_version) == (*given, "v1")
    assert again.schema.categories == {"port": ("EWR", "JFK", "LGA")}


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": ()},
        {"inputs": (TableVersion("a.b", 0, ""), TableVersion("a.b", 0, ""))},
        {"schema": FeatureSchema(("größe", "a b"), ("text", "number"), {"größe": ("", "Ä", "\u2028")})},
        {"params": {"eta": 0.1, "subsample": 1e-17}},
        {"parent_model": "lateness@3", "shards": 4},
        {"target": "späť", "external_memory": True},
    ],
)
def test_every_field_survives(trained: TrainedModel, change: dict[str, object]) -> None:
    """No inputs and the same one twice, names and categories of any letters, floats to the last digit."""
    record = replace(trained.record, **change)
    again = Record.from_json(record.to_json())
    assert again == record
    assert again.to_json() == record.to_json()
    assert json.loads(record.to_json())["record_version"] == RECORD_VERSION
