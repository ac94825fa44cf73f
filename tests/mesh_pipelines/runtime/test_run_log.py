"""What a terminal is told of runs: beginnings, failures with their remedy, endings; the rest is in Dagster's log."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.execution import context_creation_job

from mesh_pipelines.dagster_names import REASON
from mesh_pipelines.errors import LandingError
from mesh_pipelines.runtime.run_log import DEFAULT_LOGGERS, quiet_runs

TAGS = {"mesh/domain": "shop", REASON: "orders.csv landed"}


@pytest.fixture(autouse=True)
def _others_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context_creation_job, DEFAULT_LOGGERS, getattr(context_creation_job, DEFAULT_LOGGERS))


@dg.op
def shop__orders() -> None:
    """A step that goes well."""
    dg.get_dagster_logger().info("something for the log")
    dg.get_dagster_logger().warning("the shop is nearly empty")


@dg.op
def shop__refunds() -> None:
    """A step that fails."""
    raise LandingError("lacks the column id", where="refunds.csv", remedy="land a corrected file")


@dg.job
def good() -> None:
    """All goes well."""
    shop__orders()


@dg.job
def bad() -> None:
    """A step fails."""
    shop__refunds()


def test_a_run_that_goes_well_says_three_things(capfd: pytest.CaptureFixture[str]) -> None:
    """That it begins and why, what its own code warns of, and that it has ended; Dagster keeps every event."""
    quiet_runs()
    with dg.DagsterInstance.ephemeral() as instance:
        run = good.execute_in_process(instance=instance, tags=TAGS).run_id
        logged = [entry.user_message for entry in instance.all_logs(run)]
    begins, warns, ends = capfd.readouterr().err.splitlines()
    assert begins == f"run {run[:8]} of shop begins: orders.csv landed"
    assert warns.endswith("the shop is nearly empty")
    assert ends == f"run {run[:8]} of shop succeeded"
    assert any("something for the log" in line for line in logged)
    assert any("Started execution of step" in line for line in logged)


def test_a_failure_says_what_where_and_the_remedy(capfd: pytest.CaptureFixture[str]) -> None:
    """Without a traceback, which is on the run's page, to which it leads."""
    quiet_runs()
    with dg.DagsterInstance.ephemeral() as instance:
        run = bad.execute_in_process(instance=instance, tags=TAGS, raise_on_error=False).run_id
    said = capfd.readouterr().err
    assert "shop.refunds failed: refunds.csv: lacks the column id\n  -> land a corrected file\n" in said
    assert said.splitlines()[-1].startswith(f"run {run[:8]} of shop failed: http")
    assert said.splitlines()[-1].endswith(f"/runs/{run}")
    assert "Traceback" not in said
    assert "Stack Trace" not in said
