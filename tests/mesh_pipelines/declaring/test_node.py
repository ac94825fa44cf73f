"""The node: key, place, partitions and version of what a domain owns, by kind."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from mesh_pipelines.declaring.declarations import (
    Input,
    ModelDeclaration,
    PredictionsDeclaration,
    ProductDeclaration,
    Stage,
)
from mesh_pipelines.declaring.node import (
    KINDS,
    PARTITION,
    ChampionNode,
    FeatureSetNode,
    ModelNode,
    Node,
    OwnCheck,
    PredictionsNode,
    ProductNode,
    RegisteredNode,
    SourceNode,
)
from tests.mesh_pipelines.loaded_domains import loaded_domain
from tests.mesh_pipelines.small_domains import World, promise, read_promise

ORDERS = {"id": "integer", "amount": "number"}
FEATURES = Input("features", "shop.wear")


def test_a_contract_counts_in_the_version_of_code(world: World) -> None:
    """A changed promise makes a product anew, as changed code does."""
    code = "@data_product\ndef orders(orders: pl.LazyFrame) -> pl.LazyFrame:\n    return orders\n"
    one = world.load(world.write("one", promise("one", "orders", ORDERS), products=code)).nodes["orders"]
    two = world.load(world.write("two", promise("two", "orders", ORDERS, tolerance=5), products=code)).nodes[
        "orders"
    ]
    assert one.version_of_code.split("-")[1] != two.version_of_code.split("-")[1]


def test_each_stage_has_a_kind_of_its_own() -> None:
    """Every stage that a domain can declare, and the champion; the kind knows its stage."""
    assert set(KINDS) == set(get_args(Stage))
    assert all(kind.stage == stage for stage, kind in KINDS.items())
    assert {stage for stage, kind in KINDS.items() if kind.is_product} == {"product", "predictions"}
    assert {stage for stage, kind in KINDS.items() if kind.promises} == {"source", "product", "predictions"}
    assert {stage for stage, kind in KINDS.items() if kind.in_registry} == {"model", "champion"}


@pytest.mark.parametrize(
    ("kind", "partitions", "more", "column"),
    [
        (SourceNode, "", {}, None),
        (SourceNode, "2013-01", {}, PARTITION),
        (SourceNode, "2013-01", {"month": "string"}, "month"),
        (ProductNode, "", {}, None),
        (ProductNode, "2013-01", {"month": "string"}, "month"),
    ],
)
def test_a_contract_says_whether_a_table_is_cut(
    tmp_path: Path, kind: type[Node], partitions: str, more: dict[str, str], column: str | None
) -> None:
    """By the column that it names; a source by one of the platform's own where its files say the partition."""
    terms = promise("shop", "orders", {**ORDERS, **more}, partitions=partitions)
    contract = read_promise(tmp_path, terms, "source" if kind is SourceNode else "product")
    node = kind("shop", "orders", contract=contract)
    assert (node.partitioned, node.partition_column) == (bool(partitions), column)


def test_without_a_contract_nothing_is_cut_but_features() -> None:
    """A feature set is cut by the month of its rows, and made as a whole."""
    for node in (SourceNode("shop", "a"), ProductNode("shop", "a"), ModelNode("shop", "a")):
        assert (node.partitioned, node.partition_column) == (False, None)
    features = FeatureSetNode("shop", "wear")
    assert (features.partitioned, features.partition_column) == (False, PARTITION)


def test_a_place_leads_to_the_line() -> None:
    """File below the workspace, line and name; the domain's folder where nothing is known of a file."""
    file = Path("/somewhere/work/domains/shop/products.py")
    assert ProductNode("shop", "orders", file=file, line=12).place == "domains/shop/products.py:12: orders"
    assert ProductNode("shop", "orders").place == "domains/shop: orders"


def test_the_version_is_of_code_alone_where_nothing_is_promised() -> None:
    """No contract, no dash."""
    assert FeatureSetNode("shop", "wear", code_version="abc").version_of_code == "abc"


def test_blocking_checks_are_named_in_their_order() -> None:
    """Those that only warn are not among them."""
    checks = tuple(OwnCheck("shop.orders", name, name != "b", "step") for name in ("c", "b", "a"))
    assert ProductNode("shop", "orders", checks=checks).blocking_checks == ("c", "a")
    assert ProductNode("shop", "orders").blocking_checks == ()


def test_models_and_predictions_know_by_role_what_they_read() -> None:
    """Whatever the order of the inputs: the model, the champion's model, and the feature set."""
    model = ModelNode("shop", "fraud", (FEATURES,), ModelDeclaration(features="wear"))
    champion = ChampionNode(
        "shop", "fraud_champion", (FEATURES, Input("model", "shop.fraud")), model.declaration
    )
    scored = (FEATURES, Input("champion", "shop.fraud_champion"))
    forecast = PredictionsNode("shop", "forecast", scored, PredictionsDeclaration(model="fraud"))
    for node in (model, champion, forecast):
        assert (node.model_key, node.features_key) == ("shop.fraud", "shop.wear")
    assert model.declared.features == "wear"


@pytest.mark.parametrize("node", [ModelNode("shop", "fraud"), ChampionNode("shop", "fraud_champion")])
def test_a_declaration_of_another_kind_is_an_error_at_once(node: RegisteredNode) -> None:
    """Not a wrong answer later on."""
    with pytest.raises(TypeError, match="no ModelDeclaration but None"):
        _ = node.declared
    other = PredictionsNode("shop", "forecast", declaration=ProductDeclaration())
    with pytest.raises(TypeError, match="no PredictionsDeclaration but ProductDeclaration"):
        _ = other.declared


def test_a_domain_finds_its_assets_and_contracts(tmp_path: Path) -> None:
    """By key; a contract's file below the workspace; sound or not, by the name that the declaration gives it."""
    contract = read_promise(tmp_path, promise("shop", "orders", ORDERS))
    orders = ProductNode("shop", "orders", contract=contract)
    broken, bare = ProductNode("shop", "returns"), ProductNode("shop", "bare")
    named = ProductNode("shop", "sales", declaration=ProductDeclaration(contract="returns"))
    domain = loaded_domain(orders, broken, named, bare, unsound=frozenset({"returns", "sales"}))
    assert domain.by_key == {node.key: node for node in (orders, broken, named, bare)}
    assert [domain.has_contract_file(node) for node in (orders, broken, named, bare)] == [
        True,
        True,
        True,
        False,
    ]
    assert (domain.name, domain.place) == ("shop", "domains/shop")
    assert domain.place_of(contract) == f"domains/shop/contracts/{contract.path.name}"
