"""What a tick asks: recent attempts, as Dagster's runs tell of them, and the request of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import RunFailureReason
from dagster._core.storage.tags import RUN_FAILURE_REASON_TAG
from dagster._core.test_utils import create_run_for_test

from mesh_pipelines.dagster_names import CAUSES, DOMAIN, PARTITIONS, PROCESS, VERSIONS
from mesh_pipelines.declaring.mesh import Mesh
from mesh_pipelines.orchestration.run_tags import partition_tags
from mesh_pipelines.orchestration.tick import attempts_in, mesh_of, run_request
from mesh_pipelines.planning.next_run import Request
from mesh_pipelines.planning.step import Step
from resources.processes import this_process
from tests.mesh_pipelines.small_domains import World
from tests.mesh_pipelines.three_domains import write_three_domains

Status = dg.DagsterRunStatus
GONE = f"{this_process().rpartition(':')[0]}:0"
"""Name of a process of this machine that has ended: its number is this one's, started at another time."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in memory."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run_of(instance: dg.DagsterInstance, domain: str, status: Status, **tags: str) -> str:
    """Number of a run of a domain."""
    return create_run_for_test(instance, status=status, tags={DOMAIN: domain, **tags}).run_id


def test_attempts_are_a_domains_own_the_newest_first(instance: dg.DagsterInstance) -> None:
    """Those of other domains, and of nobody, are none of them."""
    first = run_of(instance, "shop", Status.SUCCESS)
    run_of(instance, "store", Status.SUCCESS)
    create_run_for_test(instance, status=Status.SUCCESS)
    second = run_of(instance, "shop", Status.STARTED)
    found = attempts_in(instance, "shop")("shop")
    assert [(attempt.run_id, attempt.finished) for attempt in found] == [(second, False), (first, True)]
    assert attempts_in(instance, "shop")("bank") == []


@pytest.mark.parametrize(
    ("status", "reason", "failed", "lost"),
    [
        (Status.SUCCESS, None, False, False),
        (Status.CANCELED, None, False, False),
        (Status.FAILURE, RunFailureReason.STEP_FAILURE.value, True, False),
        (Status.FAILURE, RunFailureReason.RUN_EXCEPTION.value, True, True),
        (Status.FAILURE, None, True, True),
    ],
)
def test_a_run_is_lost_if_no_step_of_it_failed(
    instance: dg.DagsterInstance, status: Status, reason: str | None, failed: bool, lost: bool
) -> None:
    """It never came up, or its process was killed: its steps had no say."""
    run_of(instance, "shop", status, **({RUN_FAILURE_REASON_TAG: reason} if reason else {}))
    [attempt] = attempts_in(instance, "shop")("shop")
    assert (attempt.failed, attempt.lost) == (failed, lost)


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ({}, None),
        (partition_tags(("2013-01",)), [("2013-01", "2013-01")]),
        (partition_tags(("2013-01", "2013-04")), [("2013-01", "2013-01"), ("2013-04", "2013-04")]),
    ],
)
def test_an_attempt_has_the_causes_and_partitions_of_its_run(
    instance: dg.DagsterInstance, tags: dict[str, str], spans: list[tuple[str, str]] | None
) -> None:
    """A run that a person started in Dagster has no causes, and is a finished run all the same."""
    run_of(instance, "shop", Status.SUCCESS, **{CAUSES: json.dumps({"shop.orders": "a1"}), **tags})
    run_of(instance, "shop", Status.SUCCESS)
    by_hand, asked = attempts_in(instance, "shop")("shop")
    assert (by_hand.causes, by_hand.spans) == ({}, None)
    assert (dict(asked.causes), asked.spans) == ({"shop.orders": "a1"}, spans)


def test_a_killed_run_of_its_own_is_failed_and_others_are_left(instance: dg.DagsterInstance) -> None:
    """A domain waits for its own runs alone; each domain's sensor looks after its own."""
    for domain in ("shop", "store"):
        run_of(instance, domain, Status.STARTED, **{PROCESS: GONE})
    attempts = attempts_in(instance, "shop")
    [mine], [other] = attempts("shop"), attempts("store")
    assert (mine.finished, mine.failed, mine.lost) == (True, True, True)
    assert not other.finished


def test_runs_are_asked_for_once_a_tick(instance: dg.DagsterInstance) -> None:
    """What begins meanwhile is for the next tick."""
    attempts = attempts_in(instance, "shop")
    assert attempts("shop") == []
    run_of(instance, "shop", Status.STARTED)
    assert attempts("shop") == []
    assert len(attempts_in(instance, "shop")("shop")) == 1


def request(mesh: Mesh, **more: Any) -> dg.RunRequest:
    """A run of the bank's rates as Dagster takes it."""
    steps = (Step(mesh.node("bank.rates"), ("it was never made",)),)
    given: dict[str, Any] = {
        "partitions": None,
        "key": "a key",
        "causes": {"bank.rates": "a1"},
        "reason": "it was never made",
    }
    return run_request(mesh, Request("bank", steps, **given | more))


def test_a_request_is_a_run_of_these_assets_and_their_checks(world: World) -> None:
    """Its key is that of planning; it says of no partition and no version where there is none."""
    write_three_domains(world)
    found = request(world.mesh())
    assert (found.run_key, found.partition_key) == ("a key", None)
    assert found.asset_selection == [dg.AssetKey(["bank", "rates"])]
    assert {key.asset_key for key in found.asset_check_keys or ()} == {dg.AssetKey(["bank", "rates"])}
    assert json.loads(found.tags[CAUSES]) == {"bank.rates": "a1"}
    assert VERSIONS not in found.tags
    assert not any("partition" in name for name in found.tags)
    int(found.tags["dagster/priority"])
    cut = request(world.mesh(), partitions=("2013-01", "2013-03"), versions="a.csv@12345678")
    assert cut.tags[PARTITIONS] == "2013-01,2013-03"
    assert cut.tags[VERSIONS] == "a.csv@12345678"


def test_the_mesh_is_the_workspace_or_the_domain_alone(world: World) -> None:
    """It is loaded once for a process, as its code is."""
    write_three_domains(world)
    bank = world.mesh().domains["bank"]
    whole = mesh_of(bank)
    assert set(whole.domains) == {"shop", "store", "bank"}
    assert mesh_of(bank) is whole


def test_without_a_workspace_a_domain_is_a_mesh(world: World) -> None:
    """As in the test of a domain that is loaded by itself."""
    write_three_domains(world)
    bank = world.load("domains.bank")
    (world.root / "workspace.yaml").unlink()
    assert list(mesh_of(bank).domains) == ["bank"]
