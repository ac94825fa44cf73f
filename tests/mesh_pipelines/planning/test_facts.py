"""Facts of planning: each source is asked once, and what was not looked up is an error."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import UTC, datetime

import pytest

from mesh_pipelines.declaring.node import Node
from mesh_pipelines.errors import LandingError
from mesh_pipelines.landing.files import FileLanding
from mesh_pipelines.planning.facts import Facts, partitions_in
from mesh_pipelines.planning.plan import plan
from mesh_pipelines.publishing.record import PublishRecord
from tests.mesh_pipelines.planning.made import Made


def test_facts_are_looked_up_once_a_plan(fresh: Made) -> None:
    """However many assets read a table, its record is read once."""
    asked: list[str] = []
    facts = fresh.facts()
    facts.record = lambda key: asked.append(key) or fresh.records.get(key)
    plan(fresh.nodes.values(), facts)
    assert len(asked) == len(set(asked))


def test_what_was_not_looked_up_is_an_error(fresh: Made) -> None:
    """Facts of a running step hold no registry and no landing: to ask them is a fault of the platform."""
    facts = Facts(fresh.records.get, fresh.nodes, now=datetime.now(UTC))
    assert facts.of("shop.orders") is not None
    with pytest.raises(LookupError):
        facts.of_model("shop.model")
    assert isinstance(facts.landed(fresh.nodes["shop.raw"]).fault, LandingError)


def test_nothing_is_published_under_an_unknown_key(fresh: Made) -> None:
    """It is neither in the lake nor in the registry, and its record is empty."""
    facts = fresh.facts()
    assert facts.of("shop.nothing") is None
    assert facts.record_of("shop.nothing") == PublishRecord()
    assert not facts.exists("shop.nothing")
    assert not facts.in_registry("shop.nothing")
    assert facts.registry_state("shop.nothing") is None


def test_a_model_and_its_champion_are_two_versions_of_one_entry(fresh: Made) -> None:
    """The model is its newest version, the champion the one in use; a table has none."""
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], latest=3, champion=2)
    facts = fresh.facts()
    assert facts.registry_version("shop.model") == 3
    assert facts.registry_version("shop.champion") == 2
    assert facts.registry_version("shop.orders") == 0
    assert facts.registry_state("shop.model") == facts.registry_state("shop.champion")
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], champion=0)
    facts = fresh.facts()
    assert facts.exists("shop.model")
    assert not facts.exists("shop.champion")


def test_the_time_of_a_version_is_that_of_its_making(fresh: Made) -> None:
    """A table's is its commit's, a model's that of its training; a champion's is not on record."""
    nodes, trained = fresh.nodes, datetime(2013, 4, 1, tzinfo=UTC)
    assert fresh.facts().made_at(nodes["shop.model"]) is None, "not on record"
    fresh.models["shop.model"] = changed(fresh.models["shop.model"], trained_at=trained.isoformat())
    del fresh.records["shop.sales"]
    facts = fresh.facts()
    assert facts.made_at(nodes["shop.model"]) == trained
    assert facts.made_at(nodes["shop.orders"]) == fresh.records["shop.orders"].published_at
    assert facts.made_at(nodes["shop.sales"]) is None
    assert facts.made_at(nodes["shop.champion"]) is None


def test_a_landing_is_looked_at_once_and_other_months_are_set_apart(fresh: Made) -> None:
    """What the contract's calendar does not have is there, and read by nobody."""
    fresh.land("2012-12", "too early")
    facts, opened = fresh.facts(), list[str]()
    facts.landing = lambda node: opened.append(node.key) or fresh.place()
    found = facts.landed(fresh.nodes["shop.raw"])
    assert [one.partition for one in found.inputs] == ["2013-01", "2013-02", "2013-03"]
    assert [one.name for one in found.outside] == ["raw-2012-12.csv"]
    assert facts.landed(fresh.nodes["shop.raw"]) is found
    assert opened == ["shop.raw"]


def test_a_look_that_fails_quotes_only_where_all_is_public(fresh: Made) -> None:
    """The header of a file without one is its first row."""

    def landing(_: Node) -> FileLanding:
        raise LandingError("has unknown columns", where="raw.csv", quoted="hunter2")

    node, facts = fresh.nodes["shop.raw"], changed(fresh.facts(), landing=landing)
    assert facts.landed(node).fault is not None
    assert "hunter2" in str(facts.landed(node).fault)
    facts = changed(fresh.facts(), landing=landing)
    fault = facts.landed(changed(node, contract=None)).fault
    assert isinstance(fault, LandingError)
    assert str(fault) == "raw.csv: has unknown columns"


def test_only_a_table_by_partition_has_partitions(fresh: Made) -> None:
    """Their contents by name, sorted out from what is stored of a whole table."""
    orders = fresh.records["shop.orders"]
    assert list(partitions_in(orders)) == ["2013-01", "2013-02", "2013-03"]
    assert set(partitions_in(orders).values()) == {part.hex for part in orders.partitions.values()}
    assert partitions_in(fresh.records["shop.sales"]) == {}
    assert partitions_in(None) == {}
