"""What failed for its content is tried once, whoever tried it; what got no answer is tried again; by ticks and runs.

The domain's functions write down each call, so that a test counts what a costly rule or function would cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.orchestration import tick as orchestration_tick
from mesh_pipelines.planning import attempts
from mesh_pipelines.runtime import instance as instances
from mesh_pipelines.runtime.instance import dagster_instance
from mesh_pipelines.shared import shared_resources
from mesh_pipelines.testing import workspace
from resources.settings import get_settings
from tests.e2e.ticks import execute, follow, tick
from tests.mesh_pipelines.small_domains import World, promise

pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning"),
    pytest.mark.odd_input("neighbours", "lost", "held up"),
]
COUNTED = '''
from pathlib import Path

def count(name, rows):
    """Write down a call, and raise what the file beside this module says."""
    with Path(__file__).with_name("calls").open("a") as calls:
        calls.write(name + "\\n")
    words = Path(__file__).with_name(f"{name}.fails")
    if words.exists():
        kind = {"content": ValueError, "no answer": ConnectionRefusedError}[words.read_text()]
        raise kind("it is so")
    return rows
'''


class Shop:
    """shop.orders is made of shop.orders_raw, by month or whole; store.sales of shop.orders, store.own of nothing.

    Args:
        world: the workspace.
        months: true for a source and product by month.
    """

    def __init__(self, world: World, *, months: bool) -> None:
        self.world, self.months = world, months
        cut: dict[str, Any] = {"partitions": "2013-01"} if months else {}
        pattern = "orders-{month}.csv" if months else "orders-*.csv"
        world.write(
            "shop",
            promise("shop", "orders_raw", {"id": "integer"}, **cut),
            promise(
                "shop",
                "orders",
                {"id": "integer", "month": "string"},
                agreements={"store": ("planning", "2999-01-01")},
                **cut,
            ),
            sources=f'orders_raw = source("{pattern}")',
            products=COUNTED
            + """
@data_product
def orders(orders_raw: pl.LazyFrame) -> pl.LazyFrame:
    made = orders_raw.select("id", pl.col("_file").str.slice(7, 7).alias("month"), "_file", "_row")
    return count("orders", made) if made.collect().height else made
""",
        )
        world.write(
            "store",
            promise("store", "sales", {"id": "integer"}),
            promise("store", "own", {"id": "integer"}),
            products=COUNTED
            + """
@data_product
def sales(orders: Annotated[pl.LazyFrame, Port("shop.orders", purpose="planning")]) -> pl.LazyFrame:
    return count("sales", orders.select("id")) if orders.collect().height else orders.select("id")

@data_product
def own() -> pl.LazyFrame:
    return pl.LazyFrame({"id": [1]})
""",
        )
        self.land("2013-01", 1)
        self.land("2013-02", 2)
        self.land("2013-04", 4)

    def land(self, month: str, number: object) -> None:
        """Let a month land."""
        self.world.land("shop", f"orders-{month}.csv", f"id\n{number}\n")

    def beside(self, domain: str, name: str) -> Path:
        """A file beside a domain's modules."""
        return self.world.root / "domains" / domain / name

    def fail(self, domain: str, name: str, kind: str = "content") -> None:
        """Let a function fail from now on."""
        self.beside(domain, f"{name}.fails").write_text(kind)

    def mend(self, domain: str, name: str) -> None:
        """Let it work again; its code is what it was."""
        self.beside(domain, f"{name}.fails").unlink()

    def calls(self, domain: str, name: str) -> int:
        """How often a function was called on rows."""
        file = self.beside(domain, "calls")
        return file.read_text().split().count(name) if file.exists() else 0

    def tick(self, domain: str) -> dg.RunRequest | str:
        """What a tick of a domain comes to."""
        return tick(self.world.sound(domain))

    def follow(self, domain: str) -> bool:
        """Execute what a tick of a domain requests; true if it ended well."""
        return follow(self.world.sound(domain)).success

    def settle(self, *domains: str) -> int:
        """Follow ticks until none requests anything; the number of runs."""
        count = 0
        while requests := {d: r for d in domains if isinstance(r := self.tick(d), dg.RunRequest)}:
            assert count < 6, requests
            domain, request = next(iter(requests.items()))
            execute(self.world.sound(domain), request)
            count += 1
        return count


