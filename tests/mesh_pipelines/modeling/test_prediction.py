"""A booster's scores: in the order of the rows, for any batches, and refused where it cannot take the rows."""

from __future__ import annotations

import polars as pl
import pytest

from mesh_pipelines.errors import IntegrityError
from mesh_pipelines.modeling.prediction import load_booster, predict, predict_batches
from mesh_pipelines.modeling.training import TrainedModel


@pytest.mark.parametrize("content", [b"", b"{}", b"no model at all", bytes(64)])
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    """Empty, another format, junk: an error of the mesh, with the way out."""
    with pytest.raises(IntegrityError, match="no XGBoost model") as refused:
        load_booster(content)
    assert refused.value.remedy


def test_no_rows_have_no_scores(history: pl.DataFrame, trained: TrainedModel) -> None:
    """A column of no rows, in the type of scores; and no batch."""
    booster, schema = load_booster(trained.model), trained.record.schema
    scores = predict(booster, schema, history.clear())
    assert (scores.name, scores.dtype, scores.len()) == ("score", pl.Float64, 0)
    assert sum(part.height for part in predict_batches(booster, schema, history.clear().lazy(), ["id"])) == 0


def test_batches_and_order_do_not_change_a_score(history: pl.DataFrame, trained: TrainedModel) -> None:
    """Each row has its own, beside what is kept of it, whatever rows come with it."""
    booster, schema = load_booster(trained.model), trained.record.schema
    whole = predict(booster, schema, history)
    for size in (1_000, 6_000, 10_000):
        parts = list(
            predict_batches(booster, schema, history.lazy(), ["id", pl.col("at").alias("when")], size)
        )
        rows = pl.concat(parts)
        assert rows.columns == ["id", "when", "score"]
        assert rows["id"].to_list() == history["id"].to_list()
        assert rows["score"].equals(whole)
    backwards = predict(booster, schema, history.reverse())
    assert backwards.reverse().equals(whole)
    assert predict(booster, schema, history[7]).item() == whole[7]


def test_columns_may_come_in_any_order_and_type_of_their_kind(
    history: pl.DataFrame, trained: TrainedModel
) -> None:
    """A smaller number, a category: a value counts, and a value that is missing is missing."""
    booster, schema = load_booster(trained.model), trained.record.schema
    few = history.head(200)
    other = few.select(reversed(few.columns)).with_columns(
        pl.col("hour").cast(pl.Int8),
        pl.col("port").cast(pl.Categorical),
        wind=pl.col("wind").fill_null(float("nan")),
    )
    assert predict(booster, schema, other).equals(predict(booster, schema, few))
