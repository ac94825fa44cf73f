"""Bounds of a column leave some value, and its format can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from quality.contract import load_contract
from tests.quality.lint.contract_changes import Document, Rewrite, column, options, refusal

pytestmark = pytest.mark.odd_input("declarations that cannot run", "held up")


def small(physical: str, **given: Any) -> Callable[[Document], None]:
    """The flight number in another type, with other options."""
    return lambda d: column(d, "flight").update(physicalType=physical, logicalTypeOptions=given)


def listed(name: str, value: Any, **given: Any) -> Callable[[Document], None]:
    """A column of one listed value, with other options."""
    return lambda d: column(d, name).update(enum=[{"value": value}], logicalTypeOptions=given)


BROKEN: dict[str, tuple[Callable[[Document], object], str]] = {
    "bounds the wrong way round": (
        options("delay", minimum=5, maximum=1),
        "no value keeps both minimum 5 and maximum 1",
    ),
    "nothing between": (options("delay", exclusiveMinimum=5, maximum=5, minimum=5), "no value keeps both"),
    "days the wrong way round": (
        options("day", minimum="2014-01-01", maximum="2013-01-01"),
        "no value keeps both",
    ),
    "lengths the wrong way round": (options("passenger", minLength=5, maxLength=2), "no text is at least 5"),
    "beyond the type": (small("TINYINT", minimum=1000), "it holds -128 to 127"),
    "below the type": (small("SMALLINT", maximum=-100000), "it holds -32768 to 32767"),
    "a listed value beyond the type": (
        lambda d: column(d, "flight").update(
            physicalType="TINYINT", enum=[{"value": 300}], logicalTypeOptions={}
        ),
        "`300` is beyond the column's type",
    ),
    "a listed value above the maximum": (listed("delay", 9, maximum=5), "above the column's maximum"),
    "a listed value at an excluded end": (
        listed("delay", 5, exclusiveMinimum=5),
        "below the column's exclusiveMinimum",
    ),
    "a listed text that is too long": (listed("carrier", "AAA", maxLength=2), "not of the column's length"),
    "a day without a year": (options("day", format="dd.MM"), "no date can be read by the format `dd.MM`"),
    "an hour of twelve without a half": (
        lambda d: column(d, "scheduled_at").update(logicalTypeOptions={"format": "yyyy-MM-dd hh:mm"}),
        "no timestamp can",
    ),
    "a time zone that is a folder": (
        options("scheduled_at", defaultTimezone="America"),
        "`America` is no time zone",
    ),
    "a time zone of one machine": (
        options("scheduled_at", defaultTimezone="localtime"),
        "`localtime` is no time zone",
    ),
    "a time zone that is none": (
        options("scheduled_at", defaultTimezone="New York"),
        "`New York` is no time zone",
    ),
}
SOUND: dict[str, Callable[[Document], object]] = {
    "one value": options("delay", minimum=5, maximum=5),
    "a German day": options("day", format="dd.MM.yyyy"),
    "a short year": options("day", format="d/M/yy"),
    "names of months": options("day", format="dd MMM yyyy"),
    "a moment with its zone": lambda d: column(d, "scheduled_at").update(
        logicalTypeOptions={"format": "yyyy-MM-dd'T'HH:mm:ssXXX"}
    ),
    "a moment with milliseconds": lambda d: column(d, "scheduled_at").update(
        logicalTypeOptions={"format": "yyyy-MM-dd HH:mm:ss.SSS"}
    ),
    "an hour of twelve": lambda d: column(d, "scheduled_at").update(
        logicalTypeOptions={"format": "yyyy-MM-dd hh:mm a"}
    ),
    "minutes alone": lambda d: column(d, "scheduled_at").update(
        logicalTypeOptions={"format": "yyyy-MM-dd HH:mm"}
    ),
    "a zone": options("scheduled_at", defaultTimezone="America/New_York"),
    "the ends of a type": small("TINYINT", minimum=-128, maximum=127),
}


@pytest.mark.parametrize("case", BROKEN)
def test_bounds_that_no_value_keeps_are_refused_once(rewrite: Rewrite, case: str) -> None:
    """Every row that lands would be refused, and each time."""
    change, words = BROKEN[case]
    assert words in refusal(rewrite, change)


@pytest.mark.parametrize("case", SOUND)
def test_bounds_that_some_value_keeps_are_let_be(rewrite: Rewrite, case: str) -> None:
    """Formats of dates are tried on one moment, whose parts all differ."""
    assert load_contract(rewrite(SOUND[case])).name == "flights"
