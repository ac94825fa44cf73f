"""A small history with something to learn, a model of it, and an MLflow store of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.modeling.registry import Registry
from mesh_pipelines.modeling.training import TrainedModel, train
from mesh_pipelines.modeling.version import LoadedModel, ModelVersion
from resources.tracking import Tracking
from tests.mesh_pipelines.modeling.logged import registry_at

ROWS = 6_000


@pytest.fixture(scope="session")
def history() -> pl.DataFrame:
    """Half a year of departures: ``late`` hangs on wind, port and hour; some readings and outcomes are missing."""
    random = np.random.default_rng(3)
    wind = random.normal(size=ROWS)
    port = random.choice(["EWR", "JFK", "LGA"], ROWS)
    hour = random.integers(0, 24, ROWS)
    late = wind + (port == "EWR") + hour / 12 + random.normal(size=ROWS) > 1.6
    start = datetime(2013, 1, 1, tzinfo=UTC)
    at = [start + timedelta(minutes=43 * index) for index in range(ROWS)]
    return pl.DataFrame(
        {
            "id": range(ROWS),
            "at": at,
            "wind": wind,
            "port": port,
            "hour": hour,
            "windy": wind > 1,
            "late": late,
        }
    ).with_columns(
        wind=pl.when(pl.col("id") % 17 == 0).then(None).otherwise("wind"),
        port=pl.when(pl.col("id") % 23 == 0).then(None).otherwise("port"),
        late=pl.when(pl.col("id") % 101 == 0).then(None).otherwise("late"),
    )


@pytest.fixture(scope="session")
def trained(spec: ModelSpec, history: pl.DataFrame) -> TrainedModel:
    """The model, trained once."""
    return train(spec, history.lazy())


@pytest.fixture(scope="session")
def registered() -> Callable[..., LoadedModel]:
    """Makes of a trained model what the registry would give back."""

    def as_registered(model: TrainedModel, version: int = 1) -> LoadedModel:
        entry = ModelVersion(
            key=model.key,
            version=version,
            sha256=model.sha256,
            run_id="",
            trained_at=model.record.trained_at,
            metrics=model.metrics,
            baseline=model.baseline,
            inputs={},
            gate="",
            reason="",
            aliases=(),
            dagster_run_id="",
        )
        return LoadedModel(entry, model.model, model.record)

    return as_registered


@pytest.fixture(scope="session")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    """An MLflow store on SQLite; made once, for making one takes seconds."""
    store = Tracking.under(tmp_path_factory.mktemp("home"))
    store.client()
    return store


@pytest.fixture
def registry(tracking: Tracking) -> Registry:
    """The registry of that store."""
    return registry_at(tracking)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A model of this test's own."""
    return f"demo.{request.node.name}"
