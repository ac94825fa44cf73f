"""The federation's rules: each one refuses a domain that breaks it, lets one that keeps it pass, and names the fix."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mesh_pipelines.errors import DomainError
from mesh_pipelines.governance.agreements import agreement_refusal
from mesh_pipelines.governance.lint import DOMAIN_RULES, MESH_RULES, lint_domain
from mesh_pipelines.governance.load_mesh import load_mesh
from mesh_pipelines.orchestration.check import check_mesh
from mesh_pipelines.orchestration.location import domain
from quality.contract import Agreement
from tests.mesh_pipelines.small_domains import World, by_rule, promise, write_promise

ORDERS = {"id": "integer", "day": "date", "amount": "number", "fraud": "boolean"}
RAW = 'orders_raw = source("orders.csv")\n'
PRODUCT = """
@data_product
def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
    return orders_raw
"""
FEATURES = """
@feature_set(key=("id",), time="day")
def order_features(orders: pl.LazyFrame) -> pl.LazyFrame:
    return orders
"""
MODEL = """
fraud = model(features="order_features", target="fraud", objective="binary:logistic", metric="auc",
              rounds=5, baseline=("id",))
"""
FORECAST = """
@predictions(model="fraud")
def fraud_forecast(scores: pl.LazyFrame) -> pl.LazyFrame:
    return scores.select("id", "day", "amount", "fraud")
"""
CHECK = """
import dagster as dg

@dg.asset_check({about})
def dear() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)
"""
PORT = 'Annotated[pl.LazyFrame, Port("shop.orders", purpose="planning")]'
READS = f"""
@data_product
def sales(orders: {PORT}) -> pl.LazyFrame:
    return orders.select("id", "day", "amount", "fraud")
