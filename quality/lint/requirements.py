"""Rules over the `quality` entries of a contract: each of them can be checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from quality import odcs, values
from quality.lint.draft import Draft
from quality.lint.expectations import arguments_of, expectations
from quality.lint.rule import Finding, Lint

SEVERITIES = ("error", "warning", "info")


METRIC_ARGUMENTS = {
    "nullValues": (),
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern", "minLength", "maxLength"),
    "duplicateValues": ("properties",),
    "rowCount": (),
}


CAPS = ("mustBe", "mustBeLessThan", "mustBeLessOrEqualTo")


class RulesAreComplete(Lint):
    """Every quality entry can be checked: known metric and arguments, one operator, a unit, a severity."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        for place, q, p in draft.qualities():
            kind = q.get("type", "library")
            if q.get("severity", "error") not in SEVERITIES:
                yield (
                    (*place, "severity"),
                    f"severity `{q['severity']}` is not known",
                    f"write one of {', '.join(SEVERITIES)}",
                )
            if kind == "text":
                continue
            if kind == "custom":
                yield from self._custom(place, q, draft)
                continue
            if not any(key.startswith(("mustBe", "mustNotBe")) for key in q):
                yield place, "the rule has no operator", "add one, e.g. `mustBe: 0`"
            if kind == "sql":
                if not re.match(r"\s*(select|with)\b", q.get("query", ""), re.IGNORECASE):
                    yield (*place, "query"), "the query is no SELECT", "write a SELECT that gives one number"
                elif not re.search(r"\$\{(table|object)\}", q["query"]):
                    yield (*place, "query"), "the query does not look at the product", "write `FROM ${table}`"
                elif p is None and re.search(r"\$\{(column|property)\}", q["query"]):
                    fix = "move the rule to the property that it is about, or name the column"
                    yield (*place, "query"), "`${column}` stands at no property", fix
                continue
            yield from self._library(place, q, p, draft)

    @staticmethod
    def _library(
        place: tuple[object, ...], q: Mapping[str, Any], p: Mapping[str, Any] | None, draft: Draft
    ) -> Iterator[Finding]:
        metric, arguments = q.get("metric", ""), q.get("arguments", {})
        if metric not in METRIC_ARGUMENTS:
            yield (
                (*place, "metric"),
                f"metric `{metric}` is not known",
                f"write one of {', '.join(METRIC_ARGUMENTS)}",
            )
            return
        for name in arguments:
            if name not in METRIC_ARGUMENTS[metric]:
                known = ", ".join(METRIC_ARGUMENTS[metric]) or "none"
                yield (
                    (*place, "arguments", name),
                    f"`{metric}` has no argument `{name}`",
                    f"it knows: {known}",
                )
        if q.get("unit", "rows") not in ("rows", "percent"):
            yield (*place, "unit"), f"unit `{q['unit']}` is not known", "write `rows` or `percent`"
        if p is None and metric not in ("rowCount", "duplicateValues"):
            yield place, f"`{metric}` stands at no property", "move it to the property that it is about"
        if p is not None and metric == "rowCount":
            yield place, "`rowCount` stands at a property", "move it to the schema's own `quality`"
        if metric == "invalidValues" and not arguments:
            yield (
                place,
                "`invalidValues` does not say what is valid",
                "add `arguments: {validValues: [...]}` or `{pattern: ...}`",
            )
        if metric == "invalidValues" and "pattern" in arguments:
            try:
                values.regex(arguments["pattern"])
            except ValueError as error:
                yield (
                    (*place, "arguments", "pattern"),
                    str(error),
                    "write a regular expression without look-around",
                )
        if metric == "duplicateValues" and p is None:
            wanted = arguments.get("properties") or ()
            for name in wanted:
                if name not in draft.names:
                    yield (
                        (*place, "arguments", "properties"),
                        f"there is no column `{name}`",
                        f"columns: {', '.join(draft.names)}",
                    )
            if not wanted:
                yield place, "`duplicateValues` names no columns", "add `arguments: {properties: [...]}`"
        if metric == "rowCount":
            if "mustNotBe" in q or "mustNotBeBetween" in q:
                yield (
                    place,
                    "a row count is bounded from below and above only",
                    "use mustBeGreaterThan or mustBeBetween",
                )
        elif not any(operator in q for operator in CAPS):
            if any(key.startswith(("mustBe", "mustNotBe")) for key in q):
                yield place, "the operator sets no upper limit", f"use one of {', '.join(CAPS)}"
        elif q.get("mustBe", 0) != 0:
            yield (*place, "mustBe"), "exactly so many bad values is no promise", "use mustBeLessOrEqualTo"

    @staticmethod
    def _custom(place: tuple[object, ...], q: Mapping[str, Any], draft: Draft) -> Iterator[Finding]:
        if q.get("engine") != "greatExpectations":
            yield (
                (*place, "engine"),
                f"engine `{q.get('engine')}` is not run by the mesh",
                "write `engine: greatExpectations`",
            )
            return
        place = (*place, "implementation")
        implementation = q.get("implementation")
        if isinstance(implementation, str):
            implementation = odcs.parse(implementation)
        kind = implementation.get("type") if isinstance(implementation, dict) else None
        if not isinstance(implementation, dict) or not kind:
            yield place, "the implementation cannot be read", "write `{type: expect_..., kwargs: {...}}`"
            return
        for name in sorted(set(implementation) - {"type", "kwargs"}):
            yield (
                (*place, name),
                f"`{name}` is not a field of an implementation",
                "it has `type` and `kwargs`",
            )
        if kind not in expectations():
            yield (
                (*place, "type"),
                f"Great Expectations has no `{kind}`",
                "see greatexpectations.io/expectations",
            )
        elif "regex" in kind or "like_pattern" in kind:
            fix = "use `metric: invalidValues` with `arguments: {pattern: ...}`"
            yield (*place, "type"), f"`{kind}` does not exist on DuckDB", fix
        kwargs = implementation.get("kwargs", {})
        taken = arguments_of(kind)
        for name in kwargs if taken else ():
            if name not in taken:
                problem = f"`{kind}` has no argument `{name}`"
                yield (*place, "kwargs", name), problem, f"it knows: {', '.join(sorted(taken))}"
        for name in ("column", "column_A", "column_B", "column_list"):
            for column in [kwargs[name]] if isinstance(kwargs.get(name), str) else kwargs.get(name) or ():
                if column not in draft.names:
                    yield (
                        (*place, "kwargs", name),
                        f"there is no column `{column}`",
                        f"columns: {', '.join(draft.names)}",
                    )


class ToleranceCoversItsRules(Lint):
    """A rule that quarantines may not allow more rows than the contract lets be quarantined."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        found = draft.custom("tolerance")
        tolerance = found[1] if found else 0
        for place, q, _ in draft.qualities():
            if (
                q.get("metric") != "invalidValues"
                or q.get("severity", "error") != "error"
                or q.get("unit") != "percent"
            ):
                continue
            allowed = q.get("mustBeLessThan", q.get("mustBeLessOrEqualTo", 0))
            if allowed > tolerance:
                problem = f"the rule allows {allowed} % bad rows, the contract {tolerance} %"
                yield place, problem, f"raise the custom property `tolerance` to {allowed}, or lower this"
