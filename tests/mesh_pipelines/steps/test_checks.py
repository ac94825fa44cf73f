"""The checks of a contract: a rule each, and one for many rules of a kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mesh_pipelines.orchestration.run import run
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.steps.checks import GROUPED, contract_checks, grouped
from quality.rules import rules_of
from tests.mesh_pipelines.run_reports import statuses
from tests.mesh_pipelines.small_domains import World, promise, read_promise

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")
NUMBER = {"logicalType": "number", "required": True}


def wide(columns: int, **more: Any) -> dict[str, Any]:
    """A contract of many numbers that are there, and a key."""
    numbers = {f"c{number}": NUMBER for number in range(columns)}
    return promise("shop", "wide", {"id": "integer", **numbers}, **more)


def test_few_rules_are_a_check_each(tmp_path: Path) -> None:
    """Each has the rule's name and its promise."""
    contract = read_promise(tmp_path, wide(3))
    names = [check.name for check in contract_checks(contract)]
    assert names == ["columns_conform", "within_tolerance", *(rule.name for rule in rules_of(contract))]


def test_many_rules_of_a_kind_are_one_check(tmp_path: Path) -> None:
    """No rule is left out; what blocks and what warns are apart; a rule of the same name keeps its own."""
    document = wide(GROUPED + 1)
    properties = document["schema"][0]["properties"]
    warning = {"metric": "nullValues", "mustBe": 0, "dimension": "completeness", "description": "There."}
    for number, column in enumerate(properties[1:]):
        column["quality"] = [{**warning, "name": f"warned {number}", "severity": "warning"}]
    properties[0]["quality"] = [{**warning, "name": "every type"}]
    contract = read_promise(tmp_path, document)
    groups = grouped(rules_of(contract))
    assert [rule for members in groups.values() for rule in members if rule.severity == "warning"] == groups[
        "every_null_values_warning"
    ]
    assert len(groups["every_type_"]) == GROUPED + 2
    assert [rule.name for rule in groups["every_type"]] == ["every_type"]
    assert sum(map(len, groups.values())) == len(rules_of(contract))
    checks = {check.name: check for check in contract_checks(contract)}
    assert checks["every_required"].blocking
    assert not checks["every_null_values_warning"].blocking
    assert len(checks) < 12


def test_a_check_of_many_rules_names_the_broken_ones(world: World) -> None:
    """The row goes to quarantine under its own rule's name; the check names that rule, and no other."""
    count = GROUPED + 1
    world.write("shop", wide(count, tolerance=60), sources='wide = source("wide.csv")')
    head = ",".join(["id", *(f"c{number}" for number in range(count))])
    good, bad = ",1" * count, ",x" + ",1" * (count - 1)
    world.land("shop", "wide.csv", f"{head}\n1{good}\n2{bad}\n")
    report = run()
    assert statuses(report) == {"shop.wide": "done"}
    shared = shared_resources()
    assert shared.lake.scan("shop.wide__quarantine").collect()["_rules"].to_list() == [["c0_type"]]
    found = {
        event.check_name: event
        for record in dagster_instance(shared).all_logs(report.run_ids[0])
        if (given := record.dagster_event) and given.event_type_value == "ASSET_CHECK_EVALUATION"
        for event in [given.asset_check_evaluation_data]
    }
    assert found["every_type"].description == f"1 of {count + 1} rules are broken: c0_type"
    assert found["every_type"].passed, "within the tolerance"
    assert found["every_required"].metadata["rules"].value == count + 1
    assert len(found) < 12