@pytest.fixture
def world(tmp_path: Path, mesh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A workspace without domains, whose files count as soon as they have landed."""
    monkeypatch.setenv("MESH_SETTLE_SECONDS", "0")
    monkeypatch.setattr(orchestration_tick, "_meshes", {})
    get_settings.cache_clear()
    with workspace(tmp_path / "work") as root:
        yield World(root, mesh_home / "landing")


@pytest.fixture(params=[True, False], ids=["by month", "whole"])
def shop(world: World, request: pytest.FixtureRequest) -> Shop:
    """Three months with a gap have landed, and nothing is published."""
    return Shop(world, months=request.param)


def assert_settled(shop: Shop, domain: str, key: str) -> None:
    """A tick of a domain tries nothing, for what failed has not changed."""
    assert f"{key} failed, and nothing has changed since" in str(shop.tick(domain))


def test_a_product_that_fails_in_the_run_of_its_source_is_tried_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one run with gaps; not after a restart either, and not when other runs have come between."""
    shop.fail("shop", "orders")
    assert not shop.follow("shop")
    assert shop.calls("shop", "orders") == 1
    assert_settled(shop, "shop", "shop.orders")
    instances._instance.cache_clear()
    orchestration_tick._known_unanswered.clear()
    with monkeypatch.context() as patched:
        patched.setattr(orchestration_tick, "_RECENT", 0)  # so many came between that no run is remembered
        assert_settled(shop, "shop", "shop.orders")
    assert shop.calls("shop", "orders") == 1
    shop.land("2013-05", 5)
    shop.mend("shop", "orders")
    assert shop.settle("shop") == (1 if shop.months else 2), "as a whole, in the run after that of its source"
    record = shared_resources().record("shop.orders")
    assert record is not None
    assert record.rows == (1 if shop.months else 4), (
        "of months, those that nothing has changed of wait for a person"
    )


def test_a_person_may_try_again_and_ticks_go_on_from_there(shop: Shop) -> None:
    """Each run of a person tries; a tick after it does not; what comes well is followed, and forgotten."""
    shop.fail("shop", "orders")
    for count in (1, 2):
        assert not runs.run(["shop"]).ok
        assert shop.calls("shop", "orders") == count
        assert_settled(shop, "shop", "shop.orders")
    shop.mend("shop", "orders")
    assert runs.run(["shop"]).ok
    assert shop.tick("shop") == "everything is up to date"
    assert shop.settle("store") == 1


def test_a_reader_in_another_domain_fails_once_for_each_content(shop: Shop) -> None:
    """Its own domain's other products go on, and so does the domain that it reads."""
    shop.fail("store", "sales")
    shop.settle("shop", "store")
    assert (shop.calls("shop", "orders"), shop.calls("store", "sales")) == (1, 1)
    assert shared_resources().record("store.own") is not None
    assert_settled(shop, "store", "store.sales")
    shop.land("2013-05", 5)
    shop.settle("shop", "store")
    assert (shop.calls("shop", "orders"), shop.calls("store", "sales")) == (2, 2)
    assert_settled(shop, "store", "store.sales")


def test_what_got_no_answer_is_tried_again_until_it_does(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a person: at once, then after a pause that the tick names."""
    monkeypatch.setattr(attempts, "_PAUSE", timedelta(hours=1))
    shop.fail("shop", "orders", "no answer")
    tries = shop.settle("shop")
    assert tries == shop.calls("shop", "orders") == attempts.LOST + 1, "the first was that of its source"
    assert "shop.orders got no answer, and is tried again at 20" in str(shop.tick("shop"))
    monkeypatch.setattr(attempts, "_PAUSE", timedelta())
    shop.mend("shop", "orders")
    assert shop.follow("shop")
    assert shop.tick("shop") == "everything is up to date"


def test_a_product_behind_a_refused_file_is_made_for_its_own_reason(shop: Shop) -> None:
    """It was skipped, for its source failed in the same run; that is no try of it."""
    shop.settle("shop")
    file = shop.beside("shop", "products.py")
    file.write_text(
        file.read_text().replace('return count("orders", made)', 'return count("orders", made.sort("id"))')
    )
    shop.world.forget()
    orchestration_tick._meshes.clear()
    shop.land("2013-01", "not a number")
    request = shop.tick("shop")
    assert isinstance(request, dg.RunRequest)
    assert {key.path[-1] for key in request.asset_selection or ()} == {"orders_raw", "orders"}
    execute(shop.world.sound("shop"), request)
    shop.settle("shop")
    assert shop.calls("shop", "orders") == 2, "of its own code, on what is published of its source"
    assert_settled(shop, "shop", "shop.orders_raw")


def test_refused_months_are_not_refused_again_with_one_that_is_corrected(world: World) -> None:
    """Two of three are refused in one run; each waits for its own file."""
    shop = Shop(world, months=True)
    shop.land("2013-01", "bad")
    shop.land("2013-04", "bad")
    shop.settle("shop")
    shop.land("2013-04", 44)
    request = shop.tick("shop")
    assert isinstance(request, dg.RunRequest)
    assert request.tags.get("dagster/partition") == "2013-04"
    assert execute(shop.world.sound("shop"), request).success
    assert_settled(shop, "shop", "shop.orders_raw")
    record = shared_resources().record("shop.orders")
    assert record is not None
    assert set(record.partitions) == {"2013-02", "2013-04"}


def test_content_that_comes_back_is_tried_again(world: World) -> None:
    """A refused file that was corrected and is put back as it was: each change is an event of its own."""
    shop = Shop(world, months=False)
    for number, well in (("bad", False), (1, True), ("bad", False)):
        shop.land("2013-01", number)
        assert shop.follow("shop") is well
    assert_settled(shop, "shop", "shop.orders_raw")
    assert len(dagster_instance(shared_resources()).get_runs()) == 3
