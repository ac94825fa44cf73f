"""Training learns from the past alone, and its record says everything."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.modeling.training import TrainedModel, train


def test_the_model_beats_the_baseline_out_of_time(trained: TrainedModel) -> None:
    """What there is to learn is learnt, and the baseline is measured on the same rows."""
    assert trained.metrics["auc"] > trained.baseline["auc"] > 0.5
    assert trained.metrics["logloss"] < trained.baseline["logloss"]
    assert hashlib.sha256(trained.model).hexdigest() == trained.sha256 == trained.record.model_sha256


def test_the_future_does_not_reach_the_model(
    spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel
) -> None:
    """Turning every holdout outcome around, and adding a category there, leaves the model's bytes as they were."""
    later = pl.col("at") > trained.record.split.holdout_from
    tampered = history.with_columns(
        late=pl.when(later).then(~pl.col("late")).otherwise("late"),
        port=pl.when(later).then(pl.lit("ZZZ")).otherwise("port"),
    )
    again = train(spec, tampered.lazy())
    assert again.sha256 == trained.sha256
    assert again.metrics != trained.metrics


def test_rows_without_an_outcome_are_left_out(
    spec: ModelSpec, history: pl.DataFrame, trained: TrainedModel
) -> None:
    """A row whose target is not known changes nothing."""
    assert train(spec, history.drop_nulls("late").lazy()).sha256 == trained.sha256


def test_a_quantity_is_modelled_too(spec: ModelSpec, history: pl.DataFrame) -> None:
    """Regression has its own metrics; a baseline without groups is the mean."""
    hours = replace(
        spec,
        objective="reg:squarederror",
        metric="rmse",
        target="delay",
        baseline=(),
        ignore=("id", "late"),
        gate=replace(spec.gate, floors={}),
    )
    frame = history.with_columns(delay=pl.col("hour") * 2.0 + pl.col("wind").fill_null(0))
    model = train(hours, frame.lazy())
    assert set(model.metrics) == {"rmse", "mae"}
    assert model.metrics["rmse"] < model.baseline["rmse"]


def test_importances_are_shares(trained: TrainedModel) -> None:
    """Every feature has its share of the gain; they sum to one, the greatest first."""
    shares = list(trained.importances.values())
    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    assert set(trained.importances) == set(trained.record.schema.names)


def test_params_that_xgboost_ignores_still_train(spec: ModelSpec, history: pl.DataFrame) -> None:
    """Another seed is another model where sampling is on: the seed is really used."""
    assert train(replace(spec, seed=8), history.lazy()).sha256 != train(spec, history.lazy()).sha256
