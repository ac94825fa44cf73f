"""The step of a product: rows of the domain's function, declared or written by hand, pass the gate."""

from __future__ import annotations

import dagster as dg
import pytest

from mesh_pipelines.orchestration.location import definitions
from mesh_pipelines.publishing.quarantine import QUARANTINE
from mesh_pipelines.shared import shared_resources
from tests.mesh_pipelines.by_hand import ROWS, by_hand, run
from tests.mesh_pipelines.run_reports import failure
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")


def test_an_asset_by_hand_passes_the_same_gate(world: World, instance: dg.DagsterInstance) -> None:
    """Its rows are published, refused ones quarantined, checks reported, and what reads it reads the lake."""
    result = run(by_hand(world, 1), instance)
    assert result.success
    lake = shared_resources().lake
    assert lake.scan("shop.refunds").collect().height == 9
    [refused] = lake.scan("shop.refunds" + QUARANTINE).collect().to_dicts()
    assert (refused["id"], refused["amount"]) == ("0", "-1.0")
    assert lake.scan("shop.totals").collect().rows() == [(9, 9.0)]
    evaluations = {
        e.check_name: e for e in result.get_asset_check_evaluations() if e.asset_key.path[-1] == "refunds"
    }
    assert evaluations["within_tolerance"].passed
    assert evaluations["within_tolerance"].metadata["failed"].value == 1
    assert evaluations["small"].passed
    assert evaluations["dear"].metadata["rows"].value == 9


def test_an_asset_by_hand_that_breaks_its_contract_is_refused(
    world: World, instance: dg.DagsterInstance
) -> None:
    """Beyond the tolerance nothing is published or materialized, the failed check says why, nothing downstream runs."""
    result = run(by_hand(world, 3), instance, "refunds", "totals")
    assert not result.success
    assert not shared_resources().lake.exists("shop.refunds")
    assert result.get_asset_materialization_events() == []
    failed = [e.check_name for e in result.get_asset_check_evaluations() if not e.passed]
    assert "within_tolerance" in failed
    assert "30.00%" in failure(result)


@pytest.mark.parametrize("returned", ["5", "None", "[1, 2]"])
def test_an_asset_by_hand_that_returns_no_rows_is_told_so(
    world: World, instance: dg.DagsterInstance, returned: str
) -> None:
    """A function that returns something else than rows fails with what to return instead."""
    code = f"import dagster as dg\n\n@dg.asset\ndef refunds():\n    return {returned}\n"
    shown = definitions(world.load(world.write("shop", promise("shop", "refunds", ROWS), byhand=code)))
    result = run(shown, instance, "refunds")
    assert not result.success
    assert "return a pl.LazyFrame" in failure(result)


def test_an_asset_by_hand_reads_through_its_port(world: World, instance: dg.DagsterInstance) -> None:
    """With the purpose that was agreed on, another domain's product is read; with none it is not."""
    agreed = {"shop": ("planning", "2999-01-01")}
    world.write(
        "store",
        promise("store", "sales", ROWS, agreements=agreed),
        products="@data_product\ndef sales() -> pl.LazyFrame:\n"
        "    return pl.LazyFrame({'id': [1], 'amount': [2.0]})\n",
    )
    world.write(
        "shop",
        promise("shop", "refunds", ROWS),
        byhand="""
        import dagster as dg

        @dg.asset(
            ins={"sales": dg.AssetIn(["store", "sales"])},
            metadata={"mesh/ports": {"store.sales": "planning"}},
        )
        def refunds(sales: pl.LazyFrame) -> pl.LazyFrame:
            return sales
        """,
    )
    mesh = world.mesh()
    for name in ("store", "shop"):
        job = definitions(mesh.domains[name]).get_repository_def().get_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=instance, raise_on_error=False).success
    assert shared_resources().lake.scan("shop.refunds").collect().rows() == [(1, 2.0)]


def test_an_asset_by_hand_may_return_a_result_with_metadata(
    world: World, instance: dg.DagsterInstance
) -> None:
    """Rows as the value of a ``MaterializeResult``; metadata without the name of an output are those of the rows."""
    code = """
    import dagster as dg

    @dg.asset
    def refunds(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        context.add_output_metadata({"pages": 3})
        return dg.MaterializeResult(value=pl.LazyFrame({"id": [1], "amount": [2.0]}))
    """
    shown = definitions(world.load(world.write("shop", promise("shop", "refunds", ROWS), byhand=code)))
    result = run(shown, instance, "refunds")
    assert result.success
    assert shared_resources().lake.scan("shop.refunds").collect().rows() == [(1, 2.0)]
