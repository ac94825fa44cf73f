"""Steps of a plan: their key, and the kind of partitions that one Dagster run may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_pipelines.declaring.node import FeatureSetNode, Node, ProductNode, SourceNode
from mesh_pipelines.planning.step import Step
from tests.mesh_pipelines.small_domains import promise, read_promise

ROWS = {"id": "integer", "month": "string"}


@pytest.mark.parametrize(("since", "every"), [("2013-01-01", "day"), ("2013-01", "month"), ("2013", "year")])
def test_the_cadence_is_that_of_the_contract(tmp_path: Path, since: str, every: str) -> None:
    """Runs of days, months and years are apart, for Dagster has one kind of partitions in a run."""
    document = promise("shop", "orders", ROWS, partitions=since)
    document["customProperties"][1]["value"]["every"] = every
    contract = read_promise(tmp_path, document)
    for kind in (SourceNode, ProductNode):
        step = Step(kind("shop", "orders", contract=contract), ("landed",))
        assert (step.key, step.cadence) == ("shop.orders", every)


def test_what_is_made_whole_has_no_cadence(tmp_path: Path) -> None:
    """A product without partitions, a node without a contract, and a feature set, whose partitions are its own."""
    whole = read_promise(tmp_path, promise("shop", "orders", ROWS))
    nodes: list[Node] = [
        ProductNode("shop", "orders", contract=whole),
        ProductNode("shop", "orders"),
        FeatureSetNode("shop", "features"),
    ]
    assert [Step(node, ()).cadence for node in nodes] == ["", "", ""]
