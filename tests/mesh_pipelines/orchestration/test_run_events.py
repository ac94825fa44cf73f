"""The events of a real Dagster run, followed asset by asset: what a person is shown, and the report at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.dagster_names import WORK_SECONDS
from mesh_pipelines.declaring.declarations import Input
from mesh_pipelines.declaring.node import OwnCheck, ProductNode
from mesh_pipelines.errors import LandingError
from mesh_pipelines.orchestration.run_events import RunEvents
from mesh_pipelines.orchestration.run_report import StepReport
from mesh_pipelines.planning.step import Step
from tests.mesh_pipelines.run_reports import RecordingReporter


@dg.asset(key=["shop", "orders"])
def orders() -> dg.MaterializeResult[Any]:
    """Made, with work of some time."""
    return dg.MaterializeResult(metadata={WORK_SECONDS: 0.25})


@dg.asset(key=["shop", "same"])
def same() -> dg.MaterializeResult[Any]:
    """Left as it is."""
    return dg.MaterializeResult(metadata={"unchanged": "its inputs are what they were"})


@dg.asset(key=["shop", "broken"])
def broken() -> None:
    """Fails with an error of the mesh."""
    raise LandingError("lacks the column id", where="orders.csv", remedy="land a corrected file")


@dg.asset(key=["shop", "after"], deps=[broken])
def after() -> None:
    """Hangs on what fails."""


@dg.asset(key=["shop", "nothing"], output_required=False)
def nothing() -> Iterator[Any]:
    """Yields no output."""
    yield from ()


def step_of(name: str, *checks: OwnCheck) -> Step:
    """A step of the plan."""
    inputs = (Input("broken", "shop.broken"),) if name == "after" else ()
    return Step(ProductNode("shop", name, inputs, checks=checks), ("landed",))


def followed(
    steps: Sequence[Step], *definitions: Any
) -> tuple[dict[str, StepReport], RecordingReporter, RunEvents]:
    """Reports by name, and what was shown of a run of these definitions."""
    show = RecordingReporter()
    events = RunEvents("shop", steps, show)
    with dg.DagsterInstance.ephemeral() as instance:
        for event in dg.materialize(definitions, instance=instance, raise_on_error=False).all_events:
            events.take(event)
    return {report.key.partition(".")[2]: report for report in events.reports()}, show, events


def test_each_asset_has_one_report_in_the_order_of_the_plan() -> None:
    """Done, left as it is, failed with the mesh's own words, skipped with the reason, never reached."""
    names = ["same", "orders", "broken", "after", "nothing", "elsewhere"]
    found, show, events = followed([step_of(name) for name in names], orders, same, broken, after, nothing)
    assert list(found) == names
    assert {name: report.status for name, report in found.items()} == {
        "same": "up to date",
        "orders": "done",
        "broken": "failed",
        "after": "skipped",
        "nothing": "skipped",
        "elsewhere": "skipped",
    }
    assert found["broken"].message == "orders.csv: lacks the column id\n  -> land a corrected file"
    assert found["nothing"].message == "it published nothing"
    assert found["elsewhere"].message.startswith("its run ended before it: orders.csv: lacks the column id")
    assert found["after"].message == "waits for shop.broken, which failed"
    assert found["orders"].work_seconds == 0.25
    assert found["orders"].domain == "shop"
    assert found["orders"].stage == "product"
    for line in ("started shop.orders", "done shop.orders", "failed shop.broken", "up to date shop.same"):
        assert line in show.lines
    assert "started shop.after" not in show.lines
    assert events.began is not None


def test_a_run_in_which_nothing_began_has_no_beginning() -> None:
    """All of its assets were not reached."""
    events = RunEvents("shop", [step_of("orders")], RecordingReporter())
    assert events.began is None
    [report] = events.reports()
    assert (report.status, report.message) == ("skipped", "its run ended before it")


def check(passed: bool, **result: Any) -> dg.AssetChecksDefinition:
    """A check of the orders."""

    @dg.asset_check(asset=orders, name="few", blocking=result.pop("blocking", True))
    def few() -> dg.AssetCheckResult:
        if result.get("raises"):
            raise ValueError("no limit is set")
        return dg.AssetCheckResult(passed=passed, **result)

    return few


def own(few: dg.AssetChecksDefinition, *, blocking: bool = True) -> Step:
    """The step of the orders, with that check as the domain's own."""
    return step_of("orders", OwnCheck("shop.orders", "few", blocking, few.op.name))


def test_a_blocking_check_fails_its_asset() -> None:
    """Which is published, and followed by nobody: with the check's description and the remedy."""
    few = check(False, description="3 orders")
    found, show, _ = followed([own(few)], orders, few)
    assert found["orders"].status == "failed"
    assert found["orders"].message.startswith("check few of shop.orders failed: 3 orders\n  -> ")
    assert "mesh run shop.orders --force" in found["orders"].message
    assert show.lines == ["started shop.orders", "done shop.orders", "failed shop.orders"]
    assert found["orders"].work_seconds == 0.25, "it was made all the same"


def test_a_check_that_cannot_run_says_why() -> None:
    """One that blocks fails its asset, another is a note."""
    few = check(True, raises=True)
    found, _, _ = followed([own(few)], orders, few)
    assert found["orders"].message.startswith("check few of shop.orders failed to run: ValueError: no limit")
    few = check(True, raises=True, blocking=False)
    found, show, _ = followed([own(few, blocking=False)], orders, few)
    assert found["orders"].status == "done"
    assert "check few of shop.orders failed to run: ValueError: no limit is set" in "\n".join(show.lines)


@pytest.mark.parametrize("passed", [True, False])
def test_the_time_of_watching_is_of_the_asset_that_is_watched(passed: bool) -> None:
    """A check of the platform takes another step, and fails nothing."""
    few = check(passed, metadata={WORK_SECONDS: 0.5}, blocking=False)
    found, _, _ = followed([step_of("orders")], orders, few)
    assert (found["orders"].status, found["orders"].work_seconds) == ("done", 0.75)
    assert found["orders"].seconds >= 0.5
