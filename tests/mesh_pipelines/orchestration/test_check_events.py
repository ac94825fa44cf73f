"""Hand-written checks in the events of a real run: which failed, which could not run, which only warn."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import pytest

from mesh_pipelines.declaring.node import OwnCheck, ProductNode
from mesh_pipelines.orchestration.check_events import FailedChecks

ORDERS = dg.AssetKey(["shop", "orders"])
Result = Callable[[], dg.AssetCheckResult]


@dg.asset(key=ORDERS)
def orders() -> None:
    """Always made."""


def refuse() -> dg.AssetCheckResult:
    """The check does not pass."""
    return dg.AssetCheckResult(passed=False, description="3 orders")


def refuse_silently() -> dg.AssetCheckResult:
    """The check does not pass, and says nothing."""
    return dg.AssetCheckResult(passed=False)


def warn() -> dg.AssetCheckResult:
    """The check does not pass, and says that it does not matter."""
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


def agree() -> dg.AssetCheckResult:
    """The check passes."""
    return dg.AssetCheckResult(passed=True)


def fail() -> dg.AssetCheckResult:
    """The check cannot run."""
    raise ValueError("no limit is set")


def found(result: Result, *, blocking: bool = True) -> list[tuple[str, str | None]]:
    """Failed checks of a run of an asset with one check, each with its description."""

    @dg.asset_check(asset=ORDERS, name="few", blocking=blocking)
    def few() -> dg.AssetCheckResult:
        return result()

    check = OwnCheck("shop.orders", "few", blocking, few.op.name)
    failed = FailedChecks([ProductNode("shop", "orders", checks=(check,)), ProductNode("shop", "total")])
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([orders, few], instance=instance, raise_on_error=False)
    assert failed.concerns(few.op.name)
    assert not failed.concerns("shop__orders")
    assert not failed.concerns(None)
    events = [event for event in run.all_events if failed.concerns(event.step_key)]
    return [(one.name, description) for event in events for one, description in failed.of(event)]


@pytest.mark.parametrize(
    ("result", "blocking", "expected"),
    [
        (agree, True, []),
        (refuse, True, [("few", "3 orders")]),
        (refuse_silently, True, [("few", "")]),
        (warn, True, []),
        (refuse, False, []),
        (fail, True, [("few", None)]),
        (fail, False, [("few", None)]),
    ],
)
def test_a_check_has_failed_if_it_blocks_or_cannot_run(
    result: Result, blocking: bool, expected: list[tuple[str, str | None]]
) -> None:
    """What refuses without blocking is a warning; what cannot run has no description."""
    assert found(result, blocking=blocking) == expected


def test_one_function_may_have_several_checks() -> None:
    """The blocking ones that refused are named, and not those that passed, warn or do not block."""
    blocking = {"few": True, "known": True, "late": True, "dear": False}

    @dg.multi_asset_check(
        specs=[dg.AssetCheckSpec(name, asset=ORDERS, blocking=blocks) for name, blocks in blocking.items()]
    )
    def several():
        yield dg.AssetCheckResult(passed=True, check_name="few")
        yield dg.AssetCheckResult(passed=False, check_name="dear", description="too dear")
        yield dg.AssetCheckResult(passed=False, check_name="late", severity=dg.AssetCheckSeverity.WARN)
        yield dg.AssetCheckResult(passed=False, check_name="known", description="nobody knows it")

    checks = tuple(
        OwnCheck("shop.orders", name, blocks, "several", alone=False) for name, blocks in blocking.items()
    )
    failed = FailedChecks([ProductNode("shop", "orders", checks=checks)])
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([orders, several], instance=instance, raise_on_error=False)
    events = [event for event in run.all_events if failed.concerns(event.step_key)]
    assert [one for event in events for one in failed.of(event)] == [(checks[1], "nobody knows it")]
