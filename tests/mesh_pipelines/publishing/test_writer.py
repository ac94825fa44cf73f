"""One attempt at publishing: bounded batches, their types and places, and the errors of computing them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import polars as pl
import pytest

from mesh_pipelines.declaring.node import PARTITION, FeatureSetNode, SourceNode
from mesh_pipelines.errors import RuleTooCostly, TransformError
from mesh_pipelines.publishing.candidate import Candidate
from mesh_pipelines.publishing.publish import publish
from mesh_pipelines.publishing.quarantine import QUARANTINE
from mesh_pipelines.publishing.record import Origin, PublishRecord
from mesh_pipelines.shared import SharedResources
from tests.mesh_pipelines.costly_rules import ENDLESS, HUNGRY, MANY, children, nurseries, with_rule
from tests.mesh_pipelines.publishing.offered import COLUMNS, GOOD, Shop, month
from tests.mesh_pipelines.small_domains import product, promise, read_promise


def test_a_partition_replaces_itself_alone(monthly: Shop) -> None:
    """A month is published beside the others; its correction leaves them as they are, and what was known of them."""
    monthly.publish(month("2013-01", 1, 2), "2013-01", origins={"2013-01": Origin("1")})
    monthly.publish(month("2013-02", 3), "2013-02", origins={"2013-02": Origin("1")})
    monthly.publish(month("2013-01", 1), "2013-01", origins={"2013-01": Origin("2")})
    assert sorted(monthly.rows().select("id", "month").rows()) == [(1, "2013-01"), (3, "2013-02")]
    record = PublishRecord.of(monthly.shared.lake.record(monthly.node.key))
    assert record.origins == {"2013-01": Origin("2"), "2013-02": Origin("1")}


@pytest.mark.parametrize(
    "fails",
    [
        pl.LazyFrame(GOOD).with_columns(id=pl.col("nonsense")),
        pl.LazyFrame(GOOD).with_columns(city=pl.lit("x").str.to_date("%Y").cast(pl.String)),
    ],
    ids=["when it is planned", "when its rows are computed"],
)
def test_a_frame_that_fails_lazily_is_its_functions_fault(shop: Shop, fails: pl.LazyFrame) -> None:
    """An error that polars finds only when rows are computed is told as the domain's, by the asset's key."""
    shop.publish(GOOD)
    with pytest.raises(TransformError) as raised:
        shop.publish(fails)
    assert raised.value.where == shop.node.key
    assert "mend the domain's function" in raised.value.remedy
    assert shop.rows().height == 3


def test_a_function_of_python_that_fails_in_the_middle_is_told_the_same(shop: Shop) -> None:
    """So is an error in a Python function that polars calls row by row."""

    def fall(_: int) -> float:
        raise ZeroDivisionError("by nought")

    rows = pl.LazyFrame(GOOD).with_columns(amount=pl.col("id").map_elements(fall, return_dtype=pl.Float64))
    with pytest.raises(TransformError, match="by nought"):
        shop.publish(rows)


def test_rules_hold_across_batches(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A product larger than one batch is audited whole: keys that repeat in another batch, counts, order."""
    monkeypatch.setattr("mesh_pipelines.publishing.writer.BATCH", 7)
    ids = [*range(40), 3, 39]
    rows = {"id": ids, "amount": [float(i) - 1 for i in range(42)], "city": [str(i) for i in range(42)]}
    done = shop.publish(rows)
    assert done.outcome is not None
    assert (done.outcome.rows, done.outcome.quarantined) == (42, 3)
    assert shop.rows()["id"].to_list() == list(range(1, 40))
    assert sorted(shop.rows(shop.quarantine)["city"]) == ["0", "40", "41"]


def test_a_feature_set_is_published_without_a_contract(shared: SharedResources) -> None:
    """Rows come sorted, cut by month; nothing is audited, so there is no outcome."""
    node = FeatureSetNode("shop", "features_of_mine", code_version="code")
    rows = pl.LazyFrame({"id": [3, 1, 2], PARTITION: ["2013-02", "2013-01", "2013-01"]})
    done = publish(shared, node, Candidate(rows, order=(PARTITION, "id")), {}, "run")
    assert done.outcome is None
    assert shared.lake.scan(node.key).collect()["id"].to_list() == [1, 2, 3]
    assert shared.lake.partitions(node.key) == ("2013-01", "2013-02")


def test_a_source_keeps_where_its_rows_came_from(shared: SharedResources, tmp_path: Path) -> None:
    """Raw rows are kept with file and row, typed as the contract says; what cannot be read as such is quarantined."""
    contract = read_promise(tmp_path, promise("shop", "landed_raw", COLUMNS, tolerance=50), "source")
    node = SourceNode("shop", "landed_raw", contract=contract)
    text = {
        "id": ["1", "two"],
        "amount": ["1.5", "2"],
        "city": ["Rome", None],
        "_file": ["a.csv"] * 2,
        "_row": [1, 2],
    }
    publish(shared, node, Candidate(pl.LazyFrame(text)), {}, "run")
    assert shared.lake.scan(node.key).collect().rows() == [(1, 1.5, "Rome", "a.csv", 1)]
    [refused] = shared.lake.scan(node.key + QUARANTINE).collect().to_dicts()
    assert (refused["id"], refused["_file"], refused["_row"]) == ("two", "a.csv", 2)


@pytest.mark.parametrize(
    ("rule", "words"),
    [(ENDLESS, "longer than 1 s.*MESH_RULE_SECONDS"), (HUNGRY, "more memory than 300MB.*MESH_MEMORY_LIMIT")],
)
def test_a_rule_that_costs_too_much_publishes_nothing_and_leaves_nothing(
    shared: SharedResources, shop: Shop, tmp_path: Path, rule: str, words: str
) -> None:
    """The error names product, rule and remedy; the version before stays, no file and no process does."""
    terms = with_rule(promise("shop", rule, COLUMNS), rule, "amount")
    seconds = 1.0 if rule == ENDLESS else 60.0  # all memory is taken in a second, but not on every machine
    limits = shared.settings.model_copy(update={"rule_seconds": seconds, "memory_limit": "300MB"})
    costly = Shop(SharedResources(limits), product(read_promise(tmp_path, terms)))
    costly.publish(GOOD)
    folder = Path(shared.lake.store.uri(shared.lake.root(costly.node.key)))
    before = sorted(folder.rglob("*"))
    ids = range(MANY)
    many = {"id": ids, "amount": [float(i) for i in ids], "city": ["Rome"] * MANY}
    with pytest.raises(RuleTooCostly, match=rf"(?s)shop\.{rule}, rule {rule}: .*{words}"):
        costly.publish(many)
    assert costly.rows().rows() == list(zip(*GOOD.values(), strict=True))
    assert sorted(folder.rglob("*")) == before
    assert [file for file in shared.settings.scratch.rglob("*") if file.is_file()] == []
    assert _none_is_left(nurseries([os.getpid()]))
    assert shop.publish(GOOD).rows == 3, "another product is published as before"


def _none_is_left(parents: list[int]) -> bool:
    assert parents, "rules are judged by children of a nursery"
    deadline = time.monotonic() + 20
    while any(map(children, parents)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(children, parents))
