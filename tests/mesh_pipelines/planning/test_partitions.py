"""Partitions that end: what lands beyond those that the contract declares is refused, not lost."""

from __future__ import annotations

from typing import Any

import pytest

from mesh_pipelines.orchestration.run import run
from mesh_pipelines.planning.next_run import Attempt, NoRun
from mesh_pipelines.shared import shared_resources
from tests.mesh_pipelines.planning.decisions import after, decision, request_of
from tests.mesh_pipelines.run_reports import statuses
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")
LATE = "orders-2013-04.csv"


def write(world: World, until: str) -> None:
    """shop.orders, by month, up to a last one."""
    months: dict[str, Any] = {"partitions": "2013-01", "until": until}
    world.write(
        "shop",
        promise("shop", "orders_raw", {"id": "integer"}, **months),
        promise("shop", "orders", {"id": "integer", "month": "string"}, **months),
        sources='orders_raw = source("orders-{month}.csv")',
        products="""
        @data_product
        def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
            return orders_raw.select("id", pl.col("_file").str.slice(7, 7).alias("month"), "_file", "_row")
        """,
    )


def land(world: World, *months: str) -> None:
    """Let months land."""
    for month in months:
        world.land("shop", f"orders-{month}.csv", f"id\n{month[-2:]}\n")


@pytest.fixture
def quarter(world: World) -> World:
    """Orders of January to March are declared; January has landed and is published, and then April landed."""
    write(world, "2013-03")
    land(world, "2013-01")
    assert run().ok
    land(world, "2013-04")
    return world


def test_a_month_beyond_the_last_is_refused_and_not_lost(quarter: World) -> None:
    """The error names file, month, what is declared and what to do; declared after all, the file is published."""
    failed = {step.key: step for step in run().steps}["shop.orders_raw"]
    assert failed.status == "failed"
    for words in (
        f"{LATE} (2013-04)",
        "outside the partitions that its contract declares (2013-01 to 2013-03)",
        "shop.orders_raw",
        "contracts/orders_raw.odcs.yaml",
    ):
        assert words in failed.message
    assert shared_resources().lake.partitions("shop.orders") == ("2013-01",)
    assert (quarter.landing / "shop" / LATE).read_text() == "id\n04\n"
    write(quarter, "2013-04")
    assert run().ok
    assert shared_resources().lake.partitions("shop.orders") == ("2013-01", "2013-04")


def test_months_within_go_on_beside_one_that_is_refused(quarter: World) -> None:
    """February is published though April lies there; the run fails at once, for April, as any later run does."""
    land(quarter, "2013-02")
    report = run()
    assert statuses(report) == {"shop.orders_raw": "failed", "shop.orders": "done"}
    assert f"{LATE} (2013-04)" in report.steps[0].message
    assert not report.ok
    assert shared_resources().lake.partitions("shop.orders") == ("2013-01", "2013-02")
    assert statuses(run())["shop.orders_raw"] == "failed"


def test_a_tick_refuses_a_month_once(quarter: World) -> None:
    """One run says so where people look, and none after it until something else lands, which is made as ever."""
    asked = request_of(quarter, "shop")
    assert asked.partitions == ("2013-01",), "a run needs a partition that there is"
    assert f"{LATE} (2013-04)" in asked.reason
    failed = after("shop", Attempt("0123456789", asked.causes, finished=True, failed=True))
    said = decision(quarter, "shop", failed)
    assert isinstance(said, NoRun)
    assert "shop.orders_raw failed, and nothing has changed since" in said.reason
    land(quarter, "2013-02")
    assert request_of(quarter, "shop", failed).partitions == ("2013-02",)


def test_nothing_but_months_beyond_is_said_too(world: World) -> None:
    """Before anything was published there is nothing to make: it is a failure that says why."""
    write(world, "2013-03")
    land(world, "2013-04")
    found = {step.key: step for step in run().steps}["shop.orders_raw"]
    assert found.status == "failed"
    assert f"{LATE} (2013-04)" in found.message
