"""A model can be made again from its record, or it is said why not."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from mesh_pipelines.errors import NotPublished, TransformError
from mesh_pipelines.modeling.rebuild import rebuild
from mesh_pipelines.modeling.record import Record
from mesh_pipelines.modeling.training import TrainedModel


def test_the_same_bytes_come_out(history: pl.DataFrame, trained: TrainedModel) -> None:
    """From the record in JSON and the same rows, with other threads and with external memory."""
    record = Record.from_json(trained.record.to_json())
    for memory, threads in ((None, 1), (1, 2)):
        again = rebuild(record, history.lazy(), max_memory=memory, threads=threads)
        assert again.same
        assert again.model == trained.model
        assert again.differs == ()


def test_changed_data_is_named(history: pl.DataFrame, trained: TrainedModel) -> None:
    """One changed value in one training row: the data digest differs, and the verdict says so."""
    changed = history.with_columns(wind=pl.when(pl.col("id") == 5).then(9.0).otherwise("wind"))
    again = rebuild(trained.record, changed.lazy())
    assert not again.same
    assert "data" in [difference.what for difference in again.differs]
    assert "data was" in again.verdict


def test_another_xgboost_is_named(history: pl.DataFrame, trained: TrainedModel) -> None:
    """Bytes are promised by one XGBoost version only."""
    again = rebuild(replace(trained.record, xgboost_version="2.1.0"), history.lazy())
    assert [difference.what for difference in again.differs] == ["xgboost"]


def test_a_lost_feature_is_named(history: pl.DataFrame, trained: TrainedModel) -> None:
    """Features that are gone cannot be learnt from."""
    with pytest.raises(TransformError, match="wind is missing"):
        rebuild(trained.record, history.drop("wind").lazy())


def test_what_another_trainer_made_is_refused(history: pl.DataFrame, trained: TrainedModel) -> None:
    """A model of many shards is not silently trained on one."""
    with pytest.raises(NotPublished, match="2 shards"):
        rebuild(replace(trained.record, shards=2), history.lazy())
