"""XGBoost's own judgement on parameters, asked without its Python package."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mesh_pipelines.modeling.parameters import faults_of_parameters

OWN = {"objective": "binary:logistic", "tree_method": "hist", "device": "cpu", "seed": 7}


@pytest.mark.parametrize(
    "params",
    [
        {"max_depth": 5, "learning_rate": 0.08, "min_child_weight": 50, "reg_lambda": 10.0},
        {"eta": 0.1, "alpha": 1, "lambda": 1, "gamma": 0, "max_bin": 64, "grow_policy": "lossguide"},
        {"monotone_constraints": "(1)", "scale_pos_weight": 3, "eval_metric": "auc", "max_cat_to_onehot": 4},
        {"objective": "reg:tweedie", "tweedie_variance_power": 1.3},
        {"objective": "reg:pseudohubererror", "huber_slope": 1.3},
    ],
)
def test_parameters_of_xgboost_are_no_faults(params: dict[str, Any]) -> None:
    """By their own names, and by those of scikit-learn."""
    assert faults_of_parameters(OWN | params) == []


@pytest.mark.odd_input("declarations that cannot run", "held up")
@pytest.mark.parametrize(
    ("params", "words", "name"),
    [
        ({"max_dept": 5}, "'max_dept', which XGBoost does not use", "max_dept"),
        ({"n_estimators": 5}, "'n_estimators'", "n_estimators"),
        ({"tweedie_variance_power": 1.3}, "does not use with binary:logistic", "tweedie_variance_power"),
        ({"max_depth": 5.5}, "max_depth expect int but value='5.5'", "max_depth"),
        ({"max_depth": True}, "max_depth", "max_depth"),
        ({"learning_rate": -1}, "greater equal to 0", "learning_rate"),
        ({"eval_metric": "nope"}, "Unknown metric function nope", ""),
    ],
)
def test_a_parameter_that_xgboost_refuses_or_passes_over_is_a_fault(
    params: dict[str, Any], words: str, name: str
) -> None:
    """One fault, in one line, with the parameter's name where XGBoost gives it."""
    [(problem, named, known)] = faults_of_parameters(OWN | params)
    assert words in problem
    assert "\n" not in problem
    assert named == name
    assert not known or {"max_depth", "learning_rate", "subsample", "eta"} <= set(known)


def test_all_faults_are_named_at_once() -> None:
    """XGBoost itself ends at the first that it refuses."""
    faults = faults_of_parameters(OWN | {"max_depth": 5.5, "max_dept": 5, "eta": -1, "gama": 2})
    assert sorted(name for _, name, _ in faults) == ["", "gama", "max_dept", "max_depth"]


def test_xgboost_trains_in_the_same_process_afterwards() -> None:
    """It shares the library."""
    assert faults_of_parameters(OWN | {"max_dept": 5})
    import xgboost

    data = xgboost.DMatrix(np.array([[0.0], [1.0]]), label=np.array([0, 1]))
    booster = xgboost.train({**OWN, "verbosity": 1}, data, num_boost_round=1)
    assert faults_of_parameters(OWN) == []
    assert booster.num_boosted_rounds() == 1
