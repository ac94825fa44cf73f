"""When something is due: read off contracts and ages, in the domain's time zone, and asked of the same planner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.governance.load_mesh import load_mesh
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.orchestration.location import definitions
from mesh_pipelines.orchestration.schedules import cron_of, due_in, due_schedules
from mesh_pipelines.planning.lag import late_nodes
from mesh_pipelines.planning.lookup import facts_of
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from resources.settings import get_settings
from tests.mesh_pipelines.small_domains import PROFILE, World, promise, read_promise

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")


def timed(*times: tuple[Any, ...]) -> list[dict[str, Any]]:
    """SLA properties: name, value, unit, and where there is one a schedule."""
    return [
        {"property": name, "value": value, "unit": unit}
        | ({"scheduler": "cron", "schedule": rest[0]} if rest else {})
        for name, value, unit, *rest in times
    ]


@pytest.fixture
def world_with_shop(world: World) -> World:
    """A domain in New York: orders are due daily, of which nothing has landed yet; a model may be a month old."""
    world.write(
        "shop",
        promise("shop", "orders_raw", {"id": "integer"}),
        promise(
            "shop", "orders", {"id": "integer"}, slaProperties=timed(("frequency", 1, "mo", "30 7 1 * *"))
        ),
        profile=PROFILE | {"timezone": "America/New_York"},
        sources='orders_raw = source("orders.csv")',
        products="""
        @data_product
        def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
            return orders_raw
        """,
        features="""
        from mesh_pipelines import Retrain

        @feature_set(key=("id",), time="id")
        def order_features(orders: pl.LazyFrame) -> pl.LazyFrame:
            return orders

        fraud = model(features="order_features", target="amount", objective="reg:squarederror", metric="rmse",
                      rounds=5, baseline=("id",), retrain=Retrain(max_age="30d"))
        """,
    )
    return world


def test_what_is_due_when(world_with_shop: World) -> None:
    """A contract's own cron counts, else its frequency; a model's age is looked at daily; one entry a moment."""
    domain = world_with_shop.mesh().domains["shop"]
    found = {due.name: due for due in due_in(domain)}
    assert {name: (due.cron, due.timezone) for name, due in found.items()} == {
        "shop_daily": ("0 6 * * *", "America/New_York"),
        "shop_monthly": ("30 7 1 * *", "America/New_York"),
    }
    assert [node.name for node in found["shop_daily"].contracts] == ["orders_raw"]
    assert [node.name for node in found["shop_daily"].models] == ["fraud"]
    built = {schedule.name: schedule for schedule in definitions(domain).schedules or ()}
    assert set(built) == set(found)
    for schedule in built.values():
        assert isinstance(schedule, dg.ScheduleDefinition)
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
        assert schedule.execution_timezone == "America/New_York"


@pytest.mark.parametrize(
    ("value", "unit", "cron"),
    [
        (15, "min", "0 * * * *"),
        (4, "h", "0 */4 * * *"),
        (1, "d", "0 6 * * *"),
        (1, "w", "0 6 * * 1"),
        (1, "mo", "0 6 1 * *"),
        (1, "y", "0 6 1 1 *"),
    ],
)
def test_a_frequency_is_a_schedule(value: int, unit: str, cron: str, tmp_path: Path) -> None:
    """Where a contract names no cron, the one that fits how often it promises rows."""
    document = promise("shop", "orders", {"id": "integer"}, slaProperties=timed(("frequency", value, unit)))
    assert cron_of(read_promise(tmp_path, document)) == cron


def test_a_tick_makes_what_is_out_of_date_or_says_what_is_late(
    world_with_shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing landed: the delivery is missed in plain words. Landed: a run with its reason. Made: nothing to do."""
    monkeypatch.setenv("MESH_SETTLE_SECONDS", "0")
    get_settings.cache_clear()
    domain = world_with_shop.mesh().domains["shop"]
    [daily] = [schedule for schedule in due_schedules(domain) if schedule.name == "shop_daily"]
    repository = definitions(domain).get_repository_def()

    def tick(at: datetime) -> Any:
        with dg.build_schedule_context(
            dagster_instance(shared_resources()), scheduled_execution_time=at, repository_def=repository
        ) as context:
            return daily.evaluate_tick(context)

    now = datetime.now(UTC)
    missed = tick(now)
    assert not missed.run_requests
    assert "nothing has landed for it yet" in missed.skip_message
    assert "nothing of shop.orders_raw has come since" in missed.skip_message
    world_with_shop.land("shop", "orders.csv", "id\n1\n")
    [request] = tick(now + timedelta(minutes=1)).run_requests
    assert request.tags["mesh/reason"].startswith("new rows are due of orders_raw and old age is due")
    assert "orders.csv landed" in request.tags["mesh/reason"]
    assert runs.run(["shop.orders"]).ok
    facts = facts_of(load_mesh(world_with_shop.root).nodes, shared_resources())
    nodes = domain.nodes.values()
    assert late_nodes(nodes, facts, now + timedelta(minutes=2)) == {}
    told = late_nodes(nodes, facts, now + timedelta(days=9))
    assert list(told) == ["shop.orders_raw"], "its freshness is seven days; the product promises none"
    assert "8 days ago; its contract promises 7 days" in told["shop.orders_raw"]
