"""Rows in quarantine: counted by `mesh run` and `mesh status`, shown by `mesh show KEY --refused`."""

from __future__ import annotations

import io
import json

import pytest
from typer.testing import CliRunner

from mesh_pipelines.commands import cli
from mesh_pipelines.errors import SelectionError
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.reporting import terminal
from mesh_pipelines.reporting.refused_rows import SHOWN, describe_refused
from mesh_pipelines.reporting.reports import Card
from mesh_pipelines.reporting.status import read_state
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")
AMOUNT = {"logicalType": "number", "logicalTypeOptions": {"minimum": 0}}
CLASSIFIED = {"logicalType": "string", "classification": "restricted"}
MADE = """
@data_product
def {name}({source}: pl.LazyFrame) -> pl.LazyFrame:
    return {source}
"""


def rows_of(card: Card) -> list[tuple[str, ...]]:
    """Its rows, with all their values in one line."""
    return [tuple(cell.replace("\n", " ") for cell in row) for table in card.tables for row in table.rows]


def write_shop(world: World) -> None:
    """A source of public columns, and one with a name of people, each with a product."""
    public, people = {"id": "integer", "amount": AMOUNT}, {"id": "integer", "who": CLASSIFIED}
    world.write(
        "shop",
        promise("shop", "orders_raw", public, tolerance=90),
        promise("shop", "orders", public),
        promise("shop", "people_raw", {**people, "amount": "number"}, tolerance=90),
        promise("shop", "people", {**people, "amount": AMOUNT}, tolerance=90),
        sources='orders_raw = source("orders.csv")\npeople_raw = source("people.csv")\n',
        products=MADE.format(name="orders", source="orders_raw")
        + MADE.format(name="people", source="people_raw"),
        features="""
        @feature_set(key=("id",), time="id")
        def order_features(orders: pl.LazyFrame) -> pl.LazyFrame:
            return orders
        """,
    )
    bad = "".join(f"{number},odd{number}\n" for number in range(2, 27))
    world.land("shop", "orders.csv", f"id,amount\n1,1\n{bad}30,3\n31,4\n32,5\n33,6\n")
    world.land("shop", "people.csv", "id,who,amount\n1,Ada Canary,1\n2,3.5,Bea Canary\n3,Cem Canary,-4\n")


@pytest.mark.odd_input("messages carry data", "leaked")
def test_refused_rows_are_named_and_shown(world: World) -> None:
    """How many by the run and the state; which, of which rule and file, by the card; values of public columns alone."""
    write_shop(world)
    report = {step.key: step for step in runs.run(["shop.orders", "shop.people"]).steps}
    assert {step.status for step in report.values()} == {"done"}
    assert report["shop.orders_raw"].message == "25 rows refused: mesh show shop.orders_raw --refused"
    assert report["shop.people"].message == "1 row refused: mesh show shop.people --refused"
    assert report["shop.orders"].message == ""
    state = read_state(["shop.orders", "shop.people"])
    assert [(source.key, source.quarantined) for source in state.sources] == [
        ("shop.orders_raw", 25),
        ("shop.people_raw", 1),
    ]
    assert state.to_json()["sources"][0] == {"key": "shop.orders_raw", "quarantined": 25}
    shown = io.StringIO()
    terminal.show(terminal.state(state), file=shown)
    assert "mesh show shop.people_raw --refused" in shown.getvalue()

    orders = describe_refused("shop.orders_raw")
    assert orders.sections[0].by_label()["rows"] == "25 in quarantine, of which the first 20 are shown"
    assert len(rows_of(orders)) == SHOWN
    assert rows_of(orders)[0] == ("amount_type", "orders.csv", "2", "id: 2 amount: odd2")
    shifted = describe_refused("shop.people_raw")
    assert rows_of(shifted) == [
        ("amount_type", "people.csv", "2", "id: (classified) who: (classified) amount: (classified)")
    ]
    assert "a shifted line" in shifted.sections[0].by_label()["values"]
    assert rows_of(describe_refused("shop.people")) == [
        ("amount_minimum", "people.csv", "3", "id: 3 who: (classified) amount: -4.0")
    ]
    assert "Canary" not in str((shifted, describe_refused("shop.people")))
    assert describe_refused("shop.orders").sections[0].fields == [("rows", "none is in quarantine")]


def test_what_has_no_contract_refuses_no_rows(world: World) -> None:
    """A feature set is answered with what does; a version is none that is taken."""
    write_shop(world)
    with pytest.raises(SelectionError, match=r"shop\.order_features has no contract"):
        describe_refused("shop.order_features")
    line = ["show", "shop.orders_raw", "--refused", "--json"]
    found = json.loads(CliRunner().invoke(cli.app, line).stdout)
    assert found["sections"] == {"Refused": {"rows": "none is in quarantine"}}
    taken = CliRunner().invoke(cli.app, ["show", "shop.orders_raw@1", "--refused"])
    assert (taken.exit_code, "shop.orders_raw --refused" in " ".join(taken.stderr.split())) == (2, True)
