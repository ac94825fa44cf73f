"""The lag of what is published: behind what landed, and behind its own promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mesh_pipelines.errors import IntegrityError
from mesh_pipelines.planning.facts import Facts
from mesh_pipelines.planning.lag import Lag, Lags, late_nodes
from resources.lake.publication import Publication
from tests.mesh_pipelines.planning.made import Made

PUBLISHED = datetime(2026, 1, 1, tzinfo=UTC)
"""Time at which all of the small mesh was published; its contracts promise rows of at most seven days."""


def lag(made: Made, name: str, **training: object) -> Lag:
    """The lag of one asset now."""
    lags = Lags.at(list(made.nodes.values()), made.facts(), PUBLISHED)
    return lags.of(made.nodes[f"shop.{name}"], **training)  # type: ignore[arg-type]


def test_what_is_up_to_date_is_behind_nothing(fresh: Made) -> None:
    """The newest month that landed is the newest published; a whole table has no month of its own."""
    assert lag(fresh, "orders") == Lag("2013-03", "2013-03")
    assert lag(fresh, "sales") == Lag("2013-03", "")


def test_before_anything_landed_there_is_no_lag(made: Made) -> None:
    """Nothing waits, and nothing is late that was never published."""
    assert lag(made, "orders") == lag(made, "forecast") == Lag()


def test_months_that_landed_are_counted_upstream(fresh: Made) -> None:
    """Each counts for all that hangs on the source, with the reason of the source itself."""
    fresh.land("2013-04", "rows")
    fresh.land("2013-05", "more")
    why = ("shop.raw: raw-2013-04.csv landed; raw-2013-05.csv landed",)
    assert lag(fresh, "orders") == Lag("2013-05", "2013-03", 2, why)
    assert lag(fresh, "forecast") == Lag("2013-05", "", 2, why)


def test_an_asset_that_is_out_of_date_by_itself_says_its_own_reason(fresh: Made) -> None:
    """Nothing has to land for it."""
    fresh.nodes["shop.sales"] = replace(fresh.nodes["shop.sales"], code_version="other code")
    assert lag(fresh, "sales") == Lag("2013-03", "", 0, ("its code or contract has changed",))
    assert lag(fresh, "features").behind == ("shop.sales: its code or contract has changed",)
    assert lag(fresh, "orders").behind == ()


def test_a_model_is_as_new_as_the_outcomes_that_it_learned_from(fresh: Made) -> None:
    """It has a training to count from, and no publication; without one it has no age."""
    found = lag(fresh, "model", trained_until="2013-02-28", trained_at=PUBLISHED - timedelta(days=2))
    assert (found.landed_until, found.until, found.age) == ("2013-03", "2013-02-28", 2 * 86_400)
    assert lag(fresh, "model").age is None


@pytest.mark.parametrize(("age", "late"), [(timedelta(days=7), False), (timedelta(days=7, seconds=1), True)])
def test_late_is_what_is_older_than_its_promise(fresh: Made, age: timedelta, late: bool) -> None:
    """To the second; only what promises anything can be late."""
    found = late_nodes(fresh.nodes.values(), fresh.facts(), PUBLISHED + age)
    assert set(found) == ({"shop.raw", "shop.orders", "shop.sales", "shop.forecast"} if late else set())
    if late:
        assert found["shop.orders"] == (
            "was last published on 2026-01-01 00:00 UTC, 7 days ago; its contract promises 7 days"
        )


def test_what_is_not_published_or_cannot_be_read_is_not_late(fresh: Made) -> None:
    """The one waits, and the other has a judgement that names it; the rest is late all the same."""
    del fresh.records["shop.sales"]

    def record(key: str) -> Publication | None:
        if key == "shop.orders":
            raise IntegrityError("a file is gone")
        return fresh.records.get(key)

    facts: Facts = replace(fresh.facts(), record=record)
    late = late_nodes(fresh.nodes.values(), facts, PUBLISHED + timedelta(days=30))
    assert set(late) == {"shop.raw", "shop.forecast"}


def test_a_lag_as_json_has_nothing_where_there_is_nothing() -> None:
    """No empty words for a program; only a model has an age."""
    assert Lag().to_json() == {
        "landed_until": None, "until": None, "waiting": 0, "behind": [], "late": None,
    }  # fmt: skip
    full = Lag("2013-05", "2013-03", 2, ("new rows",), "late", 59.6).to_json()
    assert (full["behind"], full["late"], full["age_seconds"]) == (["new rows"], "late", 60)
