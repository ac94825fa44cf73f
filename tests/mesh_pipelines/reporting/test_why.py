"""`mesh why`: the state of an asset and its reason, what was made last, and the run that the next tick asks for."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mesh_pipelines.errors import SelectionError
from mesh_pipelines.orchestration import run as runs
from mesh_pipelines.planning.plan import plan
from mesh_pipelines.reporting import why
from mesh_pipelines.reporting.why import explain
from resources.settings import get_settings
from tests.mesh_pipelines.machines_go_on import KEY, facts_of_card
from tests.mesh_pipelines.planning.made import Made
from tests.mesh_pipelines.small_domains import World, promise
from tests.mesh_pipelines.three_domains import MONTHS, write_three_domains

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")


@pytest.mark.slow
def test_why_tells_what_is_what_was_and_what_comes_next(own_machines: Path) -> None:
    """Up to date first; after a corrected file landed, what will follow from it and the run that makes it."""
    assert "up to date" in facts_of_card(KEY, "Now")
    assert "asked for by a person" in facts_of_card(KEY, "Last")["made"]
    assert "everything is up to date" in facts_of_card(KEY, "Next tick")["machines_current"]
    file = own_machines / ".mesh" / "landing" / "machines" / "readings.csv"
    file.write_text(file.read_text() + "m99,2026-04-01,60.0,1.0,false\n")
    a_minute_ago = time.time() - 60
    os.utime(file, (a_minute_ago, a_minute_ago))  # it has settled
    assert "readings.csv has changed" in facts_of_card(KEY, "Now")["will follow"]
    following = facts_of_card(KEY, "Next tick")["machines_current"]
    assert "readings.csv has changed" in following
    assert KEY in following


@pytest.fixture
def landed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Three domains of which nothing is published; a file that landed a moment ago counts as finished."""
    write_three_domains(world)
    monkeypatch.setenv("MESH_SETTLE_SECONDS", "0")
    get_settings.cache_clear()
    return world


@pytest.mark.usefixtures("landed")
def test_before_the_first_run_it_says_what_will_be_made() -> None:
    """Of a source which files landed, of what follows it the run of both, of another domain what it waits for."""
    reasons = [f"orders-{month}.csv landed" for month in MONTHS]
    assert explain("shop.orders_raw").sections[0].fields == [("out of date", reason) for reason in reasons]
    assert facts_of_card("shop.orders", "Last") == {"made": "never"}
    following = facts_of_card("shop.orders", "Next tick")["shop_current"]
    assert following.startswith("a run of shop.orders_raw, shop.orders, because: orders-2013-01.csv landed")
    assert facts_of_card("store.sales", "Next tick")["store_current"] == (
        "nothing for store: waits for shop.orders, about to be made by another domain"
    )


@pytest.mark.usefixtures("landed")
def test_an_unknown_asset_is_answered_with_the_nearest() -> None:
    """As every command does."""
    with pytest.raises(SelectionError, match=r"did you mean shop\.orders"):
        explain("shop.order")


def test_a_failure_after_the_last_version_is_told(landed: World) -> None:
    """The run and the error of this asset's own step; the version before stays, with the reason of its run."""
    assert runs.run(["bank"]).ok
    landed.write(
        "bank",
        promise("bank", "rates", {"id": "integer"}),
        products="""
        @data_product
        def rates() -> pl.LazyFrame:
            raise ValueError("the bank is closed")
        """,
    )
    landed.forget()
    assert not runs.run(["bank"]).ok
    last = facts_of_card("bank.rates", "Last")
    assert last["made"].endswith("because: asked for by a person")
    assert last["failed since"].startswith("run ")
    assert "the bank is closed" in last["failed since"]


def now_of(made: Made, name: str) -> list[tuple[str, str]]:
    """The state of an asset of the small mesh of facts, planned with all that is upstream of it."""
    facts, names = made.facts(), list(made.nodes)
    upstream = [made.nodes[key] for key in names[: names.index(f"shop.{name}") + 1]]
    return why._now(upstream[-1], facts, plan(upstream, facts))


def test_what_waits_says_so_before_all_else(made: Made) -> None:
    """A source for its first file, predictions for their champion."""
    assert now_of(made, "raw") == [("waits", "nothing has landed for it yet")]
    assert now_of(made, "forecast") == [("waits", "shop.champion, shop.features is not published yet")]


def test_what_is_up_to_date_says_so(fresh: Made) -> None:
    """With nothing ahead of it that would change it."""
    assert now_of(fresh, "sales") == [("up to date", "made from what is published now")]


def test_what_leads_is_named_to_what_follows(fresh: Made) -> None:
    """Its own reasons come first; of what is ahead only what is out of date by itself, not what is between."""
    fresh.land("2013-04", "rows")
    assert now_of(fresh, "raw") == [("out of date", "raw-2013-04.csv landed")]
    assert now_of(fresh, "sales") == [("will follow", "shop.raw: raw-2013-04.csv landed")]
    fresh.publish("features", {"": "more rows"}, inputs=fresh.read("features"))
    assert now_of(fresh, "model") == [("out of date", "new content of shop.features")]
