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


CONFIG = "import dagster as dg\n\nclass Least(dg.Config):\n    amount: int{default}\n\n"


@pytest.mark.odd_input("declarations that cannot run", "held up")
@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("HandwrittenCodeNeedsNoConfig", CONFIG + "@dg.asset\ndef orders(config: Least): ..."),
        (
            "HandwrittenCodeNeedsNoConfig",
            CONFIG + "@dg.asset_check(asset='orders')\ndef dear(config: Least): ...",
        ),
        (
            "HandwrittenCodeTakesLazyFrames",
            "import dagster as dg\n\n@dg.asset\ndef orders(orders_raw: pl.DataFrame): ...",
        ),
        (
            "HandwrittenCodeTakesLazyFrames",
            "import dagster as dg\n\n@dg.asset_check(asset='orders')\ndef dear(orders: pl.DataFrame): ...",
        ),
        ("HandwrittenCodeTakesLazyFrames", "import dagster as dg\n\n@dg.asset\nasync def orders(): ..."),
        ("HandwrittenAssetsReturnRows", "import dagster as dg\n\n@dg.asset\ndef orders() -> None: ..."),
        (
            "HandwrittenAssetsReturnRows",
            "import dagster as dg\n\n@dg.asset\ndef orders() -> dict[str, int]: ...",
        ),
    ],
    ids=[
        "config of an asset",
        "config of a check",
        "takes a frame",
        "a check takes a frame",
        "asynchronous",
        "returns nothing",
        "returns a dict",
    ],
)
def test_what_no_run_could_make_is_refused(world: World, rule: str, text: str) -> None:
    """A run that cannot begin would hold up all assets that it was to make, whatever domain they are of."""
    byhand = text.format(default="") + "\n"
    package = shop(world, products="", byhand=byhand) if "dg.asset\n" in text else shop(world, byhand=byhand)
    assert rule in world.faults(package)


@pytest.mark.parametrize(
    "text",
    [
        CONFIG.format(default=" = 3")
        + "@dg.asset\ndef orders(config: Least, orders_raw: pl.LazyFrame) -> pl.LazyFrame: ...",
        "import dagster as dg\n\n@dg.asset\ndef orders() -> dg.Output[pl.DataFrame]: ...",
        "import dagster as dg\n\n@dg.asset\ndef orders() -> dg.MaterializeResult: ...",
        "import dagster as dg\n\n@dg.asset\ndef orders(): ...",
    ],
    ids=["defaults", "an output", "a result", "no annotation"],
)
def test_what_may_return_rows_is_sound(world: World, text: str) -> None:
    """Rows in Dagster's own wrappings, configuration with defaults, and functions that say nothing."""
    faults = world.faults(shop(world, products="", byhand=text + "\n"))
    assert not [rule for rule in faults if rule.startswith("Handwritten")], faults
