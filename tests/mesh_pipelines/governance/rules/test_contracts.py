"""What contracts refer to in other contracts exists."""

from __future__ import annotations

from typing import Any

import pytest

from mesh_pipelines.orchestration.check import examine_mesh
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")


def told(world: World, *references: str) -> list[str]:
    """Violations of two sources of two domains, one of which refers to others."""
    related: dict[str, Any] = {
        "logicalType": "integer",
        "relationships": [{"type": "foreignKey", "to": to} for to in references],
    }
    world.write(
        "shop",
        promise("shop", "orders", {"id": related}),
        promise("shop", "goods", {"code": "integer"}),
        sources='orders = source("orders.csv")\ngoods = source("goods.csv")\n',
    )
    world.write(
        "bank", promise("bank", "accounts", {"number": "integer"}), sources='accounts = source("a.csv")\n'
    )
    return [str(found) for found in examine_mesh(world.root, definitions=False).violations]


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("good.code", "refers to shop.good.code, and nothing in the mesh is named shop.good"),
        ("goods.cod", "shop.goods has no column 'cod' [RelationsLeadToColumns]\n  -> did you mean code?"),
        ("bank.account.number", "nothing in the mesh is named bank.account"),
        ("bank.accounts.numbr", "did you mean number?"),
    ],
)
def test_a_relationship_to_nothing_is_refused(world: World, reference: str, words: str) -> None:
    """A reader who joins by it would find nothing; only the check says so, and no run is held up."""
    [found] = told(world, reference)
    assert words in found
    assert "orders.odcs.yaml: schema[0].properties[0].relationships[0].to" in found
    assert set(world.sound_names()) == {"bank", "shop"}


def test_relationships_that_lead_to_columns_are_sound(world: World) -> None:
    """In the same domain, in another one, and in the product itself."""
    assert told(world, "goods.code", "bank.accounts.number", "orders.id", "shop.goods.code") == []


def test_a_contract_that_is_there_twice_is_one_violation(world: World) -> None:
    """A copied file has the other's id too, which the same mend puts right."""
    world.write(
        "shop", promise("shop", "orders", {"id": "integer"}), sources='orders = source("orders.csv")\n'
    )
    file = world.root / "domains/shop/contracts/orders.odcs.yaml"
    (file.parent / "orders_copy.odcs.yaml").write_text(file.read_text())
    [found] = [str(one) for one in examine_mesh(world.root).violations]
    assert (
        "orders_copy.odcs.yaml: schema[0].name: is the second contract of 'orders', after orders.odcs.yaml"
        in found
    )
