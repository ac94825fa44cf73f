"""Rules over assets and checks that a domain writes by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_pipelines.governance.shop_domain import shop
from tests.mesh_pipelines.small_domains import World

CHECK = """
import dagster as dg

@dg.asset_check({about})
def dear() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)
"""


@pytest.mark.parametrize(
    ("rule", "modules", "problem", "fix"),
    [
        (
            "HandwrittenChecksAreKept",
            {"checks": CHECK.format(about='asset=dg.AssetKey(["weather", "observations"])')},
            "is a check on weather.observations, which is no asset of this domain",
            "name one of fraud",
        ),
        (
            "HandwrittenChecksAreKept",
            {"checks": CHECK.format(about="asset='orders', partitions_def=dg.DailyPartitionsDefinition('2013-01-01')")},
            "is evaluated a partition at a time",
            "leave partitions_def out",
        ),
        (
            "HandwrittenChecksAreKept",
            {
                "checks": "import dagster as dg\n\n"
                "specs = [dg.AssetCheckSpec(a, asset=a) for a in ('orders', 'orders_raw')]\n\n"
                "@dg.multi_asset_check(specs=specs)\ndef both():\n    yield from ()\n"
            },
            "its function checks several assets",
            "write one @dg.asset_check an asset",
        ),
        (
            "HandwrittenChecksAreKept",
            {
                "products": "",
                "byhand": "import dagster as dg\n\n@dg.asset(check_specs=[dg.AssetCheckSpec('dear', asset='orders')])\n"
                "def orders():\n    return pl.LazyFrame()\n",
            },
            "reports checks of its own, which nobody would see: dear",
            "write each as a rule of its contract",
        ),
    ],
)  # fmt: skip
def test_each_rule_refuses_what_breaks_it(
    world: World, rule: str, modules: dict[str, Any], problem: str, fix: str
) -> None:
    """One fault, one rule: the violation says what is wrong and what to write instead."""
    faults = world.faults(shop(world, **modules))
    assert any(problem in fault and fix in fault for fault in faults[rule]), faults


def test_a_handwritten_asset_that_makes_several_tables_is_refused(world: World) -> None:
    """One function, one table: the audit could not tell the tables of a multi-asset apart."""
    package = shop(
        world,
        byhand="""
        import dagster as dg

        @dg.multi_asset(specs=[dg.AssetSpec("orders_a"), dg.AssetSpec("orders_b")])
        def both():
            yield from ()
        """,
    )
    faults = world.faults(package)
    assert "makes several tables" in faults["HandwrittenAssetsMakeOneTable"][0]
