"""What a domain's next run is: decided from facts and attempts alone, without Dagster."""

from __future__ import annotations

import pytest

from mesh_pipelines.orchestration.run import run
from mesh_pipelines.orchestration.tick import run_request
from mesh_pipelines.planning.next_run import LOST, Attempt, NoRun, Request
from mesh_pipelines.planning.shares import spans_of
from tests.mesh_pipelines.planning.decisions import after, decision, request_of
from tests.mesh_pipelines.small_domains import World
from tests.mesh_pipelines.three_domains import write_three_domains


@pytest.fixture
def landed(world: World) -> World:
    """January, February and April have landed for shop; store reads shop's product; nothing is published."""
    write_three_domains(world)
    return world


@pytest.fixture
def one_range(landed: World) -> World:
    """The same without April: all months are one unbroken range."""
    (landed.landing / "shop" / "orders-2013-04.csv").unlink()
    return landed


def test_what_lands_asks_for_one_run_with_its_reason(landed: World) -> None:
    """The run makes the source and what follows, names the files, and covers all months, whatever gap is between."""
    asked = request_of(landed, "shop")
    assert [step.key for step in asked.steps] == ["shop.orders_raw", "shop.orders"]
    assert asked.partitions == ("2013-01", "2013-02", "2013-04")
    assert set(asked.causes) == {"shop.orders_raw"}
    assert "orders-2013-01.csv landed" in asked.reason
    request = run_request(landed.mesh(), asked)
    assert request.run_key == asked.key
    assert request.tags["mesh/reason"] == asked.reason
    assert request.tags["mesh/versions"].startswith("orders-2013-01.csv@")
    assert request.tags["dagster/asset_partition_range_end"] == "2013-04"
    assert request.tags["mesh/partitions"] == "2013-01..2013-02,2013-04"


def test_the_same_causes_ask_for_the_same_run(landed: World) -> None:
    """A tick that is evaluated twice, after a crash say, cannot start a second run: its key is the same."""
    assert request_of(landed, "shop").key == request_of(landed, "shop").key


def test_a_domain_waits_for_a_product_that_is_about_to_change(landed: World) -> None:
    """Else a model with two new inputs would be trained on the first of them, and again on both."""
    found = decision(landed, "store")
    assert found == NoRun("waits for shop.orders, about to be made by another domain")
    assert [step.key for step in request_of(landed, "bank").steps] == ["bank.rates"]


def test_one_run_of_a_domain_at_a_time(landed: World) -> None:
    """While a run is on its way nothing is asked for: it may be making just that."""
    found = decision(landed, "shop", after("shop", Attempt("0123456789", {}, finished=False)))
    assert found == NoRun("run 01234567 of this domain is on its way")


def test_a_cause_that_failed_is_not_tried_again_until_it_changes(one_range: World) -> None:
    """A refused file is refused once; others stop waiting for it; a corrected one asks for a run of its own."""
    first = request_of(one_range, "shop")
    failed = after("shop", Attempt("0123456789", first.causes, finished=True, failed=True))
    refused = decision(one_range, "shop", failed)
    assert isinstance(refused, NoRun)
    assert "shop.orders_raw failed, and nothing has changed since" in refused.reason
    waiting = decision(one_range, "store", failed)
    assert isinstance(waiting, NoRun)
    assert (
        waiting.reason == "up to date but for what waits: shop.orders: shop.orders_raw is not published yet"
    )
    one_range.land("shop", "orders-2013-01.csv", "id\n111\n")
    assert request_of(one_range, "shop", failed).key != first.key


def test_partitions_that_failed_are_left_out_until_they_change(landed: World) -> None:
    """One run tries all, with gaps; what it could not make is not tried again with what lands later."""
    first = request_of(landed, "shop")
    assert first.partitions == ("2013-01", "2013-02", "2013-04")
    failed = after("shop", _failed("0", first))
    assert isinstance(decision(landed, "shop", failed), NoRun)
    landed.land("shop", "orders-2013-06.csv", "id\n6\n")
    landed.land("shop", "orders-2013-05.csv", "id\n5\n")
    second = request_of(landed, "shop", failed)
    assert second.partitions == ("2013-05", "2013-06")
    assert isinstance(
        decision(landed, "shop", after("shop", _failed("1", second), _failed("0", first))), NoRun
    )
    landed.land("shop", "orders-2013-01.csv", "id\n111\n")
    assert "2013-01" in (request_of(landed, "shop", failed).partitions or ())


def test_what_a_failed_run_did_publish_is_no_reason_to_try_the_rest_again(landed: World) -> None:
    """January is refused, February and April are published: January is not refused a second time."""
    landed.land("shop", "orders-2013-01.csv", "other\n1\n")
    first = request_of(landed, "shop")
    run(["shop"], mesh=landed.mesh())
    assert isinstance(decision(landed, "shop", after("shop", _failed("0", first))), NoRun)


def _failed(number: str, request: Request) -> Attempt:
    spans = spans_of(request.partitions or ())
    return Attempt(number, request.causes, finished=True, failed=True, spans=spans)


def test_content_that_comes_back_is_a_cause_again(one_range: World) -> None:
    """A file that is corrected and then put back as it was: only the last attempt counts, and the key is another."""
    first = request_of(one_range, "shop")
    other = Attempt("1", {"shop.orders_raw": "another"}, finished=True)
    before = Attempt("0", first.causes, finished=True)
    assert isinstance(decision(one_range, "shop", after("shop", before)), NoRun)
    again = request_of(one_range, "shop", after("shop", other, before))
    assert again.causes == first.causes
    assert again.key != first.key


def test_a_killed_run_is_asked_for_again_but_not_for_ever(one_range: World) -> None:
    """It answered nothing, so its cause stands; what kills its process three times waits."""
    first = request_of(one_range, "shop")
    lost = [Attempt(str(n), first.causes, finished=True, failed=True, lost=True) for n in range(LOST)]
    again = request_of(one_range, "shop", after("shop", lost[0]))
    assert (again.causes, again.reason) == (first.causes, first.reason)
    assert again.key != first.key, "Dagster takes a key once, and must not take this for the killed run"
    assert isinstance(decision(one_range, "shop", after("shop", *lost)), NoRun)
    assert isinstance(decision(one_range, "shop", after("shop", *lost[1:])), Request)


def test_what_was_taken_away_is_said_while_its_rows_stay(landed: World) -> None:
    """The last file of a month may go: nothing is made of it, and the tick says so."""
    run(["shop"], mesh=landed.mesh())
    (landed.landing / "shop" / "orders-2013-04.csv").unlink()
    found = decision(landed, "shop")
    assert isinstance(found, NoRun)
    assert "orders-2013-04.csv taken away, and what was published of it stays" in found.reason
