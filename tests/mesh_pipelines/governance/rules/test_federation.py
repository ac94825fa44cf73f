"""All domains together: the plan of each function, and keys of which nothing is known."""

from __future__ import annotations

import pytest

from mesh_pipelines.declaring.node import FeatureSetNode, ProductNode
from mesh_pipelines.governance.rules.federation import Federation
from mesh_pipelines.orchestration.check import check_mesh
from tests.mesh_pipelines.governance.shop_domain import ORDERS, PRODUCT, READS, shop
from tests.mesh_pipelines.loaded_domains import inputs, loaded_domain
from tests.mesh_pipelines.small_domains import World, promise


@pytest.mark.parametrize(
    ("products", "typo", "rule"),
    [(PRODUCT, "stauts:", "ContractIsValid"), ("import nonsense_of_mine\n", "status:", "DomainLoads")],
)
def test_what_is_not_known_of_a_broken_domain_is_not_held_against_others(
    world: World, products: str, typo: str, rule: str
) -> None:
    """A contract with a typo, or code that does not import, is one fault: its readers are not told to mend theirs."""
    shop(world, agreements={"store": ("planning", "2999-01-01")}, products=products)
    world.write("store", promise("store", "sales", ORDERS), products=READS)
    contract = world.root / "domains/shop/contracts/orders.odcs.yaml"
    contract.write_text(contract.read_text().replace("status:", typo))
    assert {v.rule for v in check_mesh(world.root)} == {rule}


@pytest.mark.parametrize(
    ("key", "unknown"),
    [
        ("bank", True),
        ("bank.accounts", True),
        ("bank.accounts.owner", True),
        ("shop.returns", True),
        ("shop.returns.id", True),
        ("shop.orders", False),
        ("shop.nothing", False),
        ("shop", False),
        ("nobody.returns", False),
        ("", False),
    ],
)
def test_keys_of_absent_domains_and_unsound_contracts_are_unknown(key: str, unknown: bool) -> None:
    """Whatever is named of a domain that did not load; of one that did, the names of its broken contracts."""
    shop = loaded_domain(ProductNode("shop", "orders"), unsound=frozenset({"returns"}))
    assert Federation((shop,), absent=frozenset({"bank"})).is_unknown(key) is unknown


def test_assets_and_owners_are_found_by_key_and_name() -> None:
    """Of all domains; an empty federation has none."""
    orders, wear = ProductNode("shop", "orders"), FeatureSetNode("plant", "wear")
    shop, plant = loaded_domain(orders), loaded_domain(wear, name="plant")
    federation = Federation((shop, plant))
    assert federation.nodes == {"shop.orders": orders, "plant.wear": wear}
    assert federation.owners == {"shop": shop, "plant": plant}
    assert (Federation(()).nodes, Federation(()).owners, Federation(()).plans) == ({}, {}, {})


def test_nothing_is_planned_in_a_circle() -> None:
    """Its rule names the circle; inputs that nobody has are no circle."""
    one = ProductNode("shop", "one", inputs("shop.two"))
    two = ProductNode("shop", "two", inputs("shop.one", "bank.accounts"))
    assert Federation((loaded_domain(one, two),)).plans == {}
