"""Rules over contracts: each refuses what breaks it, and names file, field and fix."""

from __future__ import annotations

from typing import Any

import pytest

from mesh_pipelines.governance.lint import lint_domain
from mesh_pipelines.orchestration.check import check_mesh, examine_mesh
from tests.mesh_pipelines.governance.shop_domain import FEATURES, ORDERS, PORT, PRODUCT, RAW, READS, shop
from tests.mesh_pipelines.small_domains import World, promise, write_promise


@pytest.mark.parametrize(
    ("rule", "modules", "problem", "fix"),
    [
        (
            "EveryProductHasAContract",
            {"products": PRODUCT + PRODUCT.replace("def orders(", "def returns(")},
            "this product has no contract",
            "write domains/shop/contracts/returns.odcs.yaml",
        ),
        (
            "EveryProductHasAContract",
            {"sources": RAW + 'returns_raw = source("r.csv")\n'},
            "this source has no contract",
            "contracts/returns_raw.odcs.yaml",
        ),
        (
            "EveryProductHasAContract",
            {"byhand": "import dagster as dg\n\n@dg.asset\ndef byhand() -> pl.LazyFrame:\n    return pl.LazyFrame()\n"},
            "this product has no contract",
            "contracts/byhand.odcs.yaml",
        ),
    ],
)  # fmt: skip
def test_each_rule_refuses_what_breaks_it(
    world: World, rule: str, modules: dict[str, Any], problem: str, fix: str
) -> None:
    """One fault, one rule: the violation says what is wrong and what to write instead."""
    faults = world.faults(shop(world, **modules))
    assert any(problem in fault and fix in fault for fault in faults[rule]), faults


def test_a_contract_of_another_domain_is_refused(world: World) -> None:
    """A contract that says another domain than its folder's would promise on behalf of somebody else."""
    package = world.write(
        "shop", promise("store", "orders", ORDERS), products=PRODUCT.replace("orders_raw: pl.LazyFrame", "")
    )
    [fault] = world.faults(package)["ContractNamesItsDomain"]
    assert "says 'store', but the folder is 'shop' -> write `domain: shop`" in fault


def test_a_contract_that_nothing_keeps_is_refused(world: World) -> None:
    """A file left behind, or a second one for the same asset, promises what no asset is held to."""
    package = shop(world)
    folder = world.root / "domains/shop/contracts"
    write_promise(folder, promise("shop", "returns", ORDERS))
    (folder / "orders_again.odcs.yaml").write_text((folder / "orders.odcs.yaml").read_text())
    again, left = [v for v in lint_domain(world.load(package)) if v.rule == "ContractsAreKept"]
    assert again.where == "domains/shop/contracts/orders_again.odcs.yaml: schema[0].name"
    assert "the second contract of 'orders', after orders.odcs.yaml" in again.problem
    assert left.where == "domains/shop/contracts/returns.odcs.yaml: schema[0].name"
    assert "is named 'returns'" in left.problem
    assert "take the file away" in left.fix


@pytest.mark.parametrize(("text", "problem"), [(None, "the file is missing"), (" \n", "is empty")])
def test_a_domain_without_readme_is_refused(world: World, text: str | None, problem: str) -> None:
    """Grain, units and caveats stand nowhere else."""
    package = shop(world)
    readme = world.root / "domains/shop/README.md"
    readme.unlink()
    if text is not None:
        readme.write_text(text)
    [fault] = lint_domain(world.load(package))
    assert (fault.rule, fault.where, fault.problem) == (
        "DomainsAreDescribed",
        "domains/shop/README.md",
        problem,
    )
    assert "grain" in fault.fix


def test_two_contracts_of_one_id_are_refused(world: World) -> None:
    """Within a domain or between two: the second file is named, and the first beside it."""
    copied = promise("store", "sales", ORDERS, id="shop-orders")
    one, two = shop(world), world.write("store", copied, products=READS)
    [fault] = world.faults_between(one, two)["ContractIdsAreUnique"]
    assert "has the id 'shop-orders', as domains/shop/contracts/orders.odcs.yaml has" in fault
    assert "`id: store-sales`" in fault
    raw, orders = (
        promise("shop", "orders_raw", ORDERS),
        promise("shop", "orders", ORDERS, id="shop-orders_raw"),
    )
    world.write("shop", raw, orders, sources=RAW, products=PRODUCT)
    [found] = [v for v in check_mesh(world.root) if v.rule == "ContractIdsAreUnique"]
    assert found.where == "domains/shop/contracts/orders_raw.odcs.yaml: id"


@pytest.mark.parametrize(
    ("made_of", "problem", "fix"),
    [
        ("shop.orders_raw.day", "", ""),
        ("shop.order_features.anything", "", ""),
        ("store.sales.amount", "", ""),
        ("shop.orders_raw.days", "shop.orders_raw has no column 'days'", "did you mean day?"),
        ("shop.orders_raw.zzz", "has no column 'zzz'", "its columns are: id, day, amount, fraud"),
        ("store.sales.amuont", "store.sales has no column 'amuont'", "did you mean amount?"),
        ("shop.order_raw.day", "nothing in the mesh is named shop.order_raw", "did you mean shop.orders_raw?"),
        ("zzz.qqq.day", "nothing in the mesh is named zzz.qqq", "write `domain.asset.column`"),
        ("day", "nothing in the mesh is named day", "write `domain.asset.column`"),
        ("shop.orders_raw", "and not of which column", "write `shop.orders_raw.column`"),
    ],
)  # fmt: skip
def test_a_column_is_made_of_what_is_there(world: World, made_of: str, problem: str, fix: str) -> None:
    """A column's origin names an asset of the mesh and a column that it promises; the place is that entry's."""
    made = {
        **ORDERS,
        "amount": {"logicalType": "number", "transformSourceObjects": ["shop.orders_raw.id", made_of]},
    }
    raw = {**ORDERS, "amount": {"logicalType": "number", "transformSourceObjects": ["whatever lands"]}}
    promises = [promise("shop", "orders", made), promise("shop", "orders_raw", raw)]
    world.write("shop", *promises, sources=RAW, products=PRODUCT, features=FEATURES)
    world.write("store", promise("store", "sales", ORDERS), products=READS.replace(f"orders: {PORT}", ""))
    found = [v for v in check_mesh(world.root) if v.rule == "ColumnsAreMadeOfColumns"]
    assert len(found) == bool(problem)
    for violation in found:
        file = "domains/shop/contracts/orders.odcs.yaml"
        assert violation.where == f"{file}: schema[0].properties[2].transformSourceObjects[1]"
        assert problem in violation.problem
        assert fix in violation.fix


def violations(world: World, *references: str) -> list[str]:
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


@pytest.mark.odd_input("declarations that cannot run", "held up")
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
    [found] = violations(world, reference)
    assert words in found
    assert "orders.odcs.yaml: schema[0].properties[0].relationships[0].to" in found
    assert set(world.sound_names()) == {"bank", "shop"}


@pytest.mark.odd_input("declarations that cannot run", "held up")
def test_relationships_that_lead_to_columns_are_sound(world: World) -> None:
    """In the same domain, in another one, and in the product itself."""
    assert violations(world, "goods.code", "bank.accounts.number", "orders.id", "shop.goods.code") == []


@pytest.mark.odd_input("declarations that cannot run", "held up")
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
