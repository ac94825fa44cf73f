"""One asset's card: what people ask of a product or a model, of its newest version or a past one."""

from __future__ import annotations

import pytest

from mesh_pipelines.errors import NotPublished, SelectionError
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.reporting.card import describe
from tests.mesh_pipelines.conftest import Machines
from tests.mesh_pipelines.reporting.card_text import text_of
from tests.mesh_pipelines.small_domains import World, promise
from tests.mesh_pipelines.three_domains import write_three_domains

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")
ROWS = {"id": "integer", "amount": {"logicalType": "number", "logicalTypeOptions": {"minimum": 0}}}


@pytest.mark.slow
def test_a_card_says_what_people_ask(machines: Machines) -> None:
    """Of a product its promise, columns, owner and last audit; of a model its metrics, inputs and gate."""
    with machines.inside():
        product = text_of(describe("machines.readings"))
        for words in (
            "one row per machine and day",
            "temperature",
            "machines@example.com",
            "1,080",
            "passed",
        ):
            assert words in product
        model = text_of(describe("machines.repair"))
        for words in ("champion", "machines.repair_features", "auc", "logloss"):
            assert words in model
        assert text_of(describe("machines.repair", version=1)).startswith("machines.repair@1")
        with pytest.raises(NotPublished):
            describe("machines.repair", version=7)


def test_past_versions_are_shown_as_they_were(world: World) -> None:
    """Rows, refused rows and audit are those of that version, whatever was corrected since."""
    world.write(
        "shop",
        promise("shop", "orders_raw", ROWS, tolerance=50),
        sources='orders_raw = source("orders.csv")',
    )
    for text in ("id,amount\n1,1\n2,2\n3,nonsense\n", "id,amount\n1,1\n2,2\n3,3\n4,odd\n5,odder\n"):
        world.land("shop", "orders.csv", text)
        assert runs.run().ok
    world.land("shop", "orders.csv", "id,amount\n1,1\n2,2\n3,3\n4,4\n")
    assert runs.run().ok
    shown = [describe("shop.orders_raw", version).to_json()["sections"] for version in (0, 1, 2)]
    assert [s["Published"]["rows"] for s in shown] == ["2", "3", "4"]
    assert [s["Published"].get("quarantined") for s in shown] == ["1", "2", "0"]
    assert [s["Last audit"]["rows refused"] for s in shown] == ["1", "2", "0"]
    assert describe("shop.orders_raw").to_json()["sections"]["Published"] == shown[2]["Published"]


def test_a_key_or_version_that_is_not_there_is_answered(world: World) -> None:
    """An unknown key with the nearest one, a version that was never published as such."""
    world.write("shop", promise("shop", "orders_raw", ROWS), sources='orders_raw = source("orders.csv")')
    with pytest.raises(SelectionError, match=r"did you mean shop\.orders_raw"):
        describe("shop.order_raw")
    with pytest.raises(NotPublished):
        describe("shop.orders_raw", version=3)


def test_a_card_of_nothing_published_has_its_promise_and_the_next_step(world: World) -> None:
    """Owner, promise, columns and readers are declared; nothing was audited yet."""
    write_three_domains(world)
    card = describe("shop.orders")
    sections = {section.heading: dict(section.fields) for section in card.sections}
    assert list(sections) == ["Promise", "Owner", "Published"]
    assert sections["Promise"]["key"] == "id"
    assert sections["Owner"]["team"] == "a team"
    assert sections["Published"] == {"version": "none yet", "next": "mesh run shop.orders"}
    tables = {table.heading: table.rows for table in card.tables}
    assert tables["Columns"][1] == ("month", "string", "public", "The month.")
    assert tables["Read by"] == [("store.sales", "planning")]
    assert {table.heading: table.rows for table in describe("store.sales").tables}["Read by"] == [
        ("store.most", "own domain")
    ]
    assert "Read by" not in {table.heading for table in describe("store.most").tables}
