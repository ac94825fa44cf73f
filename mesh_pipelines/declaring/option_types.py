"""Types of options that a domain writes: Python does not hold it to the annotations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PERIOD = re.compile(r"[1-9][0-9]*(h|d|w|mo|q|y)")
_DAYS = {"h": 1 / 24, "d": 1, "w": 7, "mo": 31, "q": 92, "y": 366}
LONGEST_DAYS = 36_600
"""A hundred years: calendars of polars and Python end not far beyond."""


@dataclass(frozen=True)
class Kind:
    """A type of option, with the values that it has and the words for them."""

    words: str
    holds: Callable[[Any], bool]

    def or_none(self) -> Kind:
        return Kind(f"{self.words}, or None", lambda value: value is None or self.holds(value))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TEXT = Kind("a text", lambda value: isinstance(value, str))
NAMES = Kind(
    'names of columns, as ("a", "b")',
    lambda value: isinstance(value, tuple) and all(isinstance(v, str) for v in value),
)
WHOLE = Kind("a whole number", _is_whole)
NUMBER = Kind("a number", _is_number)
FLAG = Kind("True or False", lambda value: isinstance(value, bool))
LENGTH = Kind('a length of time, as "30d", "4w" or "1mo"', lambda value: isinstance(value, str))
NUMBERS = Kind(
    "a number by metric",
    lambda value: (
        isinstance(value, Mapping) and all(isinstance(k, str) and _is_number(v) for k, v in value.items())
    ),
)
PARAMETERS = Kind(
    "a value by parameter",
    lambda value: isinstance(value, Mapping) and all(isinstance(k, str) for k in value),
)


def of_class(kind: type) -> Kind:
    """Values of one class."""
    return Kind(f"a {kind.__name__}(...)", lambda value: isinstance(value, kind))


def faults_of_types(
    given: Any, wanted: Mapping[str, Kind], prefix: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Name, problem and fix of each option whose value is of another type."""
    for name, kind in wanted.items():
        value = getattr(given, name)
        if not kind.holds(value):
            yield name, f"{prefix}{name} is {_shown(value)}", f"write {kind.words}"


def days_of(period: str) -> float:
    """The longest that a duration such as ``1mo`` may be, in days."""
    number, unit = re.match(r"(\d+)(\w+)", period).groups()  # type: ignore[union-attr]
    return int(number) * _DAYS[unit]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
