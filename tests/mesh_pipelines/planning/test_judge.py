"""The judgement of one asset: reasons, cause, versions, what it waits for, and what cannot be read."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta

import pytest

from mesh_pipelines.declaring.node import Node, OwnCheck
from mesh_pipelines.errors import IntegrityError, KeyUnavailable, MeshError, StorageFull, TrackingUnavailable
from mesh_pipelines.planning.facts import Facts, Verdict
from mesh_pipelines.planning.judge import cause_of, is_published, judge, unfit_inputs
from mesh_pipelines.publishing.record import PublishRecord
from resources.lake.publication import Publication
from resources.lake.table_version import TableVersion
from tests.mesh_pipelines.planning.made import Made


def test_too_little_that_is_new_is_said(fresh: Made) -> None:
    """In words for a person: how many rows there are, and how many it takes."""
    node = fresh.nodes["shop.model"]
    assert judge(node, fresh.facts()).held == ()
    fresh.publish("features", {"": "other"}, inputs=fresh.read("features"))
    fresh.min_new_rows = 1000
    assert judge(node, fresh.facts()).held == (
        "shop.model: 1 rows more than version 1 knew, and 1,000 make a training",
    )
    assert judge(fresh.nodes["shop.orders"], fresh.facts()).held == ()


def test_the_versions_that_caused_a_step_are_named(fresh: Made) -> None:
    """Files of a source; of what reads, each input with the version read before and the one there now."""
    fresh.land("2013-02", "id\n77\n")
    (named,) = judge(fresh.nodes["shop.raw"], fresh.facts()).versions
    assert named.startswith("raw-2013-02.csv@")
    record = fresh.records["shop.sales"]
    read = {"shop.orders": TableVersion("shop.orders", 9, "older")}
    made = changed(PublishRecord.of(record), inputs=read)
    fresh.records["shop.sales"] = changed(record, info=made.to_json())
    fresh.records["shop.orders"] = changed(fresh.records["shop.orders"], version=10)
    assert judge(fresh.nodes["shop.sales"], fresh.facts()).versions == ("shop.orders@9 -> @10",)
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], features_version=3, decided=0)
    features = changed(fresh.records["shop.features"], version=4, data_version="other")
    fresh.records["shop.features"] = features
    assert judge(fresh.nodes["shop.model"], fresh.facts()).versions == ("shop.features@3 -> @4",)
    champion = judge(fresh.nodes["shop.champion"], fresh.facts())
    assert champion.versions == ("shop.model@1", "shop.features@4")


def test_ages_are_counted_to_the_moment_of_the_facts(fresh: Made) -> None:
    """The same facts give the same judgement, whenever it is asked for."""
    fresh.max_age = timedelta(days=30)
    trained = datetime(2013, 1, 1, tzinfo=UTC)
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], trained_at=trained.isoformat())
    node, facts = fresh.nodes["shop.model"], fresh.facts()
    assert not judge(node, changed(facts, now=trained + timedelta(days=30), judgements={})).reasons
    assert judge(node, changed(facts, now=trained + timedelta(days=31), judgements={})).reasons == (
        "version 1 is 31 days old, and 30 days are allowed",
    )


def broken(made: Made, key: str, error: Exception) -> Facts:
    """The facts, but for a table whose record raises an error."""

    def record(asked: str) -> Publication | None:
        if asked == key:
            raise error
        return made.records.get(asked)

    return changed(made.facts(), record=record)


def test_a_table_that_cannot_be_read_is_judged_by_itself(fresh: Made) -> None:
    """It blocks what is downstream of it; what reads it is named with the broken table, and stays readable."""
    facts = broken(fresh, "shop.orders", ValueError("unexpected token"))
    orders = judge(fresh.nodes["shop.orders"], facts)
    assert (orders.unreadable, orders.blocks, orders.reasons) == (True, True, ())
    assert isinstance(orders.fault, IntegrityError)
    assert orders.fault.where == "shop.orders"
    assert orders.waits == "what is published of it cannot be read: ValueError"
    sales = judge(fresh.nodes["shop.sales"], facts)
    assert sales.waits == "shop.orders: what is published of it cannot be read: ValueError"
    assert (sales.unreadable, sales.blocks) == (True, False)
    assert not judge(fresh.nodes["shop.raw"], facts).unreadable
    assert is_published("shop.orders", facts) is None
    assert is_published("shop.sales", facts) is True


def test_the_own_words_of_an_error_are_kept(fresh: Made) -> None:
    """An error of the mesh has its remedy already."""
    error = IntegrityError("a file is gone", where="shop.orders/part-0", remedy="restore it")
    found = judge(fresh.nodes["shop.orders"], broken(fresh, "shop.orders", error))
    assert found.fault is error
    assert found.waits == "shop.orders/part-0: a file is gone"


@pytest.mark.parametrize(
    "error", [StorageFull("no space"), KeyUnavailable("no key"), TrackingUnavailable("down")]
)
def test_an_error_of_the_whole_mesh_is_no_assets_fault(fresh: Made, error: MeshError) -> None:
    """Nothing is judged without keys, space or registry: the tick fails, and is tried again."""
    with pytest.raises(type(error)):
        judge(fresh.nodes["shop.orders"], broken(fresh, "shop.orders", error))


def test_a_judgement_is_made_once_for_the_same_facts(fresh: Made) -> None:
    """What lands meanwhile is for the next facts."""
    facts = fresh.facts()
    before = judge(fresh.nodes["shop.raw"], facts)
    fresh.land("2013-04", "rows")
    assert judge(fresh.nodes["shop.raw"], facts) is before
    assert judge(fresh.nodes["shop.raw"], fresh.facts()).partitions == ("2013-04",)


def test_a_cause_is_the_content_and_nothing_else(fresh: Made) -> None:
    """The same content has the same cause whenever it lands; other content, code or partitions have another."""
    node = fresh.nodes["shop.raw"]
    assert cause_of(node, fresh.facts(), ("2013-04",)) == "", "it is up to date"

    def cause(partitions: tuple[str, ...] | None, wanted: Node = node) -> str:
        return cause_of(wanted, fresh.facts(), partitions)

    fresh.land("2013-04", "rows")
    fresh.land("2013-05", "more")
    both, april = cause(("2013-04", "2013-05")), cause(("2013-04",))
    assert len({both, april, cause(("2013-05",)), ""}) == 4
    fresh.land("2013-05", "corrected")
    assert cause(("2013-04",)) == april, "May is no cause of April's"
    assert cause(("2013-04", "2013-05")) != both
    fresh.land("2013-05", "more")
    assert cause(("2013-04", "2013-05")) == both, "it came back"
    assert cause(("2013-04",), changed(node, code_version="other code")) != april


def test_an_input_that_its_check_refused_is_unfit(fresh: Made) -> None:
    """With the check, the version and what the check says; an input that passed is none of them."""
    few = OwnCheck("shop.orders", "few", blocking=True, step="few")
    fresh.nodes["shop.orders"] = changed(fresh.nodes["shop.orders"], checks=(few,))
    made_at = fresh.records["shop.orders"].published_at
    for passed, expected in (
        (False, {"shop.orders": "check few of shop.orders failed on version 0: 3 orders"}),
        (True, {}),
    ):
        said = {"few": Verdict(1, passed, made_at, "3 orders")}
        facts = changed(fresh.facts(), verdicts=lambda _, said=said: said)
        assert unfit_inputs(fresh.nodes["shop.sales"], facts) == expected


def test_a_check_that_has_not_seen_what_is_published_is_a_reason(fresh: Made) -> None:
    """Of a table by partition one partition is enough to run it; without Dagster nobody is asked."""
    few = OwnCheck("shop.orders", "few", blocking=True, step="few")
    fresh.nodes["shop.orders"] = node = changed(fresh.nodes["shop.orders"], checks=(few,))
    earlier = fresh.records["shop.orders"].published_at - timedelta(seconds=1)
    for said in ({}, {"few": Verdict(1, True, earlier)}):
        found = judge(node, changed(fresh.facts(), verdicts=lambda _, said=said: said))
        assert found.reasons == ("check few has not looked at it yet",)
        assert found.partitions == ("2013-03",)
        assert found.cause
    assert judge(node, fresh.facts()).reasons == ()
