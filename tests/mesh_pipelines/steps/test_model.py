"""The step of a model: what its page shows of a training, and of none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.dagster_names import WORK_SECONDS
from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.modeling.evaluation import SliceMetrics
from mesh_pipelines.modeling.training import TrainedModel
from mesh_pipelines.modeling.version import LoadedModel
from mesh_pipelines.publishing.read import Read
from mesh_pipelines.steps import model
from resources.lake.table_version import TableVersion
from tests.mesh_pipelines.asset_pages import shown
from tests.mesh_pipelines.conftest import Machines


@pytest.mark.slow
def test_the_page_of_a_model_has_its_plots(machines: Machines) -> None:
    """What it looks at, and what it says against what came, are pictures in the page itself."""
    found = shown(machines, "repair")
    for name in ("importance", "calibration"):
        assert found[name].startswith(f"![{name}](data:image/svg+xml;base64,")


def metadata(spec: ModelSpec, trained: TrainedModel, entry: LoadedModel) -> dict[str, Any]:
    """What the page shows of a training."""
    read = Read(TableVersion("demo.lateness_features", 3, "ab" * 32))
    pictures = {"importance.svg": b"<svg/>"}
    return model._model_metadata(spec, trained, entry.version, pictures, read, {"train": 1.25, "write": 0.5})


def test_a_training_is_shown_with_its_figures(
    spec: ModelSpec, trained: TrainedModel, registered: Callable[..., LoadedModel]
) -> None:
    """The version, what it read, both metrics beside each other, how long it took, and pictures by their names."""
    found = metadata(spec, trained, registered(trained, 7))
    assert (found["version"], found["trained on"]) == (7, "demo.lateness_features@3")
    assert found["sha256"] == trained.sha256
    assert found["rows"] == trained.record.split.train_rows
    assert found[WORK_SECONDS] == 1.75
    for name in spec.metrics:
        assert found[name] == pytest.approx(trained.metrics[name], abs=1e-6)
        assert found[f"baseline {name}"] == pytest.approx(trained.baseline[name], abs=1e-6)
    assert found["importance"].value.startswith("![importance](data:image/svg+xml;base64,")
    assert "importance.svg" not in found


def test_slices_are_a_table_of_texts(
    spec: ModelSpec, trained: TrainedModel, registered: Callable[..., LoadedModel]
) -> None:
    """A value is a cell whatever is in it, and a metric that is not defined there is shown as none."""
    odd = SliceMetrics("port", "a | b", 12, {}, {spec.metric: 0.5})
    found = metadata(spec, replace(trained, slices=(odd,)), registered(trained))["slices"].value
    *_, row = found.splitlines()
    assert row.replace("\\|", "").count("|") == 6, "no cell more"
    assert row.endswith("| nan | 0.5000 |")
    assert "slices" not in metadata(spec, replace(trained, slices=()), registered(trained))


def test_a_model_that_is_not_trained_again_stays_what_it_was(
    trained: TrainedModel, registered: Callable[..., LoadedModel]
) -> None:
    """Dagster is given the same data version, so that nothing follows from it."""
    kept = model._kept(registered(trained, 3).version, "no reason")
    assert kept.data_version == dg.DataVersion(trained.sha256)
    assert {name: value.value for name, value in kept.metadata.items()} == {
        "unchanged": "no reason",
        "version": 3,
    }
