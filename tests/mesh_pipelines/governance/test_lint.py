"""The linter: all faults of a domain, and of the mesh, in one list, each with its place and fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mesh_pipelines.errors import DomainError
from mesh_pipelines.governance.lint import DOMAIN_RULES, MESH_RULES, lint_domain
from mesh_pipelines.governance.load_mesh import load_mesh
from mesh_pipelines.orchestration.check import check_mesh
from mesh_pipelines.orchestration.location import domain
from tests.mesh_pipelines.governance.shop_domain import (
    FORECAST,
    MODEL,
    ORDERS,
    PORT,
    PRODUCT,
    RAW,
    READS,
    shop,
)
from tests.mesh_pipelines.small_domains import World, by_rule, promise


def test_a_sound_domain_breaks_no_rule(world: World) -> None:
    """What the tests of the rules refuse is refused for the one fault alone."""
    assert world.faults(shop(world)) == {}
    assert world.faults_between(shop(world)) == {}


@pytest.mark.parametrize(
    ("name", "modules", "file", "line"),
    [
        ("orders", {"products": PRODUCT.replace("orders_raw", "order_raw")}, "products.py", "@data_product"),
        ("fraud", {"models": MODEL.replace("order_features", "nothing") + FORECAST}, "models.py", "fraud = model("),
        ("returns_raw", {"sources": RAW + 'returns_raw = source("r.csv")\n'}, "sources.py", "returns_raw = "),
        (
            "byhand",
            {"byhand": "import dagster as dg\n\n@dg.asset\ndef byhand() -> pl.LazyFrame:\n    return pl.LazyFrame()\n"},
            "byhand.py",
            "@dg.asset",
        ),
    ],
)  # fmt: skip
def test_a_violation_leads_to_the_line(
    world: World, name: str, modules: dict[str, Any], file: str, line: str
) -> None:
    """It names the file and the line at which what is wrong was declared."""
    [fault] = lint_domain(world.load(shop(world, **modules)))
    place, _, of = fault.where.partition(": ")
    path, _, number = place.partition(":")
    assert (path, of) == (f"domains/shop/{file}", name)
    assert (world.root / path).read_text().splitlines()[int(number) - 1].startswith(line)


def test_every_rule_is_shown_to_refuse() -> None:
    """A rule that is added to the federation is added to the tests of the rules."""
    source = "".join(
        file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("rules/test_*.py")
    )
    for rule in (*DOMAIN_RULES, *MESH_RULES):
        name = type(rule).__name__
        assert source.count(f'"{name}"') >= 1, f"{name} is not held against a failing domain"
        assert type(rule).__doc__


OWN = """
from mesh_pipelines import LoadedDomain, Rule, Violation
from mesh_pipelines.declaring.node import ProductNode
from mesh_pipelines.governance.rules.contracts import DomainsAreDescribed


class _OfProducts(Rule[LoadedDomain]):
    def check(self, domain):
        yield from (self.violation(n.place, *self.fault) for n in domain.nodes.values() if isinstance(n, ProductNode))


class ProductsHaveATwin(_OfProducts):
    fault = ("has no twin", "write one")
"""


def test_a_rule_of_a_domain_judges_that_domain_alone(world: World) -> None:
    """Another domain of the same process breaks it, and is not held to it; nor is what the module imports a rule."""
    package = shop(world, rules=OWN)
    other = world.write(
        "store",
        promise("store", "sales", ORDERS),
        products=READS.replace(f"orders: {PORT}", "").replace(
            "orders.select", "pl.LazyFrame(schema=SALES).select"
        )
        + "SALES = {'id': pl.Int64, 'day': pl.Date, 'amount': pl.Float64, 'fraud': pl.Boolean}\n",
    )
    loaded, store = world.load(package), world.load(other)
    assert [type(rule).__name__ for rule in loaded.rules] == ["ProductsHaveATwin"]
    assert by_rule(lint_domain(loaded)) == {"ProductsHaveATwin": ["has no twin -> write one"]}
    assert store.rules == ()
    assert lint_domain(store) == ()
    [found] = check_mesh(world.root)
    assert (found.rule, found.where) == ("ProductsHaveATwin", loaded.nodes["orders"].place)
    with pytest.raises(DomainError, match="has no twin"):
        domain(package)


def test_a_rule_of_a_domain_that_fails_is_a_violation(world: World) -> None:
    """It takes neither the domain's other faults nor those of other domains from the list."""
    package = shop(
        world, rules=OWN.replace("fault =", "mistake ="), models=MODEL.replace('"auc"', '"aucc"') + FORECAST
    )
    assert set(world.faults(package)) == {"ModelsAreSound", "ProductsHaveATwin"}
    [fault] = [v for v in check_mesh(world.root) if v.rule == "ProductsHaveATwin"]
    assert fault.where == "domains/shop/rules.py: ProductsHaveATwin"
    assert (
        "the rule itself fails: AttributeError: 'ProductsHaveATwin' object has no attribute" in fault.problem
    )


