"""Rules over models and predictions."""

from __future__ import annotations

from typing import Any

import pytest

from mesh_pipelines.declaring.declarations import ModelDeclaration, ProductDeclaration
from mesh_pipelines.declaring.node import ModelNode, ProductNode
from mesh_pipelines.governance.rules.models import ModelsAreSound, ModelsAreTrainedOnOwnFeatures
from tests.mesh_pipelines.governance.shop_domain import FORECAST, MODEL, shop
from tests.mesh_pipelines.loaded_domains import loaded_domain
from tests.mesh_pipelines.small_domains import World


@pytest.mark.parametrize(
    ("rule", "modules", "problem", "fix"),
    [
        (
            "ModelsAreTrainedOnOwnFeatures",
            {"models": MODEL.replace("order_features", "order_feature")},
            "trained on 'order_feature', which is no feature set",
            "@feature_set",
        ),
        (
            "ModelsAreTrainedOnOwnFeatures",
            {"models": MODEL + FORECAST.replace('"fraud"', '"frau"')},
            "scores of 'frau', which is no model",
            "declare `frau = model(...)`",
        ),
        ("ModelsAreSound", {"models": MODEL.replace('"auc"', '"aucc"')}, "aucc", ""),
        ("ModelsAreSound", {"models": MODEL.replace("rounds=5", "rounds=5, roundz=6")}, "roundz", "mean rounds=?"),
        (
            "WatchedScoresArePublished",
            {
                "models": MODEL.replace(
                    "rounds=5", 'rounds=5, watch=__import__("mesh_pipelines").Watch(score="amuont")'
                )
                + FORECAST
            },
            "is watched by the score 'amuont', which its contract does not promise",
            "did you mean amount?",
        ),
    ],
)  # fmt: skip
def test_each_rule_refuses_what_breaks_it(
    world: World, rule: str, modules: dict[str, Any], problem: str, fix: str
) -> None:
    """One fault, one rule: the violation says what is wrong and what to write instead."""
    faults = world.faults(shop(world, **modules))
    assert any(problem in fault and fix in fault for fault in faults[rule]), faults


def test_a_domain_without_models_breaks_no_rule() -> None:
    """Nothing to train, nothing at fault."""
    domain = loaded_domain(ProductNode("shop", "orders"))
    assert list(ModelsAreTrainedOnOwnFeatures().check(domain)) == []
    assert list(ModelsAreSound().check(domain)) == []


@pytest.mark.parametrize("features", ["", "orders", "fraud", "nothing"])
def test_a_model_without_a_feature_set_has_one_fault(features: str) -> None:
    """A product, the model itself, no name and an unknown name are no feature set; its options are not judged then."""
    fraud = ModelNode(
        "shop", "fraud", declaration=ModelDeclaration(features=features, options={"rounds": -1})
    )
    domain = loaded_domain(ProductNode("shop", "orders", declaration=ProductDeclaration()), fraud)
    [fault] = ModelsAreTrainedOnOwnFeatures().check(domain)
    assert (fault.where, fault.about) == (fraud.place, ("shop.fraud",))
    assert repr(features) in fault.problem
    assert list(ModelsAreSound().check(domain)) == []


def test_each_fault_of_a_model_is_a_violation(world: World) -> None:
    """All options that are not sound are named at once."""
    broken = MODEL.replace("rounds=5", "rounds=0").replace('"auc"', '"aucc"') + FORECAST
    faults = world.faults(shop(world, models=broken))
    assert list(faults) == ["ModelsAreSound"]
    assert len(faults["ModelsAreSound"]) == 2
