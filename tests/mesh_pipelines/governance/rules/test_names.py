"""Rules over the names of domains and assets."""

from __future__ import annotations

from typing import Any

import pytest

from mesh_pipelines.declaring.node import ChampionNode, ModelNode, ProductNode
from mesh_pipelines.governance.rules.names import ChampionsKeepTheirNames, NamesAreKeys
from tests.mesh_pipelines.governance.shop_domain import FEATURES, ORDERS, PRODUCT, shop
from tests.mesh_pipelines.loaded_domains import loaded_domain
from tests.mesh_pipelines.small_domains import World, promise


@pytest.mark.parametrize(
    ("rule", "modules", "problem", "fix"),
    [
        (
            "NamesAreKeys",
            {"features": FEATURES + FEATURES.replace("order_features", "Order_features")},
            "`Order_features` is no name of a features",
            "lower-case letters",
        ),
        (
            "NamesAreKeys",
            {"features": FEATURES + FEATURES.replace("order_features", "größe")},
            "`größe` is no name",
            "a to z",
        ),
        ("NamesAreKeys", {"products": PRODUCT + PRODUCT.replace("orders(", "orders__quarantine(")}, "", "single"),
        (
            "ChampionsKeepTheirNames",
            {"products": PRODUCT + PRODUCT.replace("orders(", "fraud_champion(")},
            "is the name of the champion of shop.fraud",
            "another name",
        ),
    ],
)  # fmt: skip
def test_each_rule_refuses_what_breaks_it(
    world: World, rule: str, modules: dict[str, Any], problem: str, fix: str
) -> None:
    """One fault, one rule: the violation says what is wrong and what to write instead."""
    faults = world.faults(shop(world, **modules))
    assert any(problem in fault and fix in fault for fault in faults[rule]), faults


def test_a_name_of_two_words_is_one_with_a_single_underscore(world: World) -> None:
    """A domain's folder is held to the same, by its contract too."""
    package = world.write("My__shop", promise("My__shop", "orders", ORDERS))
    assert "`My__shop` is no name of a domain" in world.faults(package)["NamesAreKeys"][0]


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("orders", True),
        ("orders_2", True),
        ("o", True),
        ("type_", True),
        ("", False),
        ("_orders", False),
        ("2nd", False),
        ("orders__raw", False),
        ("Orders", False),
        ("größe", False),
        ("orders\n", False),
        ("orders.raw", False),
        ("orders-raw", False),
    ],
)
def test_a_name_is_of_lower_case_words(name: str, sound: bool) -> None:
    """Of an asset and of a domain: what breaks it would be another key, folder or table than what was written."""
    of_asset = list(NamesAreKeys().check(loaded_domain(ProductNode("shop", name))))
    of_domain = list(NamesAreKeys().check(loaded_domain(name=name)))
    assert (len(of_asset), len(of_domain)) == ((0, 0) if sound else (1, 1))


def test_a_champion_of_its_own_breaks_no_rule() -> None:
    """The model's own champion has the name; a champion without a model is none of this rule."""
    model, champion = ModelNode("shop", "fraud"), ChampionNode("shop", "fraud_champion")
    assert list(ChampionsKeepTheirNames().check(loaded_domain(model, champion))) == []
    assert list(ChampionsKeepTheirNames().check(loaded_domain(champion))) == []
