"""The report of a run, and one asset's report over several runs."""

from __future__ import annotations

import pytest

from mesh_pipelines.orchestration.run_report import (
    RunReport,
    SilentReporter,
    Status,
    StepReport,
    merge_reports,
)


def step(status: Status, message: str = "", seconds: float = 1.0, work: float = 0.5) -> StepReport:
    """A report of one asset."""
    return StepReport("shop.orders", "shop", "product", status, seconds, work, message)


@pytest.mark.parametrize(
    ("status", "ok"),
    [
        ("done", True), ("up to date", True), ("waiting", True),
        ("failed", False), ("skipped", False), ("refused", False),
    ],
)  # fmt: skip
def test_a_run_is_ok_if_all_was_made_that_could_be(status: Status, ok: bool) -> None:
    """What waits for something to land is no failure; one asset that was not made is one."""
    assert RunReport((), 1.0).ok
    assert RunReport((step("done"), step(status)), 1.0).ok is ok


def test_overhead_is_the_time_without_work() -> None:
    """Never below nothing, though steps of two processes may work longer than the run took."""
    assert RunReport((step("done", work=0.5), step("done", work=1.0)), 4.0).overhead_seconds == 2.5
    assert RunReport((step("done", work=9.0),), 4.0).overhead_seconds == 0.0
    assert RunReport((), 4.0).overhead_seconds == 4.0


@pytest.mark.parametrize(
    ("before", "now", "status"),
    [
        ("done", "done", "done"),
        ("done", "up to date", "done"),
        ("up to date", "done", "done"),
        ("up to date", "up to date", "up to date"),
        ("skipped", "done", "skipped"),
        ("done", "skipped", "skipped"),
        ("done", "failed", "failed"),
        ("failed", "done", "failed"),
        ("failed", "up to date", "failed"),
        ("failed", "failed", "failed"),
    ],
)
def test_an_asset_has_failed_if_any_of_its_partitions_has(
    before: Status, now: Status, status: Status
) -> None:
    """Or was not made, if any was not; else it was made, if any was; times add up."""
    found = merge_reports(step(before), step(now, seconds=2.0, work=1.5))
    assert (found.status, found.seconds, found.work_seconds) == (status, 3.0, 2.0)


def test_no_failure_is_told_over() -> None:
    """The message of the first stays, and that of another range stands below it."""
    first, second = step("failed", "January is refused"), step("failed", "May is refused")
    assert merge_reports(first, second).message == "January is refused\nMay is refused"
    assert merge_reports(first, step("done")).message == "January is refused"
    assert merge_reports(step("done"), second).message == "May is refused"
    assert merge_reports(step("skipped", "not reached"), step("done")).message == "not reached"
    assert merge_reports(first, first).message == "January is refused"


def test_the_first_report_is_the_report() -> None:
    """Of one run alone."""
    now = step("waiting", "nothing has landed for it yet")
    assert merge_reports(None, now) is now


def test_a_silent_reporter_keeps_notes_alone() -> None:
    """For those who start runs without a terminal."""
    reporter = SilentReporter()
    reporter.planned([])
    reporter.started("shop.orders")
    reporter.finished("shop.orders", "done", 1.0, "")
    reporter.note("a check failed")
    assert reporter.notes == ["a check failed"]
