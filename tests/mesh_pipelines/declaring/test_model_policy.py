"""The policy of a model is plain data: it does not change, goes to other processes, and is written down whole."""

from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError, fields

import pytest

from mesh_pipelines.declaring.model_policy import GATE_OPTIONS, RETRAIN_OPTIONS, Gate, Retrain
from mesh_pipelines.declaring.option_types import faults_of_types


def test_every_option_has_a_type() -> None:
    """One that is added later is held to its type too; the defaults are sound."""
    for policy, options in ((Gate(), GATE_OPTIONS), (Retrain(), RETRAIN_OPTIONS)):
        assert set(options) == {field.name for field in fields(policy)}
        assert list(faults_of_types(policy, options)) == []


def test_the_floors_of_a_gate_stay_as_they_were_declared() -> None:
    """Whoever holds the mapping it was made of, or the gate itself."""
    floors = {"auc": 0.6}
    gate = Gate(floors=floors)
    floors["auc"] = 0.0
    assert gate.floors == {"auc": 0.6}
    with pytest.raises(TypeError):
        gate.floors["auc"] = 0.0  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        gate.margin = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    "policy",
    [Gate(), Gate(floors={"auc": 0.6, "brier": 0.2}, shadow="14d"), Retrain(5, "30d", on_drift=False)],
)
def test_a_policy_goes_to_another_process_whole(policy: Gate | Retrain) -> None:
    """Equal there, in type and in what is written down."""
    there = pickle.loads(pickle.dumps(policy))
    assert there == policy
    assert there.to_dict() == policy.to_dict()


def test_a_gate_is_written_down_by_all_its_rules() -> None:
    """Floors in the order of their names; the shadow only where there is one, as digests of before had it."""
    plain = Gate(floors={"brier": 0.2, "auc": 0.6}).to_dict()
    assert json.dumps(plain["floors"]) == '{"auc": 0.6, "brier": 0.2}'
    assert set(plain) == {field.name for field in fields(Gate)} - {"shadow"}
    assert Gate(shadow="14d").to_dict() == Gate().to_dict() | {"shadow": "14d"}


def test_a_reason_to_train_again_is_written_down_by_all_its_rules() -> None:
    """Nothing is left out where it is the default."""
    assert Retrain().to_dict() == {"min_new_rows": 0, "max_age": None, "on_drift": True}


def test_what_is_no_mapping_is_kept_as_it_was_written() -> None:
    """The declaration of the model names it; the gate alone raises nothing."""
    assert Gate(floors=["auc"]).floors == ["auc"]  # type: ignore[arg-type]
