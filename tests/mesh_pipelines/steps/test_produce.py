"""Which step makes a node: by its kind, and by whether its domain wrote it by hand."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from mesh_pipelines.declaring.declarations import (
    FeatureSetDeclaration,
    Input,
    ModelDeclaration,
    PredictionsDeclaration,
    ProductDeclaration,
    SourceDeclaration,
)
from mesh_pipelines.declaring.domain_profile import DomainProfile
from mesh_pipelines.declaring.node import (
    ChampionNode,
    FeatureSetNode,
    LoadedDomain,
    ModelNode,
    Node,
    PredictionsNode,
    ProductNode,
    SourceNode,
)
from mesh_pipelines.steps.produce import produce
from tests.mesh_pipelines.small_domains import promise, read_promise

SHOP = LoadedDomain(DomainProfile("shop", "a team", ""), Path("domains/shop"), {})
MODEL = Input("model", "shop.fraud", registered=True)


@dg.asset
def orders() -> pl.LazyFrame:
    """An asset that is written by hand."""
    return pl.LazyFrame()


@pytest.mark.parametrize(
    ("node", "step"),
    [
        (SourceNode("shop", "orders", declaration=SourceDeclaration()), "source_step"),
        (SourceNode("shop", "orders", asset=orders), "handwritten_step"),
        (ProductNode("shop", "orders", declaration=ProductDeclaration()), "transform_step"),
        (ProductNode("shop", "orders", asset=orders), "handwritten_step"),
        (FeatureSetNode("shop", "known", declaration=FeatureSetDeclaration()), "transform_step"),
        (FeatureSetNode("shop", "known", asset=orders), "handwritten_step"),
        (ModelNode("shop", "fraud", declaration=ModelDeclaration()), "training_step"),
        (ChampionNode("shop", "fraud_champion", (MODEL,), ModelDeclaration()), "gate_step"),
        (PredictionsNode("shop", "forecast", declaration=PredictionsDeclaration()), "prediction_step"),
    ],
    ids=lambda given: (
        f"{given.stage} by hand" if getattr(given, "asset", None) else getattr(given, "stage", given)
    ),
)
def test_each_kind_of_node_has_its_step(tmp_path: Path, node: Node, step: str) -> None:
    """A hand-written asset of any kind of table passes the gate by the same step."""
    if isinstance(node, SourceNode) and node.asset is None:
        contract = read_promise(tmp_path, promise("shop", "orders", {"id": "integer"}), "source")
        node = SourceNode("shop", "orders", declaration=node.declaration, contract=contract)
    assert produce(node, SHOP).__qualname__.partition(".")[0] == step
