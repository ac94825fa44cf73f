"""Blocking checks written by hand: they run with their asset, and nobody in any domain follows what they refuse."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.orchestration.location import definitions
from mesh_pipelines.orchestration.tick import attempts_in, run_request
from mesh_pipelines.planning.lookup import facts_of
from mesh_pipelines.planning.next_run import NoRun, Request, next_run
from mesh_pipelines.reporting.why import explain
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from tests.mesh_pipelines.run_reports import failure
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")
ORDERS = dg.AssetKey(["shop", "orders"])
FEW = dg.AssetCheckKey(ORDERS, "few")
CHECKS = """
from pathlib import Path

import dagster as dg

@dg.asset_check(asset="orders", blocking=True)
def few(orders: pl.LazyFrame) -> dg.AssetCheckResult:
    "At most so many orders as the file beside this module says; where it says nothing, it cannot tell."
    rows, limit = orders.collect().height, int(Path(__file__).with_name("limit").read_text())
    return dg.AssetCheckResult(passed=rows <= limit, description=f"{rows} orders")

@dg.asset_check(asset="orders")
def known(orders: pl.LazyFrame) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)
"""


@pytest.fixture
def shop(world: World) -> World:
    """shop.orders, by month, has a check of its own, at most 2 rows; shop.total and store.sales are made of it."""
    world.write(
        "shop",
        promise("shop", "orders_raw", {"id": "integer"}, partitions="2013-01"),
        promise(
            "shop",
            "orders",
            {"id": "integer", "month": "string"},
            partitions="2013-01",
            agreements={"store": ("planning", "2999-01-01")},
        ),
        promise("shop", "total", {"id": "integer"}),
        sources='orders_raw = source("orders-{month}.csv")',
        products="""
        @data_product
        def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
            return orders_raw.select("id", pl.col("_file").str.slice(7, 7).alias("month"), "_file", "_row")

        @data_product
        def total(orders: pl.LazyFrame) -> pl.LazyFrame:
            return orders.select(pl.col("id").sum())
        """,
        checks=CHECKS,
    )
    world.write(
        "store",
        promise("store", "sales", {"id": "integer"}),
        products="""
        @data_product
        def sales(orders: Annotated[pl.LazyFrame, Port("shop.orders", purpose="planning")]) -> pl.LazyFrame:
            return orders.select("id").unique().sort("id")
        """,
    )
    allow(world, "2")
    world.land("shop", "orders-2013-01.csv", "id\n1\n")
    return world


def allow(world: World, limit: str) -> None:
    """Let the check allow so many rows."""
    (world.root / "domains" / "shop" / "limit").write_text(limit)


def tick(world: World, domain: str) -> Request | NoRun:
    """What a tick of a domain comes to."""
    mesh, instance = world.mesh(), dagster_instance(shared_resources())
    facts = facts_of(mesh.nodes, shared_resources(), instance=lambda: instance)
    return next_run(mesh, domain, facts, attempts_in(instance, domain))


def asked_of(world: World, domain: str) -> Request:
    """The run that a tick of a domain asks for."""
    found = tick(world, domain)
    assert isinstance(found, Request), found
    return found


def says(world: World, domain: str) -> str:
    """Why a tick of a domain asks for nothing."""
    found = tick(world, domain)
    assert isinstance(found, NoRun), found
    return found.reason


def execute(
    world: World, domain: str, assets: Any, checks: Any, tags: Any = None
) -> dg.ExecuteInProcessResult:
    """Execute assets and checks of a domain as its code location does."""
    job = definitions(world.mesh().domains[domain]).get_repository_def().get_implicit_global_asset_job_def()
    part = job.get_subset(asset_selection=set(assets), asset_check_selection=set(checks))
    instance = dagster_instance(shared_resources())
    return part.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def follow(world: World, domain: str) -> dg.ExecuteInProcessResult:
    """Execute what a tick of a domain asks for."""
    request = run_request(world.mesh(), asked_of(world, domain))
    tags = dict(request.tags)
    if request.partition_key:
        tags["dagster/partition"] = request.partition_key
    return execute(world, domain, request.asset_selection, request.asset_check_keys, tags)


def version(key: str) -> int:
    """The newest version of a table."""
    return shared_resources().lake.record(key).version


@pytest.fixture
def refused(shop: World) -> World:
    """January was followed by all; then came February, with more orders than the check of shop.orders allows."""
    assert follow(shop, "shop").success
    assert follow(shop, "store").success
    shop.land("shop", "orders-2013-02.csv", "id\n2\n3\n")
    result = follow(shop, "shop")
    assert "1 blocking asset check failed" in failure(result)
    return shop


def test_the_checks_of_an_asset_run_with_it(shop: World) -> None:
    """A tick's run executes all of them, blocking or not, and what only warns holds nobody up."""
    result = follow(shop, "shop")
    assert result.success
    assert {"few", "known"} <= {e.check_name for e in result.get_asset_check_evaluations()}
    assert says(shop, "shop") == "everything is up to date"
    assert follow(shop, "store").success


def test_nobody_follows_a_version_that_its_check_refused(refused: World) -> None:
    """Neither its own domain nor another, however often they look; each tick says which check, of what, and why."""
    assert version("shop.orders") == 1
    assert (version("shop.total"), version("store.sales")) == (0, 0)
    why = "check few of shop.orders failed on version 1: 3 orders"
    for _ in range(2):
        assert f"shop.total: {why}" in says(refused, "shop")
        assert says(refused, "store") == f"up to date but for what waits: store.sales: {why}"


