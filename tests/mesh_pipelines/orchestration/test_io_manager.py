"""Whatever runs in a domain's code location reads as that domain: its assets, its checks and its own jobs."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.orchestration.location import definitions
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")

ROWS = {"id": "integer", "amount": "number"}
SALES = """
@data_product
def sales() -> pl.LazyFrame:
    return pl.LazyFrame({"id": [1, 2], "amount": [2.0, 3.0]})
"""
OWN = """
import dagster as dg

PORT = {"mesh/purpose": "@purpose"}
SEEN = []

@data_product
def refunds() -> pl.LazyFrame:
    return pl.LazyFrame({"id": [1], "amount": [1.0]})

@dg.asset_check(
    asset=dg.AssetKey(["shop", "refunds"]),
    additional_ins={"sales": dg.AssetIn(["store", "sales"], metadata=PORT)},
)
def fewer_than_sales(refunds: pl.LazyFrame, sales: pl.LazyFrame) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=refunds.collect().height < sales.collect().height)

@dg.op(
    name="@op",
    ins={"sales": dg.In(metadata={"mesh/product": "store.sales", **PORT}, input_manager_key="io_manager")},
)
def count(sales: pl.LazyFrame) -> None:
    SEEN.append(sales.collect().height)

@dg.job
def counting():
    count()
"""


def located(world: World, purpose: str = "planning", op: str = "count") -> tuple[Any, dg.Definitions]:
    """The shop's own code and its location, beside a store that lets it read its sales for planning."""
    agreed = {"shop": ("planning", "2999-01-01")}
    world.write("store", promise("store", "sales", ROWS, agreements=agreed), products=SALES)
    own = OWN.replace("@purpose", purpose).replace("@op", op)
    world.write("shop", promise("shop", "refunds", ROWS), own=own)
    mesh = world.mesh()
    store = definitions(mesh.domains["store"]).get_repository_def().get_implicit_global_asset_job_def()
    assert store.execute_in_process(instance=dg.DagsterInstance.ephemeral()).success
    import importlib

    return importlib.import_module("domains.shop.own"), definitions(mesh.domains["shop"])


def messages(result: dg.ExecuteInProcessResult) -> str:
    """What the failed steps of a run say."""
    return "\n".join(
        str(event.step_failure_data.error) for event in result.all_events if event.is_step_failure
    )


def run_job(shop: dg.Definitions) -> dg.ExecuteInProcessResult:
    """The shop's own job, run to its end."""
    job = shop.get_repository_def().get_job("counting")
    return job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)


def test_a_job_of_its_own_reads_as_its_domain(world: World) -> None:
    """An op with a plain name has the domain's agreement."""
    own, shop = located(world)
    result = run_job(shop)
    assert result.success, messages(result)
    assert own.SEEN == [2]


@pytest.mark.parametrize("op", ["count", "store__sales"])
def test_a_job_for_another_purpose_is_refused_whatever_its_ops_are_called(world: World, op: str) -> None:
    """The name of an op gives nobody the owner's rights."""
    own, shop = located(world, purpose="resale", op=op)
    result = run_job(shop)
    assert not result.success
    assert "shop may not read it for 'resale': the agreement with shop is for 'planning'" in messages(result)
    assert own.SEEN == []


@pytest.mark.parametrize(("purpose", "passes"), [("planning", True), ("resale", False)])
def test_a_check_of_its_own_reads_as_its_domain(world: World, purpose: str, passes: bool) -> None:
    """A check that reads another domain's product is held to the agreement."""
    _, shop = located(world, purpose=purpose)
    job = shop.get_repository_def().get_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)
    checks = {e.check_name: e.passed for e in result.get_asset_check_evaluations()}
    assert result.success is passes, messages(result)
    assert ("fewer_than_sales" in checks) is passes
    assert ("shop may not read it for 'resale'" in messages(result)) is not passes
