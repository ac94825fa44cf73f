"""The mesh as it stands, read off lake and registry."""

from __future__ import annotations

import pytest

from mesh_pipelines.errors import SelectionError
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.reporting.card import describe
from mesh_pipelines.reporting.status import read_state
from mesh_pipelines.shared import shared_resources
from tests.mesh_pipelines.conftest import Machines
from tests.mesh_pipelines.reporting.card_text import text_of
from tests.mesh_pipelines.small_domains import World, promise, write_promise

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")
ROWS = {"id": "integer", "amount": {"logicalType": "number", "logicalTypeOptions": {"minimum": 0}}}


def test_before_anything_ran_everything_is_there_by_name(world: World) -> None:
    """Products and models are listed with nothing published, and no model registry is made by asking."""
    world.write(
        "shop",
        promise("shop", "orders_raw", ROWS),
        promise("shop", "orders", ROWS),
        sources='orders_raw = source("orders.csv")',
        products="""
        @data_product
        def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
            return orders_raw
        """,
        features="""
        @feature_set(key=("id",), time="id")
        def order_features(orders: pl.LazyFrame) -> pl.LazyFrame:
            return orders

        fraud = model(features="order_features", target="amount", objective="reg:squarederror", metric="rmse",
                      rounds=5, baseline=("id",))
        """,
    )
    state = read_state()
    assert [(p.key, p.version, p.rows) for p in state.products] == [("shop.orders", None, 0)]
    assert [(m.key, m.champion, m.challenger) for m in state.models] == [("shop.fraud", None, None)]
    assert not shared_resources().settings.home.joinpath("mlflow").exists()
    assert "none yet" in text_of(describe("shop.fraud"))


def test_quarantined_rows_are_those_of_now(world: World) -> None:
    """The number of refused rows falls when they have been put right, though the past audit had them."""
    world.write(
        "shop",
        promise("shop", "orders_raw", ROWS, tolerance=50),
        sources='orders_raw = source("orders.csv")',
        products="""
        @data_product
        def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
            return orders_raw
        """,
    )
    write_promise(world.root / "domains/shop/contracts", promise("shop", "orders", ROWS, tolerance=50))
    world.land("shop", "orders.csv", "id,amount\n1,1\n2,2\n3,nonsense\n")
    assert runs.run().ok
    [orders] = read_state(["shop.orders"]).products
    assert (orders.key, orders.version, orders.rows, orders.quarantined) == ("shop.orders", 0, 2, 0)
    assert (orders.contract_version, orders.checks_passed) == ("1.0.0", orders.checks_total)
    assert "nonsense" not in text_of(describe("shop.orders_raw"))
    assert "rows refused: 1" in text_of(describe("shop.orders_raw"))


def test_only_products_and_models_have_a_state(world: World) -> None:
    """A source is answered with its card's command."""
    world.write("shop", promise("shop", "orders_raw", ROWS), sources='orders_raw = source("orders.csv")')
    with pytest.raises(SelectionError, match="is a source, no product or model"):
        read_state(["shop.orders_raw"])


@pytest.mark.slow
def test_models_and_products_stand_as_they_were_made(machines: Machines) -> None:
    """Champion with metrics, baseline and inputs by version; products with rows, checks and content."""
    with machines.inside():
        state = read_state()
        [model] = state.models
        assert model.key == "machines.repair"
        assert model.champion is not None
        assert model.challenger is None
        assert model.champion.version == 1
        assert model.champion.inputs["machines.repair_features"] == 0
        assert model.champion.metrics["auc"] > model.champion.baseline["auc"]
        assert model.champion.reason.startswith("passed")
        products = {product.key: product for product in state.products}
        assert set(products) == {"machines.readings", "machines.repair_forecast"}
        readings = products["machines.readings"]
        assert (readings.rows, readings.quarantined) == (12 * 90, 0)
        assert readings.data_version == shared_resources().lake.record("machines.readings").data_version
        [again] = read_state(["machines.repair"]).models
        assert again.champion == model.champion
        assert model.lag.until.startswith("2026-03-31"), "the newest outcome that it was made from"
        assert (model.lag.behind, model.lag.waiting) == ((), 0)
        assert model.lag.age is not None
        assert again.lag.age is not None
        assert again.lag.age > model.lag.age > 0


def test_a_state_says_how_far_behind_it_is(world: World) -> None:
    """A month that landed and is not published yet: which, how many, why; then nothing is behind."""
    columns = {"id": "integer", "month": "string"}
    world.write(
        "shop",
        promise("shop", "orders_raw", {"id": "integer"}, partitions="2013-01"),
        promise("shop", "orders", columns, partitions="2013-01"),
        sources='orders_raw = source("orders-{month}.csv")',
        products="""
        @data_product
        def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
            return orders_raw.with_columns(month=pl.col("_partition"))
        """,
    )
    world.land("shop", "orders-2013-01.csv", "id\n1\n")
    assert runs.run().ok
    [orders] = read_state().products
    assert (orders.lag.landed_until, orders.lag.until, orders.lag.waiting) == ("2013-01", "2013-01", 0)
    assert orders.lag.behind == ()
    assert orders.lag.late == ""
    world.land("shop", "orders-2013-02.csv", "id\n2\n")
    world.land("shop", "orders-2013-03.csv", "id\n3\n")
    [orders] = read_state().products
    assert orders.lag.to_json() == {
        "landed_until": "2013-03",
        "until": "2013-01",
        "waiting": 2,
        "behind": ["shop.orders_raw: orders-2013-02.csv landed; orders-2013-03.csv landed"],
        "late": None,
    }
