"""Rules over what assets read: own inputs, ports under an agreement, circles, tables and partitions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from mesh_pipelines.declaring.node import ProductNode
from mesh_pipelines.governance.rules.inputs import circle_of
from mesh_pipelines.orchestration.check import check_mesh, examine_mesh
from tests.mesh_pipelines.governance.shop_domain import MODEL, ORDERS, PORT, PRODUCT, RAW, READS, shop
from tests.mesh_pipelines.loaded_domains import inputs
from tests.mesh_pipelines.small_domains import World, promise


@pytest.mark.parametrize(
    ("rule", "modules", "problem", "fix"),
    [
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


@pytest.mark.odd_input("declarations that cannot run", "held up")
def test_a_partition_is_made_of_partitions_of_its_own_kind(world: World) -> None:
    """A month of days would be made of nothing: the check says so."""
    product = """
        @data_product
        def total(daily: pl.LazyFrame) -> pl.LazyFrame:
            return daily.select("id", "value", month=pl.lit("2026-02"))
        """
    sources = 'daily = source("daily-{day}.csv")\n'
    columns = {"id": "integer", "value": "number"}
    daily = promise("mix", "daily", columns, partitions="2026-02-01")
    daily["customProperties"][-1]["value"]["every"] = "day"
    promised = promise("mix", "total", {**columns, "month": "string"}, partitions="2026-01")
    world.write("mix", daily, promised, sources=sources, products=product)
    [fault] = examine_mesh(world.root).violations
    assert fault.rule == "PartitionsAreOfOneKind"
    for word in ("products.py", ": total", "by month", "mix.daily", "by day", "take `partitions` away"):
        assert word in str(fault)


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


@pytest.mark.parametrize(
    ("reads", "circle"),
    [
        ({}, []),
        ({"a.one": []}, []),
        ({"a.one": ["a.two"], "a.two": []}, []),
        ({"a.one": ["b.nothing"]}, []),
        ({"a.one": ["a.two", "a.two"], "a.two": []}, []),
        ({"a.one": ["a.one"]}, ["a.one", "a.one"]),
        (
            {"a.one": ["a.two"], "a.two": ["a.three"], "a.three": ["a.one"]},
            ["a.one", "a.two", "a.three", "a.one"],
        ),
        ({"a.one": ["b.two"], "b.two": ["a.one"]}, ["a.one", "b.two", "a.one"]),
        ({"a.one": ["a.two"], "a.two": ["a.three"], "a.three": ["a.two"]}, ["a.two", "a.three", "a.two"]),
    ],
)
def test_a_circle_is_found_whole(reads: dict[str, list[str]], circle: list[str]) -> None:
    """Each is made of the next until the first comes again; what only leads into it is left out."""
    named = [(*key.split("."), made_of) for key, made_of in reads.items()]
    found = circle_of(ProductNode(domain, name, inputs(*made_of)) for domain, name, made_of in named)
    assert found[:1] == found[-1:]
    assert (len(found), set(found)) == (len(circle), set(circle))
    assert all(reader in reads and made_of in reads[reader] for reader, made_of in pairwise(found))
