"""Hand-written checks, as Dagster's definitions describe them."""

from __future__ import annotations

import dagster as dg

from mesh_pipelines.declaring.node import OwnCheck
from mesh_pipelines.declaring.own_checks import checks_among, own_checks, step_of


@dg.asset_check(asset="orders", blocking=True)
def dear() -> dg.AssetCheckResult:
    """A check on an asset that is named without its domain."""
    return dg.AssetCheckResult(passed=True)


def test_an_asset_without_a_domain_is_the_domains_own() -> None:
    """As for a key in full; the step bears the domain, so that no asset has the same op."""

    @dg.asset_check(asset=dg.AssetKey(["weather", "seen"]))
    def fresh() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    assert own_checks(dear, "shop") == (OwnCheck("shop.orders", "dear", True, "shop__orders_dear"),)
    assert own_checks(fresh, "shop") == (
        OwnCheck("weather.seen", "fresh", False, "shop__weather__seen_fresh"),
    )
    assert step_of(dear, "bank") == "bank__orders_dear"


def test_a_check_by_partition_is_known_as_one() -> None:
    """A rule refuses it."""

    @dg.asset_check(asset="orders", partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
    def daily() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    [check] = own_checks(daily, "shop")
    assert check.by_partition


def test_checks_of_one_function_are_alone_where_one_can_run_by_itself() -> None:
    """All on one asset, or a function that Dagster may ask for some of them."""
    one = [dg.AssetCheckSpec(name, asset="orders") for name in ("few", "many")]
    two = [dg.AssetCheckSpec("few", asset="orders"), dg.AssetCheckSpec("many", asset="sales", blocking=True)]

    @dg.multi_asset_check(specs=one)
    def of_one():
        yield from ()

    @dg.multi_asset_check(specs=two)
    def of_two():
        yield from ()

    @dg.multi_asset_check(specs=two, can_subset=True)
    def of_some():
        yield from ()

    assert [check.alone for check in own_checks(of_one, "shop")] == [True, True]
    assert [check.alone for check in own_checks(of_two, "shop")] == [False, False]
    assert [check.alone for check in own_checks(of_some, "shop")] == [True, True]
    assert {(check.asset, check.blocking) for check in own_checks(of_two, "shop")} == {
        ("shop.orders", False),
        ("shop.sales", True),
    }


def test_other_definitions_have_no_checks() -> None:
    """Nothing, a number and a schedule among them; the order stays."""
    nightly = dg.ScheduleDefinition(name="nightly", cron_schedule="0 1 * * *", target="*")
    assert checks_among((), "shop") == ()
    assert checks_among((nightly, dear, 7), "shop") == own_checks(dear, "shop")