"""


def shop(world: World, *, agreements: dict[str, tuple[str, str]] | None = None, **modules: Any) -> str:
    """A sound domain, but for the modules given."""
    named = ("orders_raw", "orders", "fraud_forecast")
    promises = [promise("shop", n, ORDERS, agreements=agreements if n == "orders" else None) for n in named]
    sound: dict[str, Any] = {
        "sources": RAW,
        "products": PRODUCT,
        "features": FEATURES,
        "models": MODEL + FORECAST,
    }
    return world.write("shop", *promises, **{**sound, **modules})


def test_a_sound_domain_breaks_no_rule(world: World) -> None:
    """What the rules refuse below is refused for the one fault alone."""
    assert world.faults(shop(world)) == {}
    assert world.faults_between(shop(world)) == {}


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
        (
            "SourcesReadTheirOwnFolder",
            {"sources": RAW.replace("orders.csv", "../bank/orders.csv")},
            "the pattern '../bank/orders.csv' leaves the domain's own folder",
            "name files below the landing folder",
        ),
        (
            "OwnInputsExist",
            {"products": PRODUCT.replace("orders_raw", "order_raw")},
            "reads shop.order_raw, which this domain does not have",
            "name one of fraud",
        ),
        (
            "OtherDomainsAreReadThroughPorts",
            {
                "products": PRODUCT,
                "byhand": "import dagster as dg\n\n@dg.asset(deps=[dg.AssetKey(['weather', 'observations'])])\n"
                "def fraud_forecast() -> pl.LazyFrame:\n    return pl.LazyFrame()\n",
                "models": MODEL,
            },
            "reads weather.observations of another domain without a port",
            'Port("weather.observations", purpose="...")',
        ),
        (
            "OtherDomainsAreReadThroughPorts",
            {
                "products": PRODUCT.replace(
                    "orders_raw: pl.LazyFrame",
                    'orders_raw: Annotated[pl.LazyFrame, Port("shop.orders_raw", purpose="x")]',
                )
            },
            "reads its own shop.orders_raw through a port",
            "plain argument",
        ),
        (
            "HandwrittenChecksAreKept",
            {"checks": CHECK.format(about='asset=dg.AssetKey(["weather", "observations"])')},
            "is a check on weather.observations, which is no asset of this domain",
            "name one of fraud",
        ),
        (
            "HandwrittenChecksAreKept",
            {"checks": CHECK.format(about="asset='orders', partitions_def=dg.DailyPartitionsDefinition('2013-01-01')")},
            "is evaluated a partition at a time",
            "leave partitions_def out",
        ),
        (
            "HandwrittenChecksAreKept",
            {
                "checks": "import dagster as dg\n\n"
                "specs = [dg.AssetCheckSpec(a, asset=a) for a in ('orders', 'orders_raw')]\n\n"
                "@dg.multi_asset_check(specs=specs)\ndef both():\n    yield from ()\n"
            },
            "its function checks several assets",
            "write one @dg.asset_check an asset",
        ),
        (
            "HandwrittenChecksAreKept",
            {
                "products": "",
                "byhand": "import dagster as dg\n\n@dg.asset(check_specs=[dg.AssetCheckSpec('dear', asset='orders')])\n"
                "def orders():\n    return pl.LazyFrame()\n",
            },
            "reports checks of its own, which nobody would see: dear",
            "write each as a rule of its contract",
        ),
        (
            "ModelsAreTrainedOnOwnFeatures",
            {"models": MODEL.replace("order_features", "order_feature")},
            "trained on 'order_feature', which is no feature set",
            "@feature_set",
        ),
        (
            "ModelsAreTrainedOnOwnFeatures",
            {"models": MODEL + FORECAST.replace('"fraud"', '"frau"')},
            "scores of 'frau', which is no model",
            "declare `frau = model(...)`",
        ),
        ("ModelsAreSound", {"models": MODEL.replace('"auc"', '"aucc"')}, "aucc", ""),
        ("ModelsAreSound", {"models": MODEL.replace("rounds=5", "rounds=5, roundz=6")}, "roundz", "mend the model"),
        (
            "NamesAreKeys",
            {"features": FEATURES + FEATURES.replace("order_features", "Order_features")},
            "`Order_features` is no name of a features",
            "lower-case letters",
        ),
        (
            "NamesAreKeys",
            {"features": FEATURES + FEATURES.replace("order_features", "größe")},
            "`größe` is no name",
            "a to z",
        ),
        ("NamesAreKeys", {"products": PRODUCT + PRODUCT.replace("orders(", "orders__quarantine(")}, "", "single"),
        (
            "ChampionsKeepTheirNames",
            {"products": PRODUCT + PRODUCT.replace("orders(", "fraud_champion(")},
            "is the name of the champion of shop.fraud",
            "another name",
        ),
        (
            "NothingIsMadeOfItself",
            {"products": PRODUCT.replace("orders_raw", "sales") + READS.replace(PORT, "pl.LazyFrame")},
            "is made of itself: ",
            "take one of these inputs away",
        ),
    ],
)  # fmt: skip
def test_each_rule_refuses_what_breaks_it(
    world: World, rule: str, modules: dict[str, Any], problem: str, fix: str
) -> None:
    """One fault, one rule: the violation says what is wrong and what to write instead."""
    faults = world.faults(shop(world, **modules))
    assert any(problem in fault and fix in fault for fault in faults[rule]), faults


def test_a_name_of_two_words_is_one_with_a_single_underscore(world: World) -> None:
    """A domain's folder is held to the same, by its contract too."""
    package = world.write("My__shop", promise("My__shop", "orders", ORDERS))
    assert "`My__shop` is no name of a domain" in world.faults(package)["NamesAreKeys"][0]


def test_a_contract_of_another_domain_is_refused(world: World) -> None:
    """A contract that says another domain than its folder's would promise on behalf of somebody else."""
    package = world.write(
        "shop", promise("store", "orders", ORDERS), products=PRODUCT.replace("orders_raw: pl.LazyFrame", "")
    )
    [fault] = world.faults(package)["ContractNamesItsDomain"]
    assert "says 'store', but the folder is 'shop' -> write `domain: shop`" in fault


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


