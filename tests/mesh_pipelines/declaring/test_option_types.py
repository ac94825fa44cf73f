"""Types of options hold what Python does not: each value of another type is named, with what may be written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mesh_pipelines.declaring.model_policy import Gate
from mesh_pipelines.declaring.option_types import (
    FLAG,
    LENGTH,
    LONGEST_DAYS,
    NAMES,
    NUMBER,
    NUMBERS,
    PARAMETERS,
    PERIOD,
    TEXT,
    WHOLE,
    Kind,
    days_of,
    faults_of_types,
    of_class,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("kind", "held", "others"),
    [
        (TEXT, ["", "a"], [None, b"a", 1, ("a",)]),
        (NAMES, [(), ("a", "b")], ["ab", ["a"], {"a"}, (1,), ("a", None), None]),
        (WHOLE, [0, -1, 2**70], [True, 1.0, "1", None]),
        (NUMBER, [0, 0.5, NAN], [True, "1", None, 1j]),
        (FLAG, [True, False], [0, 1, "no", None]),
        (LENGTH, ["30d", "soon"], [30, None, ("30d",)]),
        (NUMBERS, [{}, {"auc": 1, "brier": 0.5}], [["auc"], {"auc": "high"}, {"auc": True}, {1: 1}, None]),
        (PARAMETERS, [{}, {"eta": object()}], [["eta"], {3: 4}, "eta", None]),
        (of_class(Gate), [Gate()], [Gate, "strict", None]),
    ],
    ids=lambda value: value.words if isinstance(value, Kind) else "",
)
def test_a_kind_holds_its_values_and_no_others(kind: Kind, held: list[Any], others: list[Any]) -> None:
    """True is no number, a text is no list of names; None only where it is allowed."""
    assert all(kind.holds(value) for value in held)
    assert not any(kind.holds(value) for value in others)
    optional = kind.or_none()
    assert optional.holds(None)
    assert all(optional.holds(value) for value in held)
    assert not any(optional.holds(value) for value in others if value is not None)
    assert optional.words == f"{kind.words}, or None"


def test_each_option_of_another_type_is_named_with_what_may_be_written() -> None:
    """In the order of the options, sound ones left out, however long the value."""
    given = SimpleNamespace(rounds="ten", seed=7, params="x" * 100)
    found = list(faults_of_types(given, {"rounds": WHOLE, "seed": WHOLE, "params": PARAMETERS}, "fit."))
    assert found[0] == ("rounds", "fit.rounds is 'ten'", "write a whole number")
    name, problem, fix = found[1]
    assert (name, fix) == ("params", "write a value by parameter")
    assert problem == f"fit.params is '{'x' * 56}..."
    assert len(found) == 2


@pytest.mark.parametrize(
    ("period", "days"), [("12h", 0.5), ("1d", 1), ("2w", 14), ("1mo", 31), ("1q", 92), ("100y", LONGEST_DAYS)]
)
def test_a_period_has_days(period: str, days: float) -> None:
    """The longest that it may be: a month has 31."""
    assert PERIOD.fullmatch(period)
    assert days_of(period) == days


@pytest.mark.parametrize(
    "text", ["", "0d", "-1d", "1", "d", "1.5d", "1m", "1D", "01d", " 1d", "1d ", "1d\n", "1d1d"]
)
def test_other_texts_are_no_period(text: str) -> None:
    """A number from 1 and a unit, and nothing beside them."""
    assert not PERIOD.fullmatch(text)
