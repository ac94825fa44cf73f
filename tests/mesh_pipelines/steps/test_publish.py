"""Results of a publish as Dagster is given them: a check for each rule, and the figures of its page."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.dagster_names import WORK_SECONDS
from mesh_pipelines.declaring.node import Node, ProductNode
from mesh_pipelines.landing.landed import LISTED
from mesh_pipelines.steps.checks import GROUPED
from mesh_pipelines.steps.publish import check_results, seconds_of, unchanged_output
from quality.outcome import SAMPLES, Outcome, RuleResult
from tests.mesh_pipelines.small_domains import promise, read_promise


def node_of(tmp_path: Path, columns: dict[str, Any] | None = None) -> Node:
    """A product with a contract."""
    return ProductNode(
        "shop",
        "orders",
        contract=read_promise(tmp_path, promise("shop", "orders", columns or {"id": "integer"})),
    )


def broken(rule: str, failed: int = 3, **more: Any) -> RuleResult:
    """The result of a rule that was not kept."""
    given: dict[str, Any] = {"passed": False, "severity": "error", "checked": 10, "failed": failed}
    return RuleResult(rule, **{**given, **more})


def results(node: Node, *found: RuleResult, docs: str | None = None) -> dict[str, dg.AssetCheckResult]:
    """Results of the checks of an audit, by name."""
    shown = list(check_results(node, Outcome(node.key, "1.0.0", 10, 0, 0.0, found, docs)))
    assert all(result.asset_key == dg.AssetKey(["shop", "orders"]) for result in shown)
    assert len({result.check_name for result in shown}) == len(shown)
    return {str(result.check_name): result for result in shown}


def figures(result: dg.AssetCheckResult) -> dict[str, Any]:
    """Metadata as plain values."""
    return {name: getattr(value, "value", value) for name, value in (result.metadata or {}).items()}


def test_a_rule_is_a_check_with_its_figures(tmp_path: Path) -> None:
    """A rule of the contract, and one of the candidate as a whole; what was not judged has no result."""
    kept = RuleResult("has_rows", True, "error", 10, 0, description="There is a row.")
    found = results(node_of(tmp_path), kept, broken("columns_conform", 0, detail="lacks id"))
    assert list(found) == ["has_rows", "columns_conform"]
    assert (found["has_rows"].passed, found["has_rows"].description) == (True, "There is a row.")
    assert figures(found["has_rows"]) == {"checked": 10, "failed": 0}
    assert (found["columns_conform"].passed, found["columns_conform"].description) == (False, "lacks id")
    assert results(node_of(tmp_path)) == {}


def test_a_broken_rule_says_how_often_and_by_what(tmp_path: Path) -> None:
    """Its share of the rows and some samples, as far as the audit kept any."""
    samples = tuple(f"v{number}" for number in range(SAMPLES))
    found = results(
        node_of(tmp_path), broken("has_rows", samples=samples), broken("other", severity="warning")
    )
    assert figures(found["has_rows"]) == {
        "checked": 10, "failed": 3, "share failed": 0.3, "samples": list(samples),
    }  # fmt: skip
    assert found["has_rows"].severity == dg.AssetCheckSeverity.ERROR
    assert found["other"].severity == dg.AssetCheckSeverity.WARN
    assert "samples" not in figures(found["other"])


@pytest.mark.parametrize("count", [0, 1, LISTED, LISTED + 2])
def test_many_rules_of_a_kind_are_one_result(tmp_path: Path, count: int) -> None:
    """It names the broken ones, and counts those beyond a few."""
    numbers = {f"c{number}": {"logicalType": "number"} for number in range(GROUPED + 1)}
    node = node_of(tmp_path, {"id": "integer", **numbers})
    found = [
        broken(f"c{number}_type", passed=False) if number < count
        else RuleResult(f"c{number}_type", True, "error", 10, 0)
        for number in range(GROUPED + 1)
    ]  # fmt: skip
    [result] = results(node, *found).values()
    assert result.check_name == "every_type"
    assert result.passed is (count == 0)
    assert figures(result)["rules"] == GROUPED + 1
    assert figures(result)["failed"] == 3 * count
    if not count:
        assert result.description == ""
        return
    description = str(result.description)
    assert description.startswith(f"{count} of {GROUPED + 1} rules are broken: c0_type")
    assert description.count("_type") == min(count, LISTED)
    assert description.endswith(" and 2 more") is (count > LISTED)


def test_the_link_to_the_docs_has_no_host(tmp_path: Path) -> None:
    """It is right wherever the UI runs, whatever the path has in it."""
    found = results(node_of(tmp_path), broken("has_rows"), docs="shop/orders/site/ü b#.html")
    assert figures(found["has_rows"])["data docs"] == "/docs/shop/orders/site/%C3%BC%20b%23.html"


def test_the_time_of_work_is_that_of_all_phases() -> None:
    """With what came before; the phases are rounded, their sum is not."""
    found = seconds_of({"read": 0.12345, "audit": 1.0}, 0.5)
    assert found[WORK_SECONDS] == pytest.approx(1.62345)
    assert found["seconds"].value == {"read": 0.123, "audit": 1.0}
    assert seconds_of({})[WORK_SECONDS] == 0


def test_what_is_left_as_it_is_keeps_its_data_version() -> None:
    """So that nobody downstream is woken; its page says why, and shows its columns all the same."""
    before = SimpleNamespace(version=7, data_version="ab" * 32)
    output = unchanged_output(before, {"columns": "as before"})
    assert output.data_version == dg.DataVersion("ab" * 32)
    shown = {name: value.value for name, value in output.metadata.items()}
    assert shown == {
        "unchanged": "its inputs are what they were, so it was left as it is", "version": 7, "columns": "as before",
    }  # fmt: skip
    assert set(unchanged_output(before).metadata) == {"unchanged", "version"}
