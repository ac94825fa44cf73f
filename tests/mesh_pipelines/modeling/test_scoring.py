"""Every score says which model gave it, and none learnt from the row it scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.errors import TransformError
from mesh_pipelines.modeling.evaluation import SCORE
from mesh_pipelines.modeling.matrix import learn_schema
from mesh_pipelines.modeling.scoring import score, score_history, walk_forward
from mesh_pipelines.modeling.training import TrainedModel, fit
from mesh_pipelines.modeling.version import LoadedModel


@pytest.fixture(scope="module")
def champion(trained: TrainedModel, registered: Callable[..., LoadedModel]) -> LoadedModel:
    """Version 3, in use."""
    return registered(trained, 3)


def test_scores_are_those_of_the_evaluation(
    history: pl.DataFrame, trained: TrainedModel, champion: LoadedModel
) -> None:
    """In batches of any size the scores are XGBoost's own, beside their rows, with the model's label."""
    future = trained.record.split.holdout(history.lazy(), "at", "late")
    scores = score(champion, future, batch_rows=333)
    rows = scores.frame.collect()
    assert rows["score"].to_list() == trained.holdout[SCORE].to_list()
    assert rows["model_version"].unique().to_list() == ["lateness@3"]
    assert rows.columns == [*history.columns, "score", "model_version"]
    assert scores.rows == rows.height
    features = future.select(trained.record.schema.expressions()).collect()
    # Here, not above: loaded before training prepares for it, OpenMP would spin.
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(champion.model))
    assert (
        rows["score"].cast(pl.Float32).to_list()
        == booster.predict(xgboost.DMatrix(features, enable_categorical=True)).tolist()
    )


def test_unseen_categories_are_counted_and_taken_as_missing(
    history: pl.DataFrame, champion: LoadedModel
) -> None:
    """A port that the model never saw is scored as an unknown one, and counted; never as another port."""
    few = history.head(100)
    strange = score(champion, few.with_columns(port=pl.lit("ZZZ")).lazy())
    unknown = score(champion, few.with_columns(port=pl.lit(None, dtype=pl.String)).lazy())
    assert strange.unseen == {"port": 100}
    assert unknown.unseen == {}
    assert strange.frame.collect()["score"].to_list() == unknown.frame.collect()["score"].to_list()


def test_rows_that_do_not_fit_are_refused(history: pl.DataFrame, champion: LoadedModel) -> None:
    """Every missing or retyped feature is named before anything is scored."""
    bad = history.drop("hour").with_columns(wind=pl.lit("strong"))
    with pytest.raises(
        TransformError, match=r"lateness@3.*hour is missing; wind is String, trained as number"
    ):
        score(champion, bad.lazy())


def test_no_rows_give_no_scores(history: pl.DataFrame, champion: LoadedModel) -> None:
    """An empty frame is scored to an empty frame with the same columns."""
    rows = score(champion, history.head(0).lazy()).frame.collect()
    assert rows.height == 0
    assert rows.schema["model_version"] == pl.String
    assert rows.schema["score"] == pl.Float64


def test_walk_forward_learns_from_earlier_months_alone(
    spec: ModelSpec, history: pl.DataFrame, champion: LoadedModel
) -> None:
    """A month's scores are those of a model of the months before; changing that month or later changes none."""
    until = champion.record.split.train_until
    rows = walk_forward(spec, history.lazy(), until=until, label="lateness@3").frame.collect()
    months = rows["model_version"].unique().sort().to_list()
    assert months[0] == "lateness@3/2013-02"
    assert rows.select(
        (pl.col("model_version") == "lateness@3/" + pl.col("at").dt.strftime("%Y-%m")).all()
    ).item()
    assert rows["at"].max() <= until  # pyright: ignore
    march = pl.col("at").dt.strftime("%Y-%m") >= "2013-03"
    tampered = history.with_columns(late=pl.when(march).then(~pl.col("late")).otherwise("late"))
    again = walk_forward(spec, tampered.lazy(), until=until, label="lateness@3").frame.collect()
    february = pl.col("model_version").is_in(["lateness@3/2013-02", "lateness@3/2013-03"])
    assert again.filter(february).equals(rows.filter(february).with_columns(again.filter(february)["late"]))
    past = history.lazy().filter(pl.col("at").dt.month() < 2).drop_nulls("late")
    schema = learn_schema(spec, past)
    model, _ = fit(past, schema, "late", spec.booster_params, spec.rounds, rows=past.collect().height)
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(model))
    mine = rows.filter(pl.col("model_version") == "lateness@3/2013-02")
    expected = booster.inplace_predict(mine.select(schema.expressions()))
    assert mine["score"].cast(pl.Float32).to_list() == expected.tolist()


def test_history_is_scored_once_and_never_in_sample(
    spec: ModelSpec, history: pl.DataFrame, champion: LoadedModel
) -> None:
    """Each row after the first month has one score; the champion's are all later than what it learnt from."""
    scores = score_history(spec, history.lazy(), champion, batch_rows=999)
    rows = scores.frame.collect()
    assert rows["id"].to_list() == history.filter(pl.col("at").dt.month() > 1)["id"].to_list()
    now = rows.filter(pl.col("model_version") == "lateness@3")
    assert now["at"].min() > champion.record.split.train_until  # pyright: ignore
    assert scores.models[-1] == "lateness@3"
    assert rows.equals(score_history(spec, history.lazy(), champion).frame.collect())


def test_since_trains_only_what_is_asked(
    spec: ModelSpec, history: pl.DataFrame, champion: LoadedModel
) -> None:
    """One more month costs one month: earlier periods can be left out, and the others are the same."""
    until = champion.record.split.train_until
    since = until.replace(day=1)
    part = walk_forward(spec, history.lazy(), until=until, label="l@1", since=since)
    whole = walk_forward(spec, history.lazy(), until=until, label="l@1")
    assert len(part.models) == 1
    wanted = whole.frame.collect().filter(pl.col("model_version") == part.models[0])
    assert part.frame.collect().equals(wanted)


def test_an_embargo_is_kept_in_walk_forward(
    spec: ModelSpec, history: pl.DataFrame, champion: LoadedModel
) -> None:
    """Outcomes not known when the month began are not learnt from."""
    until = champion.record.split.train_until
    late_days = pl.col("at").dt.strftime("%Y-%m-%d").is_between(pl.lit("2013-01-27"), pl.lit("2013-01-31"))
    tampered = history.with_columns(late=pl.when(late_days).then(~pl.col("late")).otherwise("late"))
    careful = replace(spec, embargo="5d")
    february = pl.col("model_version") == "l@1/2013-02"
    one, two = (
        walk_forward(careful, frame.lazy(), until=until, label="l@1").frame.filter(february).collect()
        for frame in (history, tampered)
    )
    assert one["score"].equals(two["score"])


def test_what_nobody_scores_is_not_read(
    spec: ModelSpec, history: pl.DataFrame, champion: LoadedModel
) -> None:
    """Where history is left out, only rows later than the champion learnt from are read, with the same scores."""
    read: list[int] = []

    def count(rows: pl.DataFrame) -> pl.DataFrame:
        read.append(rows.height)
        return rows

    stored = history.lazy().map_batches(count, predicate_pushdown=True, streamable=True)
    fresh = score_history(spec, stored, champion, backcast=False)
    later = history.filter(pl.col("at") > champion.record.split.train_until)
    assert fresh.rows == later.height == sum(read) < history.height

    whole = score_history(spec, history.lazy(), champion).frame
    assert fresh.frame.collect().equals(whole.filter(pl.col("model_version") == "lateness@3").collect())
