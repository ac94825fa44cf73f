"""A domain whose assets are written by hand, and runs of it in this process."""

from __future__ import annotations

import dagster as dg

from mesh_pipelines.orchestration.location import definitions
from tests.mesh_pipelines.small_domains import World, promise

ROWS = {"id": "integer", "amount": {"logicalType": "number", "logicalTypeOptions": {"minimum": 0}}}


BYHAND = """
import dagster as dg

BAD = {bad}

@dg.asset(kinds={{"python"}}, owners=["somebody@else.example"], group_name="mine", metadata={{"wiki": "page 7"}})
def refunds() -> pl.LazyFrame:
    "What was paid back."
    return pl.LazyFrame({{"id": range(10), "amount": [-1.0] * BAD + [1.0] * (10 - BAD)}})

@dg.asset
def totals(refunds: pl.LazyFrame) -> pl.DataFrame:
    return refunds.select(id=pl.len().cast(pl.Int64), amount=pl.col("amount").sum()).collect()

@dg.asset_check(asset="refunds")
def small() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, metadata={{"by": "hand"}})

@dg.asset_check(asset="refunds", blocking=True)
def dear(refunds: pl.LazyFrame) -> dg.AssetCheckResult:
    rows = refunds.collect().height
    return dg.AssetCheckResult(passed=rows > 1, metadata={{"rows": rows}})
"""


def by_hand(world: World, bad: int) -> dg.Definitions:
    """A domain whose assets are all written by hand; so many of the ten rows of ``refunds`` break its contract."""
    promises = (promise("shop", name, ROWS, tolerance=20) for name in ("refunds", "totals"))
    return definitions(world.load(world.write("shop", *promises, byhand=BYHAND.format(bad=bad))))


def run(shown: dg.Definitions, instance: dg.DagsterInstance, *names: str) -> dg.ExecuteInProcessResult:
    """Materialize these assets, or all, with their checks."""
    job = shown.get_repository_def().get_implicit_global_asset_job_def()
    keys = [dg.AssetKey(["shop", name]) for name in names] or None
    return job.execute_in_process(instance=instance, asset_selection=keys, raise_on_error=False)
