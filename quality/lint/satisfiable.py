"""Rules over the bounds of a column: some value keeps all of them, and text can be read by its format."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import polars as pl

from mesh_pipelines.errors import Violation
from quality import values
from quality.lint.draft import Draft
from quality.lint.rule import Rule

_TRIED = datetime(2024, 11, 23, 13, 41, 52, 123456, tzinfo=UTC)
"""A moment whose parts all differ."""
_BYTES = {"Int8": 1, "Int16": 2, "Int32": 4, "Int64": 8}


class SomeValueFits(Rule[Draft]):
    """Bounds that no value keeps would refuse every row that lands."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        for at, p in draft.properties:
            for option, problem, fix in _faults(p):
                place = draft.place("schema", 0, "properties", at, "logicalTypeOptions", option)
                yield self.violation(place, f"column `{p['name']}`: {problem}", fix)
            for i, problem in _faults_of_listed(p):
                place = draft.place("schema", 0, "properties", at, "enum", i, "value")
                yield self.violation(place, problem, "take it out, or change the bound")


def _faults(p: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Option, problem and fix of each fault in the options of a property."""
    logical, options = p.get("logicalType", ""), p.get("logicalTypeOptions", {})
    if logical in ("date", "timestamp"):
        yield from _faults_of_format(logical, options)
    low, high = _bound(p, "inimum"), _bound(p, "aximum")
    if low[1] is not None and high[1] is not None:
        strict = low[0].startswith("exclusive") or high[0].startswith("exclusive")
        if low[1] > high[1] or (strict and low[1] == high[1]):
            problem = f"no value keeps both {low[0]} {options[low[0]]} and {high[0]} {options[high[0]]}"
            yield low[0], problem, "write the smaller one as the minimum"
    lengths = options.get("minLength"), options.get("maxLength")
    if all(isinstance(length, int) for length in lengths) and lengths[0] > lengths[1]:
        yield (
            "minLength",
            f"no text is at least {lengths[0]} and at most {lengths[1]} long",
            "write the smaller one as minLength",
        )
    yield from _faults_of_range(p, low, high)


def _faults_of_range(
    p: Mapping[str, Any], low: tuple[str, Any], high: tuple[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Bounds beyond all values that the stored type has."""
    limits = _limits(p)
    if limits is None:
        return
    least, most = limits
    for option, value, beyond in (
        (*low, low[1] is not None and low[1] > most),
        (*high, high[1] is not None and high[1] < least),
    ):
        if beyond:
            yield (
                option,
                f"no value of its type is on that side of {value}: it holds {least} to {most}",
                "choose a wider physicalType, or mend the bound",
            )


def _faults_of_listed(p: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Listed values that the column's own bounds or type refuse."""
    logical, options = p.get("logicalType", ""), p.get("logicalTypeOptions", {})
    limits = _limits(p)
    low, high = _bound(p, "inimum"), _bound(p, "aximum")
    for i, entry in enumerate(p.get("enum", ())):
        value = entry["value"]
        if not values.fits(logical, value):
            continue
        if limits is not None and not limits[0] <= value <= limits[1]:
            yield i, f"`{value}` is beyond the column's type, which holds {limits[0]} to {limits[1]}"
        typed = value if logical == "string" else _typed(logical, value, options)
        if logical != "string" and logical != "boolean":
            if low[1] is not None and (
                typed < low[1] or (typed == low[1] and low[0].startswith("exclusive"))
            ):
                yield i, f"`{value}` is listed, and below the column's {low[0]}"
            if high[1] is not None and (
                typed > high[1] or (typed == high[1] and high[0].startswith("exclusive"))
            ):
                yield i, f"`{value}` is listed, and above the column's {high[0]}"
        elif logical == "string" and not options.get("minLength", 0) <= len(value) <= options.get(
            "maxLength", math.inf
        ):
            yield i, f"`{value}` is listed, and not of the column's length"


def _bound(p: Mapping[str, Any], ending: Literal["inimum", "aximum"]) -> tuple[str, Any]:
    """Name and typed value of the tightest bound of one side; None for a value that is no bound."""
    logical, options = p.get("logicalType", ""), p.get("logicalTypeOptions", {})
    names = [name for name in (f"exclusiveM{ending}", f"m{ending}") if name in options]
    found = [
        (name, value) for name in names if (value := _typed(logical, options[name], options)) is not None
    ]
    if not found:
        return names[0] if names else f"m{ending}", None
    tightest = max if ending == "inimum" else min
    return tightest(found, key=lambda one: one[1])  # of two equal ones the first, which excludes its end


def _typed(logical: str, value: Any, options: Mapping[str, Any]) -> Any:
    try:
        return values.bound_of(logical, value, str(options.get("defaultTimezone", "UTC")))
    except (ValueError, OSError):
        return None  # BoundsFitTheType reports it


def _limits(p: Mapping[str, Any]) -> tuple[int, int] | None:
    """Least and greatest value of an integer column's type."""
    if p.get("logicalType") != "integer":
        return None
    try:
        bits = 8 * _BYTES[str(values.dtype_of("integer", p.get("physicalType")))]
    except ValueError:
        return None  # TypesAreStored reports it
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _faults_of_format(logical: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if "format" not in options:
        return
    try:
        pattern = values.strftime_of(options["format"])
    except (ValueError, TypeError):
        return  # BoundsFitTheType reports it
    moment = pl.Series([_TRIED])
    try:
        text = moment.dt.strftime(pattern)
        if logical == "date":
            read = text.str.to_date(pattern, strict=False)
            same = read.item() == _TRIED.date()
        else:
            zone = "UTC" if "z" in pattern else None
            read = text.str.to_datetime(pattern, time_unit="us", time_zone=zone, strict=False)
            same = not read.has_nulls() and read.item().replace(tzinfo=UTC).date() == _TRIED.date()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        same = False
    if not same:
        yield (
            "format",
            f"no {logical} can be read by the format `{options['format']}`",
            "write year, month and day, e.g. `yyyy-MM-dd`"
            + ("T`HH:mm:ss`" if logical == "timestamp" else ""),
        )