def test_a_product_ends_no_earlier_than_what_it_is_made_of(world: World) -> None:
    """Else what is published of the source after that would be left out of it without a word."""
    months = {**ORDERS, "month": "string"}

    def faults(end: str) -> dict[str, list[str]]:
        raw = promise("shop", "orders_raw", months, partitions="2013-01", until=end)
        orders = promise("shop", "orders", months, partitions="2013-01", until="2013-12")
        return world.faults(world.write("shop", raw, orders, sources=RAW, products=PRODUCT))

    [found] = faults("")["PartitionsReachAsFar"]
    assert "its partitions end with 2013-12, those of shop.orders_raw are 2013-01 and later" in found
    assert "write the same `until` in both contracts" in found
    assert "PartitionsReachAsFar" in faults("2014-01")
    assert "PartitionsReachAsFar" not in faults("2013-12")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("import nonsense_of_mine\n", "import nonsense"),
        ("def broken(:\n", "def broken"),
        ("a = 1 / 0\n", "a = 1"),
    ],
)
def test_a_domain_that_cannot_be_imported_leads_to_the_line(world: World, text: str, line: str) -> None:
    """Whatever Python raises: the last line of the domain's own that was on its way."""
    world.write("broken", products=text)
    [fault] = check_mesh(world.root)
    path, _, number = fault.where.partition(":")
    assert path == "domains/broken/products.py"
    assert (world.root / path).read_text().splitlines()[int(number) - 1].startswith(line)


def test_every_rule_is_shown_to_refuse() -> None:
    """A rule that is added to the federation is added to these tests."""
    source = Path(__file__).read_text(encoding="utf-8")
    source += (Path(__file__).parents[2] / "e2e/test_odd_definitions.py").read_text(encoding="utf-8")
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


def test_two_domains_of_one_name_are_refused(world: World) -> None:
    """Two folders of one name would show their assets under the same keys, the last one winning silently."""
    one, two = shop(world), world.write("shop", package="others")
    [fault] = world.faults_between(one, two)["KeysAreUnique"]
    assert "two entries have the domain 'shop'" in fault
    assert [v.rule for v in check_mesh(world.root)].count("KeysAreUnique") == 1


@pytest.mark.parametrize(
    ("port", "agreements", "problem"),
    [
        ("shop.orders", {"store": ("planning", "2999-01-01")}, None),
        (
            "shop.order",
            {"store": ("planning", "2999-01-01")},
            "no domain publishes -> did you mean shop.orders?",
        ),
        ("zzz.qqq", {}, "no domain publishes -> products are: shop.fraud_forecast, shop.orders"),
        ("shop.orders_raw", {}, "a source, and only products can be shared -> ask shop to publish it"),
        ("shop.order_features", {}, "a features, and only products can be shared"),
        ("shop.orders", {}, "there is no agreement with store -> ask shop for it: a role 'store'"),
        ("shop.orders", {"fleet": ("planning", "2999-01-01")}, "there is no agreement with store"),
        ("shop.orders", {"store": ("billing", "2999-01-01")}, "the agreement with store is for 'billing'"),
        ("shop.orders", {"store": ("planning", "2020-12-31")}, "the agreement ended on 2020-12-31"),
    ],
)
def test_a_port_leads_to_an_agreed_product(
    world: World, port: str, agreements: dict[str, tuple[str, str]], problem: str | None
) -> None:
    """The product exists, is a product, and its owner agreed to this reader, this purpose and this day."""
    one = shop(world, agreements=agreements)
    two = world.write("store", promise("store", "sales", ORDERS), products=READS.replace("shop.orders", port))
    assert world.faults(two) == {}
    faults = world.faults_between(one, two)
    if problem is None:
        assert faults == {}
    else:
        [fault] = faults["PortsLeadToProducts"]
        assert problem in fault


