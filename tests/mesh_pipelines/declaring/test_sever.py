"""A domain without some of its assets: what cannot be made without them goes with them, everything else stays."""

from __future__ import annotations

import dagster as dg
import pytest

from mesh_pipelines.declaring.declarations import Input
from mesh_pipelines.declaring.node import (
    ChampionNode,
    FeatureSetNode,
    LoadedDomain,
    ModelNode,
    PredictionsNode,
    ProductNode,
)
from mesh_pipelines.declaring.sever import sever
from tests.mesh_pipelines.loaded_domains import inputs, loaded_domain


@dg.asset_check(asset="orders")
def few() -> dg.AssetCheckResult:
    """A check on orders."""
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset="report")
def late() -> dg.AssetCheckResult:
    """A check on the report."""
    return dg.AssetCheckResult(passed=True)


@pytest.fixture
def shop() -> LoadedDomain:
    """Orders -> features -> fraud -> champion -> forecast -> report, declared downstream first, and two checks."""
    champion = (Input("model", "shop.fraud", registered=True), Input("features", "shop.features"))
    scored = (Input("champion", "shop.fraud_champion", registered=True), Input("features", "shop.features"))
    return loaded_domain(
        ProductNode("shop", "report", inputs("shop.forecast")),
        PredictionsNode("shop", "forecast", scored),
        ChampionNode("shop", "fraud_champion", champion),
        ModelNode("shop", "fraud", (Input("features", "shop.features"),)),
        FeatureSetNode("shop", "features", inputs("shop.orders")),
        ProductNode("shop", "orders"),
        extras=(few, late, dg.ScheduleDefinition(name="nightly", cron_schedule="0 1 * * *", target="*")),
    )


@pytest.mark.parametrize("refused", [(), ("shop",), ("bank.orders",), ("shop.nothing",)])
def test_a_domain_without_a_refused_asset_stays_as_it_is(
    shop: LoadedDomain, refused: tuple[str, ...]
) -> None:
    """No key, the domain's own name, another domain's key, a name that it does not have."""
    assert sever(shop, refused) == (shop, {})


def test_rows_are_made_of_the_version_before(shop: LoadedDomain) -> None:
    """Features and products stay without what they read: it was published once."""
    left, out = sever(shop, {"shop.orders"})
    assert out == {"shop.orders": "shop.orders"}
    assert list(left.nodes) == ["report", "forecast", "fraud_champion", "fraud", "features"]


def test_models_champions_and_predictions_go_with_what_they_are_told_by(shop: LoadedDomain) -> None:
    """Each with the asset that is the cause, however far upstream; what reads the predictions stays."""
    left, out = sever(shop, ["shop.features"])
    gone = ("features", "fraud", "fraud_champion", "forecast")
    assert out == {f"shop.{name}": "shop.features" for name in gone}
    assert list(left.nodes) == ["report", "orders"]


def test_the_cause_of_what_is_refused_itself_is_itself(shop: LoadedDomain) -> None:
    """Two refused assets, one downstream of the other; a key twice counts once."""
    left, out = sever(shop, ["shop.features", "shop.fraud_champion", "shop.features"])
    assert out["shop.fraud_champion"] == "shop.fraud_champion"
    assert out["shop.fraud"] == "shop.features"
    assert list(left.nodes) == ["report", "orders"]


def test_its_checks_go_with_an_asset(shop: LoadedDomain) -> None:
    """Checks on others and schedules stay."""
    left, _ = sever(shop, {"shop.orders"})
    assert left.extras == shop.extras[1:]
    assert sever(shop, {"shop.fraud"})[0].extras == shop.extras


def test_nothing_may_be_left(shop: LoadedDomain) -> None:
    """A domain of which every asset is refused is an empty one."""
    left, out = sever(shop, set(shop.by_key))
    assert (left.nodes, len(out)) == ({}, 6)
    assert left.by_key == {}
