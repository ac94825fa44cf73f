"""Rules over the `quality` entries of a contract: each of them can be checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mesh_pipelines.errors import Violation
from quality import odcs, values
from quality.lint.draft import Draft, Quality
from quality.lint.expectations import arguments_of, expectations
from quality.lint.rule import Rule

SEVERITIES = ("error", "warning", "info")

METRIC_ARGUMENTS = {
    "nullValues": (),
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern", "minLength", "maxLength"),
    "duplicateValues": ("properties",),
    "rowCount": (),
}

_OF_TYPES = (
    "expect_column_type_to_be", "expect_column_values_to_be_in_type_list", "expect_column_values_to_be_of_type",
)  # fmt: skip
_OF_OTHER_TABLES = (
    "expect_query_results_to_match_comparison", "expect_table_row_count_to_equal_other_table",
)  # fmt: skip

CAPS = ("mustBe", "mustBeLessThan", "mustBeLessOrEqualTo")
"""Operators that set an upper limit."""


class RulesAreComplete(Rule[Draft]):
    """Every quality entry can be checked: known metric and arguments, one operator, a unit, a severity."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        for quality in draft.qualities():
            steps, entry, _ = quality
            if entry.get("severity", "error") not in SEVERITIES:
                yield self.violation(
                    draft.place(*steps, "severity"),
                    f"severity `{entry['severity']}` is not known",
                    f"write one of {', '.join(SEVERITIES)}",
                )
            match entry.get("type", "library"):
                case "text":
                    continue
                case "custom":
                    yield from self._custom(draft, quality)
                case kind:
                    if not _has_operator(entry):
                        yield self.violation(
                            draft.place(*steps), "the rule has no operator", "add one, e.g. `mustBe: 0`"
                        )
                    yield from (self._sql if kind == "sql" else self._library)(draft, quality)

    def _sql(self, draft: Draft, quality: Quality) -> Iterator[Violation]:
        query, where = quality.entry.get("query", ""), draft.place(*quality.steps, "query")
        if not re.match(r"\s*(select|with)\b", query, re.IGNORECASE):
            yield self.violation(where, "the query is no SELECT", "write a SELECT that gives one number")
        elif not re.search(r"\$\{(table|object)\}", query):
            yield self.violation(where, "the query does not look at the product", "write `FROM ${table}`")
        elif quality.property is None and re.search(r"\$\{(column|property)\}", query):
            yield self.violation(
                where,
                "`${column}` stands at no property",
                "move the rule to the property that it is about, or name the column",
            )

    def _library(self, draft: Draft, quality: Quality) -> Iterator[Violation]:
        steps, entry, at = quality
        metric, arguments = entry.get("metric", ""), entry.get("arguments", {})
        if metric not in METRIC_ARGUMENTS:
            yield self.violation(
                draft.place(*steps, "metric"),
                f"metric `{metric}` is not known",
                f"write one of {', '.join(METRIC_ARGUMENTS)}",
            )
            return
        known = METRIC_ARGUMENTS[metric]
        for name in (name for name in arguments if name not in known):
            yield self.violation(
                draft.place(*steps, "arguments", name),
                f"`{metric}` has no argument `{name}`",
                f"it knows: {', '.join(known) or 'none'}",
            )
        if entry.get("unit", "rows") not in ("rows", "percent"):
            yield self.violation(
                draft.place(*steps, "unit"),
                f"unit `{entry['unit']}` is not known",
                "write `rows` or `percent`",
            )
        if at is None and metric not in ("rowCount", "duplicateValues"):
            yield self.violation(
                draft.place(*steps),
                f"`{metric}` stands at no property",
                "move it to the property that it is about",
            )
        yield from self._listed(draft, quality, (*steps, "arguments"), arguments)
        if metric == "invalidValues":
            yield from self._invalid_values(draft, quality)
        if metric == "duplicateValues" and at is None:
            yield from self._duplicate_values(draft, quality)
        yield from (self._row_count if metric == "rowCount" else self._cap)(draft, quality)

    def _invalid_values(self, draft: Draft, quality: Quality) -> Iterator[Violation]:
        arguments = quality.entry.get("arguments", {})
        if not arguments:
            yield self.violation(
                draft.place(*quality.steps),
                "`invalidValues` does not say what is valid",
                "add `arguments: {validValues: [...]}` or `{pattern: ...}`",
            )
        if "pattern" in arguments:
            try:
                values.regex(arguments["pattern"])
            except ValueError as error:
                yield self.violation(
                    draft.place(*quality.steps, "arguments", "pattern"),
                    str(error),
                    "write a regular expression without look-around",
                )

    def _listed(
        self, draft: Draft, quality: Quality, steps: tuple[object, ...], arguments: Mapping[str, Any]
    ) -> Iterator[Violation]:
        """Listed values are of the column's type: YAML reads an unquoted ``no`` as false."""
        about = next(
            (p for _, p in draft.properties if p["name"] == arguments.get("column")), quality.property
        )
        logical = about.get("logicalType") if about else None
        for name in ("validValues", "missingValues", "value_set"):
            given: Any = arguments.get(name)
            values_given: list[Any] = given if isinstance(given, list) else []
            for i, value in enumerate(values_given):
                text = logical == "string" and name != "missingValues" and not isinstance(value, str)
                if text or (isinstance(value, bool) and logical != "boolean"):
                    yield self.violation(
                        draft.place(*steps, name, i),
                        f"`{value}` is not a {logical}" if logical else f"`{value}` is no value of a column",
                        odcs.quoting(value),
                    )

    def _duplicate_values(self, draft: Draft, quality: Quality) -> Iterator[Violation]:
        wanted = quality.entry.get("arguments", {}).get("properties") or ()
        for name in (name for name in wanted if name not in draft.names):
            yield self._no_column(draft, (*quality.steps, "arguments", "properties"), name)
        if not wanted:
            yield self.violation(
                draft.place(*quality.steps),
                "`duplicateValues` names no columns",
                "add `arguments: {properties: [...]}`",
            )

    def _row_count(self, draft: Draft, quality: Quality) -> Iterator[Violation]:
        where = draft.place(*quality.steps)
        if quality.property is not None:
            yield self.violation(
                where, "`rowCount` stands at a property", "move it to the schema's own `quality`"
            )
        if "mustNotBe" in quality.entry or "mustNotBeBetween" in quality.entry:
            yield self.violation(
                where,
                "a row count is bounded from below and above only",
                "use mustBeGreaterThan or mustBeBetween",
            )

    def _cap(self, draft: Draft, quality: Quality) -> Iterator[Violation]:
        """A count of bad values has an upper limit."""
        if not any(operator in quality.entry for operator in CAPS):
            if _has_operator(quality.entry):
                yield self.violation(
                    draft.place(*quality.steps),
                    "the operator sets no upper limit",
                    f"use one of {', '.join(CAPS)}",
                )
        elif quality.entry.get("mustBe", 0) != 0:
            yield self.violation(
                draft.place(*quality.steps, "mustBe"),
                "exactly so many bad values is no promise",
                "use mustBeLessOrEqualTo",
            )

    def _custom(self, draft: Draft, quality: Quality) -> Iterator[Violation]:
        steps, entry, _ = quality
        if entry.get("engine") != "greatExpectations":
            yield self.violation(
                draft.place(*steps, "engine"),
                f"engine `{entry.get('engine')}` is not run by the mesh",
                "write `engine: greatExpectations`",
            )
            return
        steps = (*steps, "implementation")
        implementation = entry.get("implementation")
        if isinstance(implementation, str):
            implementation = odcs.parse(implementation)
        if not isinstance(implementation, dict) or not implementation.get("type"):
            yield self.violation(
                draft.place(*steps),
                "the implementation cannot be read",
                "write `{type: expect_..., kwargs: {...}}`",
            )
            return
        for name in sorted(set(implementation) - {"type", "kwargs"}):
            yield self.violation(
                draft.place(*steps, name),
                f"`{name}` is not a field of an implementation",
                "it has `type` and `kwargs`",
            )
        yield from self._expectation(draft, quality, steps, implementation)

    def _expectation(
        self, draft: Draft, quality: Quality, steps: tuple[object, ...], implementation: Mapping[str, Any]
    ) -> Iterator[Violation]:
        kind, kwargs = implementation["type"], implementation.get("kwargs", {})
        if kind not in expectations():
            yield self.violation(
                draft.place(*steps, "type"),
                f"Great Expectations has no `{kind}` that runs on a database",
                "see greatexpectations.io/expectations",
            )
        elif "regex" in kind or "like_pattern" in kind:
            yield self.violation(
                draft.place(*steps, "type"),
                f"`{kind}` does not exist on DuckDB",
                "use `metric: invalidValues` with `arguments: {pattern: ...}`",
            )
        elif kind in _OF_TYPES:
            yield self.violation(
                draft.place(*steps, "type"),
                f"`{kind}` cannot be computed on DuckDB",
                "take it out: the column's logicalType promises its type, and each row is held to it",
            )
        elif kind.startswith("expect_table_column") or kind in _OF_OTHER_TABLES:
            yield self.violation(
                draft.place(*steps, "type"),
                f"`{kind}` looks at more than the columns that rules name, and an audit has no others",
                "take it out: the contract's properties promise the columns, and a port reads another product",
            )
        if not isinstance(kwargs, dict):
            return  # PromisesCanBeKept reports it
        known = arguments_of(kind)
        for name in (name for name in kwargs if known and name not in known):
            yield self.violation(
                draft.place(*steps, "kwargs", name),
                f"`{kind}` has no argument `{name}`",
                f"it knows: {', '.join(sorted(known))}",
            )
        yield from self._listed(draft, quality, (*steps, "kwargs"), kwargs)
        for name in ("column", "column_A", "column_B", "column_list"):
            for column in [kwargs[name]] if isinstance(kwargs.get(name), str) else kwargs.get(name) or ():
                if column not in draft.names:
                    yield self._no_column(draft, (*steps, "kwargs", name), column)

    def _no_column(self, draft: Draft, steps: tuple[object, ...], name: object) -> Violation:
        return self.violation(
            draft.place(*steps), f"there is no column `{name}`", f"columns: {', '.join(draft.names)}"
        )


class ToleranceCoversItsRules(Rule[Draft]):
    """A rule that quarantines may not allow more rows than the contract lets be quarantined."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        found = draft.custom("tolerance")
        tolerance = found[1] if found else 0
        for steps, entry, _ in draft.qualities():
            if (
                entry.get("metric") != "invalidValues"
                or entry.get("severity", "error") != "error"
                or entry.get("unit") != "percent"
            ):
                continue
            allowed = entry.get("mustBeLessThan", entry.get("mustBeLessOrEqualTo", 0))
            if allowed > tolerance:
                yield self.violation(
                    draft.place(*steps),
                    f"the rule allows {allowed} % bad rows, the contract {tolerance} %",
                    f"raise the custom property `tolerance` to {allowed}, or lower this",
                )


def _has_operator(entry: Mapping[str, Any]) -> bool:
    return any(key.startswith(("mustBe", "mustNotBe")) for key in entry)
