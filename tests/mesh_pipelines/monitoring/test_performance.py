"""What was said, joined with what happened, held against fairlearn and scikit-learn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mesh_pipelines.errors import TransformError
from mesh_pipelines.modeling.evaluation import SCORE, TARGET
from mesh_pipelines.monitoring.performance import (
    MONTH,
    Performance,
    against_holdout,
    key_of,
    outcomes,
    performance,
    score_column,
)
from tests.mesh_pipelines.small_domains import promise, read_promise

ROWS = 3_000
START = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def features() -> pl.DataFrame:
    """Flights of three months; of the last days nothing is known yet."""
    random = np.random.default_rng(5)
    return pl.DataFrame(
        {
            "flight": np.arange(ROWS, dtype="i8"),
            "at": [START + timedelta(minutes=43 * index) for index in range(ROWS)],
            "origin": random.choice(["EWR", "JFK", "LGA"], ROWS, p=[0.6, 0.3, 0.1]),
            "late": random.random(ROWS) < 0.3,
        }
    ).with_columns(
        late=pl.when(pl.col("flight") < ROWS - 100).then("late"),
        origin=pl.when(pl.col("flight") % 50 > 0).then("origin"),
    )


@pytest.fixture(scope="module")
def predictions(features: pl.DataFrame) -> pl.DataFrame:
    """Two versions, one after the other; ties among the scores; the first flights were not predicted."""
    random = np.random.default_rng(6)
    score = (0.3 * features["late"].fill_null(value=False).cast(pl.Float64) + random.random(ROWS)) / 1.3
    return pl.DataFrame(
        {
            "flight": features["flight"].cast(pl.Int32),
            "probability": score.round(2),
            "model_version": ["delay@1" if index < 1_700 else "delay@2" for index in range(ROWS)],
        }
    ).tail(ROWS - 10)


@pytest.fixture(scope="module")
def rows(features: pl.DataFrame, predictions: pl.DataFrame) -> pl.DataFrame:
    """What was said beside what happened."""
    return outcomes(
        predictions.lazy(),
        features.lazy(),
        key=("flight",),
        score="probability",
        target="late",
        time="at",
        slices=("origin", "flight"),
    ).collect()


def test_every_prediction_meets_its_outcome(rows: pl.DataFrame) -> None:
    """Also by keys of another width; what is not known yet stays, without a target."""
    assert rows.height == ROWS - 10
    assert rows[TARGET].null_count() == 100
    assert rows[MONTH].unique().sort().to_list() == ["2013-01", "2013-02", "2013-03"]


@pytest.mark.filterwarnings("ignore")
def test_metrics_are_those_of_fairlearn(rows: pl.DataFrame) -> None:
    """By version, month and slice: AUC, log loss and Brier score are those of MetricFrame, to the last digits."""
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    found = performance(rows.lazy(), ("auc", "logloss", "brier"), ("origin",))
    known = rows.drop_nulls(TARGET)
    for column in ("", "origin"):
        by = [MONTH, "model_version", *([f"_slice.{column}"] if column else [])]
        frame = MetricFrame(
            metrics={
                "rows": lambda truth, _: len(truth),
                "auc": roc_auc_score,
                "logloss": lambda truth, guess: log_loss(truth, guess, labels=[0, 1]),
                "brier": brier_score_loss,
            },
            y_true=known[TARGET].to_numpy(),
            y_pred=known[SCORE].to_numpy(),
            sensitive_features=known.select(by).to_pandas(),
        ).by_group.dropna()
        mine: dict[Any, Performance] = {
            (entry.month, entry.model_version, *([entry.value] if column else [])): entry
            for entry in found
            if entry.column == column
        }
        assert len(mine) == len(frame)
        for group, expected in frame.iterrows():
            entry = mine[group]
            assert entry.rows == expected["rows"]
            for name in ("auc", "logloss", "brier"):
                assert entry.metrics[name] == pytest.approx(expected[name], rel=1e-9)


def test_quantities_are_those_of_sklearn() -> None:
    """Root mean squared and mean absolute error of a month."""
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    random = np.random.default_rng(7)
    truth, guess = random.normal(size=200), random.normal(size=200)
    frame = pl.LazyFrame({SCORE: guess, TARGET: truth, "model_version": "a@1", MONTH: "2013-01"})
    (entry,) = performance(frame, ("rmse", "mae"))
    assert entry.metrics["rmse"] == pytest.approx(root_mean_squared_error(truth, guess))
    assert entry.metrics["mae"] == pytest.approx(mean_absolute_error(truth, guess))


def test_a_month_of_one_class_has_no_auc() -> None:
    """An undefined metric is absent, the others are there; without outcomes there is nothing."""
    frame = pl.LazyFrame({SCORE: [0.1, 0.2], TARGET: [0.0, 0.0], "model_version": "a@1", MONTH: "2013-01"})
    (entry,) = performance(frame, ("auc", "brier"))
    assert entry.metrics == {"brier": pytest.approx(0.025)}
    assert performance(frame.with_columns(pl.lit(None, pl.Float64).alias(TARGET)), ("auc",)) == ()


def test_a_drop_is_told_by_slice_and_in_the_right_direction() -> None:
    """A lower AUC and a higher error are both a drop; a slice that the holdout had not is left out."""

    def entry(month: str, value: str, **metrics: float) -> Performance:
        return Performance("a@1", month, "port" if value else "", value, 10, metrics)

    live = [entry("2013-10", "", auc=0.6, rmse=2.0), entry("2013-10", "new", auc=0.6)]
    holdout = [entry("holdout", "", auc=0.7, rmse=1.5), entry("holdout", "old", auc=0.7)]
    (auc,) = against_holdout(live, holdout, "auc")
    (rmse,) = against_holdout(live, holdout, "rmse")
    assert (auc.month, auc.where, auc.drop) == ("2013-10", "", pytest.approx(0.1))
    assert rmse.drop == pytest.approx(0.5)
    assert against_holdout(live, holdout, "mae") == ()


def test_key_and_score_are_found_or_asked_for(tmp_path: Path) -> None:
    """The contract's key, else the feature set's; the one floating-point column, else the name given."""
    columns = {"flight": "integer", "probability": "number", "spread": "number"}
    contract = read_promise(tmp_path, promise("air", "forecast", columns))
    assert key_of(contract, ["flight", "late"], ("tail",)) == ("flight",)
    assert key_of(contract, ["number"], ("flight",)) == ("flight",)
    with pytest.raises(TransformError, match="keep the feature set's key"):
        key_of(contract, ["number"], ("number",))
    assert score_column(contract, ["spread"]) == "probability"
    assert score_column(contract, [], "spread") == "spread"
    with pytest.raises(TransformError, match="2 columns could hold"):
        score_column(contract, [])
    with pytest.raises(TransformError, match="no column nothing"):
        score_column(contract, [], "nothing")
