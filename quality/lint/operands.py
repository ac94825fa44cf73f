"""Rules over what `quality` entries are compared with: numbers, listed values and lengths that something can keep."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mesh_pipelines.errors import Violation
from quality import odcs, values
from quality.lint.draft import Draft, Quality
from quality.lint.rule import Rule

_LOWER, _UPPER = ("mustBeGreaterThan", "mustBeGreaterOrEqualTo"), ("mustBeLessThan", "mustBeLessOrEqualTo")
_BETWEEN = ("mustBeBetween", "mustNotBeBetween")
_EQUAL = ("mustBe", "mustNotBe")
_OPERATORS = (*_EQUAL, *_LOWER, *_UPPER, *_BETWEEN)
_SHARES = (
    "expect_column_proportion_of_non_null_values_to_be_between",
    "expect_column_proportion_of_unique_values_to_be_between",
)


class PromisesCanBeKept(Rule[Draft]):
    """A rule is compared with what something can keep: a promise that nothing keeps stops every run."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        for steps, entry, _ in draft.qualities():
            kind = entry.get("type", "library")
            if kind == "custom":
                yield from self._expectation(draft, steps, entry)
            elif kind != "text":
                for operator in (name for name in _OPERATORS if name in entry):
                    problem, fix = _fault_of_operand(kind, entry, operator)
                    if problem:
                        yield self.violation(draft.place(*steps, operator), problem, fix)
                if entry.get("metric") == "rowCount" and entry.get("unit", "rows") == "percent":
                    yield self.violation(
                        draft.place(*steps, "unit"), "a row count is no share of rows", "leave the unit out"
                    )

    def _expectation(
        self, draft: Draft, steps: tuple[object, ...], entry: Mapping[str, Any]
    ) -> Iterator[Violation]:
        implementation = implementation_of(entry)
        kind, kwargs = implementation.get("type"), implementation.get("kwargs") or {}
        if not isinstance(kwargs, dict):
            yield self.violation(
                draft.place(*steps, "implementation", "kwargs"),
                f"kwargs `{kwargs}` are no mapping",
                "write `{name: value}`",
            )
            return
        where = (*steps, "implementation", "kwargs")
        least: Any = kwargs.get("min_value")
        most: Any = kwargs.get("max_value")
        if _is_number(least) and _is_number(most) and least > most:
            yield self.violation(
                draft.place(*where, "min_value"),
                f"min_value {least} is more than max_value {most}, and nothing is between them",
                "write the smaller one as min_value",
            )
        if kind == "expect_column_quantile_values_to_be_between" and (fault := _fault_of_quantiles(kwargs)):
            yield self.violation(
                draft.place(*where, "quantile_ranges"),
                f"quantile_ranges cannot be read: {fault}",
                "write e.g. `{quantiles: [0.05, 0.95], value_ranges: [[0, 1], [5, null]]}`",
            )
        for name in ("mostly", *(("min_value", "max_value") if kind in _SHARES else ())):
            share = kwargs.get(name)
            if share is not None and not (_is_number(share) and 0 <= share <= 1):
                yield self.violation(
                    draft.place(*where, name),
                    f"{name} `{share}` is no share",
                    "write a number from 0 to 1, e.g. 0.95",
                )