def test_a_circle_across_domains_is_refused(world: World) -> None:
    """Products may flow both ways, but the circle that would close is named, from end to end."""
    agreed = {"store": ("planning", "2999-01-01")}
    back = 'Annotated[pl.LazyFrame, Port("store.sales", purpose="pricing")]'
    one = shop(
        world,
        agreements=agreed,
        products=PRODUCT.replace("orders_raw: pl.LazyFrame", f"orders_raw: pl.LazyFrame, sales: {back}"),
    )
    promised = promise("store", "sales", ORDERS, agreements={"shop": ("pricing", "2999-01-01")})
    two = world.write("store", promised, products=READS)
    faults = world.faults_between(one, two)
    assert list(faults) == ["LineageHasNoCircle"]
    [fault] = faults["LineageHasNoCircle"]
    assert "store.sales -> shop.orders" in fault
    assert "shop.orders -> store.sales" in fault
    assert any(v.rule == "LineageHasNoCircle" for v in check_mesh(world.root))


def test_a_circle_within_a_domain_is_not_reported_twice(world: World) -> None:
    """The rule between domains leaves a domain's own circle to the domain's rule."""
    package = shop(world, products=PRODUCT.replace("orders_raw", "orders"))
    assert list(world.faults(package)) == ["NothingIsMadeOfItself"]
    assert world.faults_between(package) == {}
    assert [v.rule for v in check_mesh(world.root)] == ["NothingIsMadeOfItself"]


def test_an_agreement_holds_on_its_last_day() -> None:
    """``until`` is inclusive; without one an agreement has no end; any fitting one of several is enough."""
    last = date(2026, 5, 31)
    ends = Agreement("store", "planning", last)
    assert agreement_refusal([ends], "store", "planning", last) == ""
    assert "ended on 2026-05-31" in agreement_refusal([ends], "store", "planning", date(2026, 6, 1))
    forever = Agreement("store", "planning", None)
    assert agreement_refusal([ends, forever], "store", "planning", date(2999, 1, 1)) == ""
    assert "'billing', 'planning'" in agreement_refusal(
        [ends, Agreement("store", "billing", None)], "store", "fun", last
    )


def test_a_handwritten_asset_that_makes_several_tables_is_refused(world: World) -> None:
    """One function, one table: the audit could not tell the tables of a multi-asset apart."""
    package = shop(
        world,
        byhand="""
        import dagster as dg

        @dg.multi_asset(specs=[dg.AssetSpec("orders_a"), dg.AssetSpec("orders_b")])
        def both():
            yield from ()
        """,
    )
    faults = world.faults(package)
    assert "makes several tables" in faults["HandwrittenAssetsMakeOneTable"][0]


TABLES: dict[str, tuple[str, str, str]] = {
    "watermark and months": ('watermark="id", partition="city"', "2024-01", "leave the watermark out"),
    "unknown watermark": ('watermark="when"', "", "or promise it"),
    "watermark of text": ('watermark="city"', "", "leave the watermark out"),
    "ahead alone": ('ahead="1 day"', "", "name the watermark"),
    "ahead of a number": ('watermark="id", ahead="1 day"', "", "leave ahead= out"),
    "ahead of nothing": ('watermark="at", ahead="soon"', "", "5 minutes"),
    "overlap alone": ('overlap="5"', "", "name the watermark"),
    "months of nothing": ("", "2024-01", "partition="),
    "partition of nothing": ('partition="city"', "", "add `partitions`"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_cannot_be_read_so_is_refused(world: World, case: str) -> None:
    """Found when the domain loads, not by its first run, and without a database; a sound one passes."""
    arguments, partitions, fix = TABLES[case]
    columns = {"id": "integer", "city": "string", "at": "timestamp"}
    written = promise("shop", "orders_raw", columns, partitions=partitions)
    code = 'from mesh_pipelines import sql_source\n\norders_raw = sql_source("orders", database="shop", {})\n'
    package = world.write("shop", written, sources=code.format(arguments))
    [said] = world.faults(package)["TablesAreReadOneWay"]
    assert fix in said
    sound = promise("depot", "orders_raw", {"id": "integer", "city": "string"})
    assert world.faults(world.write("depot", sound, sources=code.format('watermark="id"'))) == {}