def test_all_faults_of_a_domain_come_in_one_error(world: World) -> None:
    """domain() raises once, with every violation and each one's fix."""
    package = shop(
        world,
        products=PRODUCT.replace("orders_raw", "order_raw") + PRODUCT.replace("def orders(", "def returns("),
        models=MODEL.replace("order_features", "nothing") + FORECAST,
    )
    (world.root / "domains/shop/domain.yaml").write_text("owner: me\n")
    with pytest.raises(DomainError) as raised:
        domain(package)
    rules = {v.rule for v in raised.value.violations}
    assert rules == {
        "DomainHasAProfile", "EveryProductHasAContract", "OwnInputsExist", "ModelsAreTrainedOnOwnFeatures",
    }  # fmt: skip
    assert all(str(v) in str(raised.value) for v in raised.value.violations)
    assert str(raised.value).count("\n  -> ") == len(raised.value.violations)


def test_all_faults_of_the_mesh_come_in_one_list(world: World) -> None:
    """``mesh check`` lists the faults of every domain and between them, also where one cannot be imported."""
    shop(world, models=MODEL.replace("order_features", "nothing") + FORECAST)
    world.write("store", promise("store", "sales", ORDERS), products=READS)
    world.write("broken", products="import nonsense_of_mine\n")
    rules = [v.rule for v in check_mesh(world.root)]
    assert sorted(set(rules)) == ["DomainLoads", "ModelsAreTrainedOnOwnFeatures", "PortsLeadToProducts"]
    assert len(rules) == len(set(check_mesh(world.root)))
    with pytest.raises(DomainError, match="nonsense_of_mine"):
        load_mesh(world.root)


def test_a_location_that_dagster_refuses_is_in_the_same_list(world: World) -> None:
    """Each domain that is sound by itself is built, whatever is wrong with another; one that is not is not built."""
    nightly = """
    import dagster as dg

    nightly, weekly = (dg.ScheduleDefinition("dear", cron_schedule=c, target="*") for c in ("0 3 * * *", "0 3 * * 0"))
    """
    shop(world, checks=nightly)
    world.write(
        "store", promise("store", "sales", ORDERS), products=READS.replace("sales", "sale"), jobs=nightly
    )
    found = {v.rule: v for v in check_mesh(world.root)}
    refused = found.pop("CodeLocationLoads")
    assert refused.where == "domains/shop"
    assert "Dagster refuses its definitions" in refused.problem
    assert set(found) == {"EveryProductHasAContract", "ContractsAreKept", "PortsLeadToProducts"}
    assert "CodeLocationLoads" not in {v.rule for v in check_mesh(world.root, definitions=False)}


def test_every_place_is_named_from_the_workspace_on(world: World) -> None:
    """Whatever is wrong, and wherever: no path begins at the root of the machine, and each leads to what is there."""
    shop(world, models=MODEL.replace("order_features", "nothing") + FORECAST)
    contract = world.root / "domains/shop/contracts/orders.odcs.yaml"
    contract.write_text(contract.read_text().replace("status:", "stauts:"))
    (world.root / "domains/shop/domain.yaml").write_text("owner: me\n")
    world.write("store", promise("store", "sales", ORDERS), products=READS)
    world.write("shop", promise("shop", "orders", ORDERS), package="others", products=PRODUCT)
    world.write("lost", products="from domains.shop.products import nothing_of_it\n")
    world.write("broken", promise("broken", "orders", ORDERS))
    (world.root / "domains/broken/contracts/orders.odcs.yaml").write_text("schema: [")
    found = check_mesh(world.root)
    assert {v.rule for v in found} >= {
        "ContractIsValid", "DomainHasAProfile", "DomainLoads", "KeysAreUnique", "ModelsAreTrainedOnOwnFeatures",
        "OwnInputsExist",
    }  # fmt: skip
    for violation in found:
        assert str(world.root) not in str(violation)
        place = violation.where.partition(":")[0]
        assert (world.root / place).exists(), violation
