"""A plan is cut into runs; partitions with gaps between them are one."""

from __future__ import annotations

import dagster as dg
import pytest

from mesh_pipelines.declaring.node import Node, SourceNode
from mesh_pipelines.planning.shares import read_spans, runs_of, spans_of, within, write_spans
from mesh_pipelines.planning.step import Step

MONTHS = ("2012-12", "2013-01", "2013-04")


@dg.asset
def by_hand() -> None:
    """A hand-written asset."""


def step(name: str, *partitions: str, asset: dg.AssetsDefinition | None = None) -> Step:
    """A step that makes some partitions; none of an asset without any."""
    node: Node = SourceNode("shop", name, asset=asset)
    return Step(node, ("landed",), partitions or None)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (MONTHS, "2012-12..2013-01,2013-04"),
        (("2019-12-31", "2020-01-01", "2020-02-29", "2020-03-01"), "2019-12-31..2020-01-01,2020-02-29..2020-03-01"),
        (("2020",), "2020"),
        ((), ""),
    ],
    ids=["months", "days", "a year", "none"],
)  # fmt: skip
def test_spans_are_read_as_they_are_written(names: tuple[str, ...], text: str) -> None:
    """Each partition is within, and none between."""
    spans = spans_of(names)
    assert write_spans(spans) == text
    assert list(read_spans(text)) == list(spans)
    assert all(within(name, spans) for name in names)
    assert not any(within(name, spans) for name in ("2013-02", "2020-01-02", "2021", ""))


def test_a_gap_makes_no_second_run() -> None:
    """All steps are in one run, with the partitions of all of them."""
    group = [step("a", "2012-12", "2013-04"), step("b", "2013-01"), step("c")]
    assert runs_of(group) == [(group, MONTHS)]
    assert runs_of([step("c")]) == [([step("c")], None)]


def test_a_hand_written_asset_is_given_unbroken_ranges() -> None:
    """Dagster tells its function the first and last partition; what has none goes with the last run."""
    group = [step("a", *MONTHS, asset=by_hand), step("c")]
    assert runs_of(group) == [(group[:1], MONTHS[:2]), (group, MONTHS[2:])]
