"""``mesh check`` names each rule of a contract that cannot run; a run that meets one says to mend the rule."""

from __future__ import annotations

from typing import Any

import pytest

from mesh_pipelines.landing.landed import NOTHING_OF_IT
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.orchestration.check import examine_mesh
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")
COLUMNS = {"id": "integer", "name": {"logicalType": "string", "classification": "restricted"}}
TYPO = {"name": "few", "type": "sql", "query": "SELECT max(nmae) FROM ${table}", "mustBe": "a"}
UNSURE = {"name": "sum", "type": "sql", "query": "SELECT sum(name::INT) FROM ${table}", "mustBe": 7}


def write(world: World, *rules: dict[str, Any]) -> None:
    """Two domains of one source each; the first has further rules, the second is its neighbour."""
    contract = promise("shop", "orders", COLUMNS)
    contract["schema"][0]["quality"] += rules
    world.write("shop", contract, sources='orders = source("orders.csv")\n')
    world.write(
        "store", promise("store", "sales", {"id": "integer"}), sources='sales = source("sales.csv")\n'
    )
    world.land("shop", "orders.csv", "id,name\n1,secret-a\n2,secret-b\n")
    world.land("store", "sales.csv", "id\n1\n")


def test_a_rule_that_cannot_run_is_named_with_contract_place_and_fix(world: World) -> None:
    """Once, and the contract of the neighbour is sound."""
    write(world, TYPO)
    [found] = examine_mesh(world.root).violations
    assert str(found) == (
        "domains/shop/contracts/orders.odcs.yaml: schema[0].quality[1]: rule few: DuckDB refuses its query: Binder "
        'Error: Referenced column "nmae" not found in FROM clause! [RulesCanRun]\n  -> did you mean `name`?'
    )


def test_a_rule_that_may_work_on_other_rows_is_a_note(world: World) -> None:
    """No violation: only the rows could tell."""
    write(world, UNSURE)
    checked = examine_mesh(world.root)
    assert checked.violations == ()
    [note] = checked.notes
    assert "rule sum may fail: DuckDB refuses its query: Conversion Error" in note


@pytest.mark.odd_input("declarations that cannot run", "held up", "leaked")
def test_a_run_that_meets_such_a_rule_says_to_mend_the_rule(world: World) -> None:
    """Not to land other data, which would not help; no value is shown, and the neighbour is published."""
    write(world, TYPO, UNSURE)
    steps = {step.key: step for step in runs.run().steps}
    assert steps["store.sales"].status == "done"
    assert steps["shop.orders"].status == "failed"
    message = steps["shop.orders"].message
    assert f"a rule of its contract cannot be computed, so {NOTHING_OF_IT}" in message
    assert "mend the rules few, sum in contracts/orders.odcs.yaml: `mesh check` tries" in message
    assert "land corrected data" not in message
    assert "secret" not in message
