"""The rules of contracts are tried once, in a child that is ended where one takes too long."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from mesh_pipelines.errors import RuleTooCostly
from quality.child import ChildEnded
from quality.contract import Contract, load_contract
from quality.rule_trial import RuleFault
from quality.tried_rules import key_of
from quality.try_rules import _costly, try_rules
from tests.mesh_pipelines.costly_rules import ENDLESS
from tests.quality.test_rule_trial import sql

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")
Reload = Callable[..., Contract]


def test_an_endless_rule_is_ended_and_the_others_are_tried(reload: Reload) -> None:
    """Rules of the next contract are tried in another child."""
    endless = sql(
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n, ${table}"
    )

    def change(document: dict[str, Any]) -> None:
        document["schema"][0]["quality"].append({"name": ENDLESS, **endless})

    def other(document: dict[str, Any]) -> None:
        document["schema"][0]["name"] = "others"
        document["schema"][0]["quality"].append({"name": "typo", **sql("SELECT max(nope) FROM ${table}")})

    first = reload(change)
    renamed = first.path.rename(first.path.with_name("first.odcs.yaml"))
    contracts = [load_contract(renamed), reload(other)]
    found = try_rules(contracts, seconds=1)
    [slow], [typo] = (found[contract.path] for contract in contracts)
    assert slow.rule == ENDLESS
    assert "longer than 1 s" in slow.problem
    assert typo.rule == "typo"


def test_a_rule_that_ends_the_child_is_at_fault(flights: Contract) -> None:
    """It is not known which one, unless the child said so before."""
    assert _costly((), ChildEnded(), 1).rule == ""
    assert _costly((), RuleTooCostly("x", where="a.b, rule c"), 1).rule == "c"


def test_what_was_tried_is_not_tried_again(
    flights: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contract's digest stands for all of it, in this process and in the next one."""
    monkeypatch.setattr("quality.try_rules._tried", {})
    memory = tmp_path / "tried.json"
    assert try_rules([flights], memory=memory)[flights.path] == ()
    known = memory.read_text()
    fault = RuleFault("r", "p", "known", "fix", certain=False)
    for text, found in (
        (known.replace("[]", json.dumps([asdict(fault)])), (fault,)),
        ("no JSON", ()),
        ('{"a": 1}', ()),
    ):
        memory.write_text(text)
        monkeypatch.setattr("quality.try_rules._tried", {key_of(flights): ()} if found == () else {})
        assert try_rules([flights], memory=memory)[flights.path] == found
    assert memory.read_text() == known
    assert try_rules([flights], memory=tmp_path / "nowhere/tried.json")[flights.path] == ()
