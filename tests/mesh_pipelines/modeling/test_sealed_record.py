"""Values of text features lie nowhere in clear beside a model; models of before are read and rebuilt as they were."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlparse

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.errors import IntegrityError, KeyUnavailable
from mesh_pipelines.modeling.prediction import load_booster, predict
from mesh_pipelines.modeling.rebuild import rebuild
from mesh_pipelines.modeling.record import Record
from mesh_pipelines.modeling.registry import Registry
from mesh_pipelines.modeling.sealed_record import open_record, seal_record
from mesh_pipelines.modeling.training import TrainedModel, fit
from resources.keys.keyring import Keyring
from resources.lake.table_version import TableVersion
from resources.tracking import Tracking
from tests.mesh_pipelines.modeling.logged import logged

PORTS = ("EWR", "JFK", "LGA")


@pytest.fixture
def record(trained: TrainedModel) -> Record:
    """The record of a model of published features."""
    return replace(trained.record, features=TableVersion("demo.lateness_features", 4, "abc"))


@pytest.fixture
def before(trained: TrainedModel, history: pl.DataFrame) -> tuple[Record, bytes]:
    """The same model as it was trained before: XGBoost is given the texts, and keeps them in model.ubj."""
    record = trained.record
    schema = replace(record.schema, coded=False)
    past = record.split.train(history.lazy(), record.time, record.target)
    model, digest = fit(
        past, schema, record.target, record.params, record.rounds, rows=record.split.train_rows
    )
    sha256 = hashlib.sha256(model).hexdigest()
    return replace(record, schema=schema, data_digest=digest.digest, model_sha256=sha256), model


@pytest.mark.odd_input("messages carry data", "leaked")
def test_no_file_of_a_version_holds_a_category(
    tracking: Tracking, registry: Registry, spec: ModelSpec, trained: TrainedModel, key: str
) -> None:
    """Each file of the model and of its run is searched; its record comes back whole, and the model is the same."""
    unsliced = replace(trained, slices=())  # slices of public columns are called by their value
    version = logged(tracking, spec, unsliced, key)
    client = tracking.client()
    places = (
        client.get_model_version_download_uri(key, "1"),
        client.get_run(version.run_id).info.artifact_uri,
    )
    files = [
        file for place in places for file in Path(urlparse(place or "").path).rglob("*") if file.is_file()
    ]
    assert {"model.ubj", "record.json"} <= {file.name for file in files}
    assert [file for file in files if any(port.encode() in file.read_bytes() for port in PORTS)] == []
    found = registry.read(version)
    assert found.record.schema == trained.record.schema
    assert found.model == trained.model


def test_a_model_of_before_is_rebuilt_bit_for_bit_and_scores_alike(
    before: tuple[Record, bytes], trained: TrainedModel, history: pl.DataFrame, tmp_path: Path
) -> None:
    """Its record, in clear and without a word of codes, is read as it is; both models give each row one score."""
    record, model = before
    assert b"EWR" in model
    kept = record.to_json()
    assert "coded" not in kept
    read = open_record(kept, Keyring(tmp_path))
    assert read.schema == record.schema
    assert rebuild(read, history.lazy()).model == model
    rows = history.with_columns(port=pl.when(pl.col("id") % 5 == 0).then(pl.lit("new")).otherwise("port"))
    scores = predict(load_booster(model), read.schema, rows)
    assert scores.equals(predict(load_booster(trained.model), trained.record.schema, rows))
    assert scores.n_unique() > 100


def test_a_record_opens_with_its_own_key_alone(record: Record, tmp_path: Path) -> None:
    """Once the key is destroyed, or where it is another mesh's, the categories are gone; so they are when changed."""
    keyring = Keyring(tmp_path / "keys")
    kept = seal_record(record, keyring)
    assert open_record(kept, keyring).schema == record.schema
    sealed = json.loads(kept)["schema"]["categories"]["port"]
    with pytest.raises(IntegrityError, match="the categories of port"):
        open_record(kept.replace(sealed, sealed[:-6] + "AAAA=="), keyring)
    with pytest.raises(KeyUnavailable):
        open_record(kept, Keyring(tmp_path / "others"))
    keyring.destroy("demo", "lateness_features", "internal")
    with pytest.raises(KeyUnavailable, match="was destroyed"):
        open_record(kept, keyring)
