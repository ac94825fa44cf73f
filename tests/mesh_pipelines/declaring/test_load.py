"""Loading a domain: its package becomes nodes, and whatever is wrong with it becomes violations."""

from __future__ import annotations

import pytest

from mesh_pipelines.declaring.declarations import Input
from mesh_pipelines.declaring.load import model_spec
from mesh_pipelines.declaring.node import PARTITION
from tests.mesh_pipelines.small_domains import World, by_rule, promise

ORDERS = {"id": "integer", "amount": "number"}
MODEL = """
@feature_set(key=("id",), time="day")
def order_features(orders: pl.LazyFrame) -> pl.LazyFrame:
    return orders

fraud = model(features="order_features", target="fraud", objective="binary:logistic", metric="auc",
              rounds=5, baseline=("id",))

@predictions(model="fraud")
def fraud_forecast(scores: pl.LazyFrame) -> pl.LazyFrame:
    return scores
"""


def test_a_package_becomes_nodes(world: World) -> None:
    """Every declaration is a node of its name, with stage, contract and inputs; a model brings its champion."""
    raw = promise("shop", "orders_raw", ORDERS)
    package = world.write(
        "shop",
        raw,
        promise("shop", "orders", ORDERS),
        promise("shop", "fraud_forecast", ORDERS),
        sources='orders_raw = source("orders.csv")',
        products="@data_product\ndef orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:\n    return orders_raw\n",
        models=MODEL,
    )
    domain = world.load(package)
    assert {n.name: n.stage for n in domain.nodes.values()} == {
        "orders_raw": "source",
        "orders": "product",
        "order_features": "features",
        "fraud": "model",
        "fraud_champion": "champion",
        "fraud_forecast": "predictions",
    }
    assert {n.name: [i.key for i in n.inputs] for n in domain.nodes.values()} == {
        "orders_raw": [],
        "orders": ["shop.orders_raw"],
        "order_features": ["shop.orders"],
        "fraud": ["shop.order_features"],
        "fraud_champion": ["shop.fraud", "shop.order_features"],
        "fraud_forecast": ["shop.fraud_champion", "shop.order_features"],
    }
    promising = {n.name for n in domain.nodes.values() if n.contract}
    assert promising == {"orders_raw", "orders", "fraud_forecast"}
    assert domain.nodes["order_features"].partition_column == PARTITION
    assert model_spec(domain.nodes["fraud"], domain.by_key).time == "day"
    assert not domain.violations


def test_what_is_imported_or_private_is_not_declared_twice(world: World) -> None:
    """A name imported from another module, or beginning with an underscore, is no asset of its own."""
    package = world.write(
        "shop",
        promise("shop", "orders_raw", ORDERS),
        sources='orders_raw = source("orders.csv")\n_draft = source("draft.csv")',
        products="from domains.shop.sources import orders_raw\n",
        test_shop='nonsense = source("x.csv")',
    )
    domain = world.load(package)
    assert list(domain.nodes) == ["orders_raw"]
    assert not domain.violations


def test_one_name_twice_is_a_violation(world: World) -> None:
    """Two declarations of one name would hide each other: both modules are named."""
    package = world.write(
        "shop",
        promise("shop", "orders", ORDERS),
        products="@data_product\ndef orders() -> pl.LazyFrame:\n    return pl.LazyFrame()\n",
        sources='orders = source("orders.csv")',
    )
    faults = by_rule(world.load(package).violations)
    assert "declared twice, the first time in domains/shop/products.py:6" in faults["NamesAreUnique"][0]


def test_a_handwritten_asset_of_a_declared_name_is_a_violation(world: World) -> None:
    """A hand-written asset does not silently take the place of a declared one."""
    package = world.write(
        "shop",
        promise("shop", "orders", ORDERS),
        written="import dagster as dg\n\n@dg.asset\ndef orders() -> pl.LazyFrame:\n    return pl.LazyFrame()\n",
        products="@data_product\ndef orders() -> pl.LazyFrame:\n    return pl.LazyFrame()\n",
    )
    faults = by_rule(world.load(package).violations)
    assert "declared twice" in faults["NamesAreUnique"][0]


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda d: d.update(descripton="typo"), "descripton"),
        (lambda d: d["schema"][0]["properties"][0].update(clasification="public"), "clasification"),
        (lambda d: d["schema"][0]["properties"][0].update(logicalType="text"), "text"),
        (lambda d: d.pop("team"), "team"),
    ],
    ids=["a typo at the top", "a typo deep inside", "an unknown type", "no owner"],
)
def test_a_broken_contract_is_a_violation_of_its_domain(world: World, break_it, words: str) -> None:
    """A contract that is not sound is named with its file, and the rest of the domain is loaded all the same."""
    broken = promise("shop", "orders", ORDERS)
    break_it(broken)
    package = world.write(
        "shop",
        broken,
        promise("shop", "orders_raw", ORDERS),
        sources='orders_raw = source("orders.csv")',
    )
    domain = world.load(package)
    assert any(words in f"{v.where} {v.problem}" and "orders.odcs.yaml" in v.where for v in domain.violations)
    assert list(domain.nodes) == ["orders_raw"]


def test_a_port_is_known_by_its_annotation(world: World) -> None:
    """Modules with postponed annotations keep their ports."""
    package = world.write("shop", promise("shop", "sales", ORDERS))
    (world.root / "domains/shop/products.py").write_text(
        "from __future__ import annotations\n\nfrom typing import Annotated\n\nimport polars as pl\n\n"
        "from mesh_pipelines import Port, data_product\n\n@data_product\n"
        'def sales(seen: Annotated[pl.LazyFrame, Port("weather.seen", purpose="x")]) -> pl.LazyFrame:\n'
        "    return seen\n"
    )
    [wanted] = world.load(package).nodes["sales"].inputs
    assert wanted == Input("seen", "weather.seen", wanted.port)
    assert wanted.port is not None
