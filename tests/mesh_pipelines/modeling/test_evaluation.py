"""Metrics are those of scikit-learn, overall and by slice."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_pipelines.declaring.model_spec import BINARY_METRICS, REGRESSION_METRICS
from mesh_pipelines.modeling.evaluation import (
    BASELINE,
    SCORE,
    TARGET,
    better,
    calibration,
    evaluate,
    evaluate_slices,
    shortfall,
)

PROBABILITY = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])


@given(st.lists(st.tuples(st.booleans(), PROBABILITY), min_size=1, max_size=60))
def test_binary_metrics_agree_with_scikit_learn(rows: list[tuple[bool, float]]) -> None:
    """AUC (ties included), log loss and Brier score are scikit-learn's; AUC of one class is undefined."""
    from sklearn import metrics

    truth, score = [int(late) for late, _ in rows], [value for _, value in rows]
    found = evaluate(pl.DataFrame({TARGET: truth, SCORE: score}), BINARY_METRICS)
    if len(set(truth)) == 2:
        assert found["auc"] == pytest.approx(metrics.roc_auc_score(truth, score))
    else:
        assert "auc" not in found
    with warnings.catch_warnings(action="ignore"):
        assert found["logloss"] == pytest.approx(
            metrics.log_loss(truth, score, labels=[0, 1]), rel=1e-6, abs=1e-9
        )
    assert found["brier"] == pytest.approx(np.mean((np.array(score) - np.array(truth)) ** 2))


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=40))
def test_regression_metrics_agree_with_scikit_learn(rows: list[tuple[float, float]]) -> None:
    """RMSE and MAE are scikit-learn's."""
    from sklearn import metrics

    truth, score = [a for a, _ in rows], [b for _, b in rows]
    found = evaluate(pl.DataFrame({TARGET: truth, SCORE: score}), REGRESSION_METRICS)
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, score))
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(truth, score))


def test_slices_are_measured_as_if_alone() -> None:
    """A slice's metrics are those of its rows; a missing value is a slice too."""
    random = np.random.default_rng(1)
    rows = pl.DataFrame(
        {
            TARGET: random.integers(0, 2, 500),
            SCORE: random.random(500),
            BASELINE: random.random(500),
            "port": pl.Series(random.choice(["EWR", "JFK", ""], 500)).replace("", None),
        }
    )
    slices = evaluate_slices(rows, ["port"], BINARY_METRICS)
    assert {entry.value for entry in slices} == {"EWR", "JFK", "(missing)"}
    for entry in slices:
        own = rows.filter(pl.col("port").fill_null("(missing)") == entry.value)
        assert entry.rows == own.height
        assert entry.metrics == pytest.approx(evaluate(own, BINARY_METRICS))
        assert entry.baseline == pytest.approx(evaluate(own, BINARY_METRICS, BASELINE))


def test_calibration_bins_hold_all_rows_in_order() -> None:
    """Bins cover every row; predictions that are right on average lie on the diagonal."""
    random = np.random.default_rng(2)
    score = random.random(20_000)
    bins = calibration(pl.DataFrame({SCORE: score, TARGET: random.random(20_000) < score}))
    assert bins.height == 10
    assert bins["rows"].sum() == 20_000
    assert bins["predicted"].is_sorted()
    assert (bins["predicted"] - bins["actual"]).abs().max() < 0.05  # pyright: ignore


def test_better_knows_its_direction() -> None:
    """More AUC is better, less error is better."""
    assert better("auc", 0.8, 0.7)
    assert better("rmse", 1.0, 2.0)
    assert shortfall("auc", 0.7, 0.8) == pytest.approx(0.1)
    assert shortfall("mae", 2.0, 1.5) == pytest.approx(0.5)
