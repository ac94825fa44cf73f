"""Assets that a domain writes by hand: each is a node like a declared one; anything else is none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from mesh_pipelines import data_product
from mesh_pipelines.dagster_names import STAGE
from mesh_pipelines.declaring.handwritten import handwritten_nodes, is_dagster_extra
from mesh_pipelines.declaring.node import FeatureSetNode, Node, ProductNode
from mesh_pipelines.errors import MeshError
from quality.contract import Contract
from tests.mesh_pipelines.small_domains import World, promise, read_promise

ORDERS = {"id": "integer", "amount": "number"}


def nodes_of(value: Any, **contracts: Contract) -> dict[str, Node]:
    """The nodes of a value of this module, as one of the domain ``shop``."""
    return handwritten_nodes(value, "shop", contracts, sys.modules[__name__], __name__)


def test_a_handwritten_asset_becomes_a_node_like_any_other(world: World) -> None:
    """Arguments, ``deps`` and ports of an ``@asset`` are its inputs; checks, jobs, schedules and sensors come along."""
    package = world.write(
        "shop",
        promise("shop", "refunds", ORDERS),
        byhand="""
        import dagster as dg

        @dg.asset(
            deps=[dg.AssetKey(["weather", "observations"])],
            metadata={"mesh/ports": {"weather.observations": "planning"}},
        )
        def refunds(orders: pl.LazyFrame) -> pl.LazyFrame:
            return orders

        @dg.asset_check(asset="refunds")
        def few() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=True)

        nightly = dg.ScheduleDefinition(name="nightly", cron_schedule="0 1 * * *", target="*")
        """,
    )
    domain = world.load(package)
    node = domain.nodes["refunds"]
    assert (node.key, node.stage, node.declaration) == ("shop.refunds", "product", None)
    assert isinstance(node.asset, dg.AssetsDefinition)
    assert {i.key for i in node.inputs} == {"shop.orders", "weather.observations"}
    assert [i.port.purpose for i in node.inputs if i.port] == ["planning"]
    assert len(domain.extras) == 2


@dg.asset(code_version="7")
def refunds() -> pl.LazyFrame:
    """A product without inputs."""
    return pl.LazyFrame()


def test_a_product_is_what_an_asset_is_without_a_tag(tmp_path: Path) -> None:
    """With the contract of its name, its own code version, and the line of its function."""
    contract = read_promise(tmp_path, promise("shop", "refunds", ORDERS))
    [node] = nodes_of(refunds, refunds=contract, orders=contract).values()
    assert isinstance(node, ProductNode)
    assert (node.contract, node.code_version, node.inputs) == (contract, "7", ())
    assert node.file is not None
    line = node.file.read_text(encoding="utf-8").splitlines()[node.line - 1]
    assert line == '@dg.asset(code_version="7")'


def test_a_feature_set_has_no_contract(tmp_path: Path) -> None:
    """Nothing is promised of it, even where a contract bears its name; its code version is that of its module."""

    @dg.asset(tags={STAGE: "features"})
    def wear(orders: pl.LazyFrame) -> pl.LazyFrame:
        return orders

    contract = read_promise(tmp_path, promise("shop", "wear", ORDERS))
    [node] = nodes_of(wear, wear=contract).values()
    assert isinstance(node, FeatureSetNode)
    assert (node.contract, [given.key for given in node.inputs]) == (None, ["shop.orders"])
    assert len(node.code_version) == 12


@pytest.mark.parametrize("stage", ["source", "model", "champion", "predictions", "", "Features"])
def test_no_other_stage_is_written_by_hand(stage: str) -> None:
    """The key and the tag are named, with the stages that there are."""

    @dg.asset(key=["shop", "odd"], tags={STAGE: stage} if stage else {STAGE: ""})
    def odd() -> None: ...

    with pytest.raises(MeshError, match=f"is {stage!r}") as refused:
        nodes_of(odd)
    assert refused.value.where == "shop.odd"
    assert "product, features" in refused.value.remedy


def test_each_table_of_a_function_is_a_node() -> None:
    """A rule refuses it later, by name; one whose rows somebody else makes has no line."""

    @dg.multi_asset(specs=[dg.AssetSpec("one"), dg.AssetSpec("two", deps=["one"])])
    def both():
        yield from ()

    found = nodes_of(both)
    assert list(found) == ["one", "two"]
    assert [given.key for given in found["two"].inputs] == ["shop.one"]
    [outside] = nodes_of(dg.AssetsDefinition(specs=[dg.AssetSpec("outside")])).values()
    assert outside.line == 1


def test_other_values_are_no_assets() -> None:
    """A number, a function, a declaration, a spec."""
    declared = data_product(lambda: pl.LazyFrame())
    for value in (None, 7, test_other_values_are_no_assets, declared, dg.AssetSpec("spec")):
        assert nodes_of(value) == {}
        assert not is_dagster_extra(value)


def test_checks_jobs_schedules_and_sensors_come_along() -> None:
    """Beside the assets, and not as assets."""

    @dg.asset_check(asset="refunds")
    def few() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    @dg.op
    def nothing() -> None: ...

    @dg.job
    def nightly() -> None:
        nothing()

    @dg.sensor(job=nightly)
    def waits() -> None: ...

    schedule = dg.ScheduleDefinition(name="nightly_run", cron_schedule="0 1 * * *", job=nightly)
    extras = (few, nightly, schedule, waits)
    assert all(is_dagster_extra(extra) for extra in extras)
    assert not any(nodes_of(extra) for extra in extras)
    assert not is_dagster_extra(refunds)
