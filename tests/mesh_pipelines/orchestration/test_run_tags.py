"""Tags of a run: who, why, and which partitions, read back as they were written."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_pipelines.dagster_names import DOMAIN, IF_STALE, PARTITIONS, PRIORITY, REASON
from mesh_pipelines.declaring.domain_profile import DomainProfile
from mesh_pipelines.declaring.node import LoadedDomain, ModelNode, OwnCheck, ProductNode
from mesh_pipelines.orchestration.run_tags import check_keys, partition_tags, run_tags, spans_in
from mesh_pipelines.planning.shares import names_in
from mesh_pipelines.planning.step import Step
from tests.mesh_pipelines.small_domains import promise, read_promise

SHOP = LoadedDomain(
    DomainProfile("shop", "a team", "team@mesh.example", priority=7), Path("domains/shop"), {}
)
FIRST, LAST, ONE = (
    f"dagster/{name}" for name in ("asset_partition_range_start", "asset_partition_range_end", "partition")
)
MONTHS = [f"{year}-{month:02d}" for year in (2012, 2013) for month in range(1, 13)]


def test_a_run_says_whose_it_is_and_why() -> None:
    """And that a step whose inputs turn out unchanged leaves its table as it is."""
    assert run_tags(SHOP, "orders.csv landed") == {
        DOMAIN: "shop", PRIORITY: "7", IF_STALE: "true", REASON: "orders.csv landed",
    }  # fmt: skip


@pytest.mark.parametrize(("length", "kept"), [(0, 0), (239, 239), (240, 240), (241, 240), (5000, 240)])
def test_a_long_reason_is_cut(length: int, kept: int) -> None:
    """A tag is shown in one line; a cut one ends in an ellipsis."""
    reason = run_tags(SHOP, "a" * length)[REASON]
    assert len(reason) == kept
    assert reason.endswith("…") is (length > 240)


@pytest.mark.parametrize(
    ("names", "tags"),
    [
        (None, {}),
        (("2013-01",), {ONE: "2013-01"}),
        (("2013-01", "2013-02"), {FIRST: "2013-01", LAST: "2013-02"}),
        (
            ("2012-12", "2013-01", "2013-04"),
            {FIRST: "2012-12", LAST: "2013-04", PARTITIONS: "2012-12..2013-01,2013-04"},
        ),
    ],
    ids=["none", "one", "range", "gap"],
)
def test_partitions_are_named_as_dagster_knows_them(
    names: tuple[str, ...] | None, tags: dict[str, str]
) -> None:
    """One, a range, or a range with gaps, for which the mesh has a tag of its own."""
    assert partition_tags(names) == tags


@given(st.sets(st.sampled_from(MONTHS), min_size=1))
def test_partitions_are_read_as_they_were_written(chosen: set[str]) -> None:
    """Each of them and no other, whatever gaps are between."""
    names = tuple(sorted(chosen))
    spans = spans_in(partition_tags(names))
    assert spans is not None
    assert names_in(spans) == names


def test_a_run_without_partitions_has_none() -> None:
    """Nor has one with half a range, which somebody else started."""
    assert spans_in({}) is None
    assert spans_in({FIRST: "2013-01"}) is None
    assert spans_in({LAST: "2013-01"}) is None
    assert spans_in({FIRST: "2013-01", LAST: "2013-03"}) == [("2013-01", "2013-03")]


def test_the_checks_of_a_run_are_those_of_what_it_makes(tmp_path: Path) -> None:
    """Rules of the contract and hand-written ones of each asset; a model's rebuild is none of them."""
    contract = read_promise(tmp_path, promise("shop", "orders", {"id": "integer"}))
    few = OwnCheck("shop.orders", "few", blocking=True, step="few")
    orders = Step(ProductNode("shop", "orders", contract=contract, checks=(few,)), ())
    found = check_keys([orders, Step(ModelNode("shop", "fraud"), ())])
    assert {key.asset_key for key in found} == {dg.AssetKey(["shop", "orders"])}
    names = [key.name for key in found]
    assert {"columns_conform", "within_tolerance", "has_rows", "few"} <= set(names)
    assert len(names) == len(set(names))
    assert check_keys([]) == []
