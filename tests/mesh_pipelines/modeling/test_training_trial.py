"""Parameters that only training refuses are found without rows."""

from __future__ import annotations

from typing import Any

import pytest

from mesh_pipelines.declaring.model_spec import BINARY_OBJECTIVES, REGRESSION_OBJECTIVES
from mesh_pipelines.modeling.training_trial import fault_of_training

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")
OWN = {"objective": "binary:logistic", "tree_method": "hist", "device": "cpu", "seed": 7}
NAMES, KINDS = ("heat", "machine", "warm"), ("number", "text", "boolean")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"monotone_constraints": "(1,1,1,1)"}, "monotone constraint should be less or equal to the number"),
        ({"interaction_constraints": '[["nope"]]'}, "Failed to parse feature interaction constraint"),
        ({"num_class": 3}, "Invalid shape of labels"),
        ({"num_target": 3}, "multi-class/target models"),
        ({"process_type": "update"}, "can not be used to modify existing trees"),
        ({"updater": "refresh"}, "can not be used to create new trees"),
        ({"updater": "grow_colmaker"}, "doesn't support categorical features"),
        ({"updater": "grow_gpu_hist"}, "Must have at least one device"),
    ],
)
def test_parameters_that_training_refuses_are_named(params: dict[str, Any], words: str) -> None:
    """In one line, without XGBoost's place in C++."""
    found = fault_of_training(OWN | params, NAMES, KINDS)
    assert words in found
    assert "/src/" not in found
    assert "\n" not in found


@pytest.mark.parametrize("objective", [*BINARY_OBJECTIVES, *REGRESSION_OBJECTIVES])
def test_sound_parameters_train(objective: str) -> None:
    """With every objective that a model may have."""
    more = {"max_depth": 2, "monotone_constraints": "(1,0,1)", "subsample": 0.5, "grow_policy": "lossguide"}
    assert fault_of_training(OWN | {"objective": objective}, NAMES, KINDS) == ""
    assert fault_of_training(OWN | {"objective": objective, **more}, NAMES, KINDS) == ""


def test_a_feature_whose_name_xgboost_does_not_take_is_named() -> None:
    """Its Python package refuses it in the midst of training."""
    assert "holds [, ] or <: a[b], c<d" in fault_of_training(OWN, ("a[b]", "b", "c<d"), ("number",) * 3)