def test_why_says_who_waits_and_what_to_do(refused: World) -> None:
    """Of what waits: for which check. Of what was refused: that nobody follows it, and how that ends."""
    why = "check few of shop.orders failed on version 1: 3 orders"
    assert explain("store.sales").sections[0].fields == [("waits", why)]
    now = dict(explain("shop.orders").sections[0].fields)
    assert now["nobody follows"] == why
    assert "mesh run shop.orders --force" in now["what to do"]


def test_new_content_that_passes_is_followed(refused: World) -> None:
    """February is corrected: the check passes on the next version, and everybody goes on."""
    refused.land("shop", "orders-2013-02.csv", "id\n2\n")
    assert follow(refused, "shop").success
    assert follow(refused, "store").success
    assert shared_resources().lake.scan("store.sales").collect()["id"].to_list() == [1, 2]
    assert {says(refused, domain) for domain in ("shop", "store")} == {"everything is up to date"}


def test_a_check_that_passes_when_it_is_run_again_lets_all_go_on(refused: World) -> None:
    """From its page in Dagster it is run alone, on the same content: what waited for it is asked for."""
    allow(refused, "3")
    assert execute(refused, "shop", [], [FEW]).success
    assert follow(refused, "shop").success
    assert follow(refused, "store").success
    assert version("shop.orders") == 1
    assert shared_resources().lake.scan("store.sales").collect()["id"].to_list() == [1, 2, 3]


def test_a_version_that_its_check_has_not_seen_is_checked_first(shop: World) -> None:
    """A run that was killed between publish and check, or started without it: its domain checks, others wait."""
    assert follow(shop, "shop").success
    assert follow(shop, "store").success
    shop.land("shop", "orders-2013-02.csv", "id\n2\n3\n")
    request = run_request(shop.mesh(), asked_of(shop, "shop"))
    others = [k for k in request.asset_check_keys or () if k != FEW and k.asset_key.path[-1] != "total"]
    tags = {"dagster/partition": "2013-02"}
    assert execute(shop, "shop", [dg.AssetKey(["shop", "orders_raw"]), ORDERS], others, tags).success
    assert says(shop, "store") == "waits for shop.orders, about to be made by another domain"
    assert "check few has not looked at it yet" in asked_of(shop, "shop").reason
    assert "1 blocking asset check failed" in failure(follow(shop, "shop"))
    assert version("shop.orders") == 1, "it was left as it is"
    assert "check few of shop.orders failed on version 1" in says(shop, "store")


def test_a_check_that_cannot_run_is_not_tried_for_ever(shop: World) -> None:
    """What it would say is not known, so nobody follows; it is tried once more, and then left to a person."""
    allow(shop, "nothing")
    assert "ValueError" in failure(follow(shop, "shop"))
    assert "ValueError" in failure(follow(shop, "shop"))
    assert says(shop, "shop").startswith("shop.orders failed, and nothing has changed since")
    waits = "store.sales: check few of shop.orders has not looked at version 0 yet"
    assert says(shop, "store") == f"up to date but for what waits: {waits}"
    allow(shop, "2")
    assert execute(shop, "shop", [], [FEW]).success
    assert follow(shop, "store").success


def test_a_run_that_never_came_to_its_check_leaves_the_verdict_as_it_was(shop: World) -> None:
    """A refused file upstream: the check was planned and not executed, and passed on what is still published."""
    assert follow(shop, "shop").success
    shop.land("shop", "orders-2013-02.csv", "nonsense\n2\n")
    assert not follow(shop, "shop").success
    assert follow(shop, "store").success


def test_mesh_run_reports_the_check_and_what_waits(shop: World) -> None:
    """The asset has failed, by its check, with the remedy, which heals it; what needs it is skipped, and then waits."""
    shop.land("shop", "orders-2013-02.csv", "id\n2\n3\n")
    first = {step.key: step for step in runs.run().steps}
    assert first["shop.orders"].status == "failed"
    assert first["shop.orders"].message.startswith("check few of shop.orders failed: 3 orders\n  -> ")
    assert {first[key].status for key in ("shop.total", "store.sales")} == {"skipped"}
    second = {step.key: step for step in runs.run().steps}
    assert second["shop.orders"].status == "up to date"
    for key in ("shop.total", "store.sales"):
        assert second[key].status == "waiting"
        assert second[key].message == "check few of shop.orders failed on version 0: 3 orders"
    assert not shared_resources().lake.exists("store.sales")
    allow(shop, "3")
    assert runs.run(["shop.orders"], force=True).ok
    assert runs.run().ok
    assert shared_resources().lake.exists("store.sales")


def test_checks_cost_one_question_and_none_where_there_are_none(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many assets have checks, they are asked about together; without any, Dagster is not asked at all."""
    assert follow(shop, "shop").success
    instance = dagster_instance(shared_resources())
    storage, asked = instance.event_log_storage, []
    original = storage.get_latest_asset_check_execution_by_key

    def counted(keys: Any, *rest: Any, **more: Any) -> Any:
        asked.append(list(keys))
        return original(keys, *rest, **more)

    monkeypatch.setattr(storage, "get_latest_asset_check_execution_by_key", counted)
    assert asked_of(shop, "store")
    assert asked == [[FEW]]
    (shop.root / "domains" / "shop" / "checks.py").unlink()
    assert asked_of(shop, "store")
    assert len(asked) == 1