class ListedValuesFit(Rule[Draft]):
    """Values, patterns and lengths that a metric is given fit the type of its column."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        for quality in draft.qualities():
            arguments = quality.entry.get("arguments", {})
            match quality.entry.get("metric"):
                case "invalidValues" if quality.property is not None:
                    yield from self._invalid_values(draft, quality, arguments, quality.property)
                case "missingValues":
                    yield from self._is_list(draft, quality, arguments, "missingValues")
                case "duplicateValues":
                    yield from self._is_list(draft, quality, arguments, "properties")
                    yield from self._properties(draft, quality, arguments)
                case _:
                    pass

    def _invalid_values(
        self, draft: Draft, quality: Quality, arguments: Mapping[str, Any], column: Mapping[str, Any]
    ) -> Iterator[Violation]:
        logical, steps = column.get("logicalType", ""), (*quality.steps, "arguments")
        yield from self._is_list(draft, quality, arguments, "validValues")
        given: Any = arguments.get("validValues")
        listed: list[Any] = given if isinstance(given, list) else []
        for i, value in enumerate(listed):
            if isinstance(value, bool) or (logical == "string" and not isinstance(value, str)):
                continue  # RulesAreComplete reports it
            if not values.fits(logical, value):
                fix = odcs.quoting(value) if logical == "string" else f"write a {logical} (quote text)"
                yield self.violation(
                    draft.place(*steps, "validValues", i), f"`{value}` is not a {logical}", fix
                )
        for name in ("pattern", "minLength", "maxLength"):
            if name in arguments and logical != "string":
                yield self.violation(
                    draft.place(*steps, name),
                    f"`{name}` is for text, and {column['name']} is a {logical}",
                    "take it out, or use validValues, or the column's own minimum and maximum",
                )
        lengths = {name: arguments[name] for name in ("minLength", "maxLength") if name in arguments}
        for name, length in lengths.items():
            if isinstance(length, bool) or not isinstance(length, int) or length < 0:
                yield self.violation(
                    draft.place(*steps, name), f"`{length}` is no length", "write a whole number, 0 or more"
                )
                return
        if len(lengths) == 2 and lengths["minLength"] > lengths["maxLength"]:
            yield self.violation(
                draft.place(*steps, "minLength"),
                f"no text is at least {lengths['minLength']} and at most {lengths['maxLength']} long",
                "write the smaller one as minLength",
            )

    def _is_list(
        self, draft: Draft, quality: Quality, arguments: Mapping[str, Any], name: str
    ) -> Iterator[Violation]:
        if name in arguments and (not isinstance(arguments[name], list) or not arguments[name]):
            yield self.violation(
                draft.place(*quality.steps, "arguments", name),
                f"{name} `{arguments[name]}` is no list of values",
                "write `[a, b]`, with one value at least",
            )

    def _properties(
        self, draft: Draft, quality: Quality, arguments: Mapping[str, Any]
    ) -> Iterator[Violation]:
        wanted = arguments.get("properties")
        if quality.property is None or not isinstance(wanted, list):
            return  # RulesAreComplete reports those of the schema object
        for name in (name for name in wanted if name not in draft.names):
            yield self.violation(
                draft.place(*quality.steps, "arguments", "properties"),
                f"there is no column `{name}`",
                f"columns: {', '.join(draft.names)}",
            )


def implementation_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The implementation of a ``custom`` rule; empty where it cannot be read, which another rule reports."""
    found = entry.get("implementation")
    if isinstance(found, str):
        found = odcs.parse(found)
    return found if isinstance(found, dict) else {}


def _fault_of_operand(kind: str, entry: Mapping[str, Any], operator: str) -> tuple[str, str]:
    """Problem and fix of one operator with its operand; the problem is empty where it can be kept."""
    operand: Any = entry[operator]
    given: list[Any] = operand if isinstance(operand, list) else [operand]
    comparable = (int, float, str) if kind == "sql" and operator in _EQUAL else (int, float)
    if (isinstance(operand, list) and operator not in _BETWEEN) or not all(
        isinstance(one, comparable) for one in given
    ):
        return f"`{operand}` is no number to compare with", "write a number"
    if kind != "sql" and any(isinstance(one, bool) for one in given):
        return f"`{operand}` is no number to compare with", "write a number"
    if not all(isinstance(one, str) or math.isfinite(one) for one in given):
        return f"nothing can be compared with `{operand}`", "write a finite number"
    if operator in _BETWEEN and given[0] > given[1]:
        return f"nothing is between {given[0]} and {given[1]}", "write the smaller number first"
    if kind == "sql":
        return "", ""
    if entry.get("metric") == "rowCount" and any(one != int(one) for one in given):
        return f"a number of rows is not `{operand}`", "write a whole number"
    if entry.get("unit") == "percent" and not all(0 <= one <= 100 for one in given):
        return f"`{operand}` is no share of rows in percent", "write a number from 0 to 100"
    if operator in ("mustBe", "mustBeBetween", *_UPPER) and given[-1] < (operator == "mustBeLessThan"):
        return f"no number of rows keeps `{operator}: {operand}`", "write 0 or more" if given[
            -1
        ] < 0 else "write 1 or more"
    return "", ""


def _fault_of_quantiles(kwargs: Mapping[str, Any]) -> str:
    """The fault of the quantiles of an expectation; empty where each has a range."""
    given = kwargs.get("quantile_ranges")
    if not isinstance(given, dict) or set(given) != {"quantiles", "value_ranges"}:
        return "they are a mapping of quantiles and value_ranges"
    quantiles, ranges = given["quantiles"], given["value_ranges"]
    if (
        not isinstance(quantiles, list)
        or not isinstance(ranges, list)
        or len(quantiles) != len(ranges)
        or not ranges
    ):
        return "each quantile has one range"
    if not all(_is_number(one) and 0 <= one <= 1 for one in quantiles) or quantiles != sorted(quantiles):
        return "quantiles are numbers from 0 to 1, the smallest first"
    for one in ranges:
        if (
            not isinstance(one, list)
            or len(one) != 2
            or not all(end is None or _is_number(end) for end in one)
        ):
            return f"`{one}` is no range of two numbers"
        if None not in one and one[0] > one[1]:
            return f"nothing is between {one[0]} and {one[1]}"
    return ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
