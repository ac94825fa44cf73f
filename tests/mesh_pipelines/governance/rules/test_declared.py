"""Words of declarations that are one of a few, and names that are texts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_pipelines.governance.shop_domain import FEATURES, FORECAST, MODEL, ORDERS, RAW, shop
from tests.mesh_pipelines.small_domains import World, promise


@pytest.mark.parametrize(
    ("rule", "modules", "problem", "fix"),
    [
        (
            "WordsAreKnown",
            {"sources": RAW.replace('csv"', 'csv", dialect="semicolons"')},
            "dialect='semicolons' is not known",
            "did you mean semicolon?",
        ),
        (
            "WordsAreKnown",
            {"models": MODEL + FORECAST.replace('"fraud"', '"fraud", history="walkforward"')},
            "history='walkforward' is not known",
            "did you mean walk_forward?",
        ),
        ("NamesAreTexts", {"sources": RAW.replace('"orders.csv"', "7")}, "pattern=7 names nothing", "as a text"),
        ("NamesAreTexts", {"features": FEATURES.replace('time="day"', "time=None")}, "time=None names nothing", "text"),
    ],
)  # fmt: skip
def test_each_rule_refuses_what_breaks_it(
    world: World, rule: str, modules: dict[str, Any], problem: str, fix: str
) -> None:
    """One fault, one rule: the violation says what is wrong and what to write instead."""
    faults = world.faults(shop(world, **modules))
    assert any(problem in fault and fix in fault for fault in faults[rule]), faults


@pytest.mark.odd_input("declarations that cannot run", "held up")
@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("orders-{day}.csv", "by day, and its contract by month"),
        ("orders.csv", "by nothing, and its contract by month"),
    ],
)
def test_a_pattern_cuts_as_its_contract_does(world: World, pattern: str, words: str) -> None:
    """No file would ever be of a month that the contract promises."""
    raw = promise("shop", "orders_raw", ORDERS, partitions="2013-01")
    package = world.write("shop", raw, sources=RAW.replace("orders.csv", pattern))
    [found] = world.faults(package)["PatternsFitContracts"]
    assert words in found
    assert "write {month} into the pattern" in found
    package = world.write("shop", raw, sources=RAW.replace("orders.csv", "orders-{month}.csv"))
    world.forget()
    assert world.faults(package) == {}
