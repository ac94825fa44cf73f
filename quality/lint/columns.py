"""Rules over the columns of a contract: names, types, bounds, descriptions, key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from quality import values
from quality.lint.draft import Draft
from quality.lint.rule import Finding, Lint


class OneSchemaObject(Lint):
    """A contract promises exactly one product."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        schema = draft.document.get("schema", [])
        if len(schema) != 1:
            yield ("schema",), f"the contract describes {len(schema)} schema objects", "describe exactly one"
        elif not schema[0].get("properties"):
            yield ("schema", 0, "properties"), "the schema has no properties", "list every column"


class Named(Lint):
    """Names become assets, columns and checks: lower case, digits and underscores; no column twice."""

    NAME: ClassVar[re.Pattern[str]] = re.compile(r"[a-z][a-z0-9_]*\Z")

    def check(self, draft: Draft) -> Iterable[Finding]:
        domain = draft.document.get("domain", "")
        if not self.NAME.match(domain):
            yield (
                ("domain",),
                f"`{domain}` is no name of a domain",
                "write the domain's folder name, e.g. `operations`",
            )
        name = draft.document["schema"][0]["name"]
        if not self.NAME.match(name):
            yield (
                ("schema", 0, "name"),
                f"`{name}` is no name of an asset",
                "use lower case, digits and underscores",
            )
        seen: set[str] = set()
        for at, p in draft.properties:
            place = ("schema", 0, "properties", at, "name")
            if not re.match(r"[A-Za-z][A-Za-z0-9_]*\Z", p["name"]):
                yield place, f"`{p['name']}` is no name of a column", "use letters, digits and underscores"
            if p["name"] in seen:
                yield place, f"column `{p['name']}` is described twice", "remove one of them"
            seen.add(p["name"])


class TypesAreStored(Lint):
    """Every column has a logical type that the lake stores, and a physical type that fits it."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        for at, p in draft.properties:
            place = ("schema", 0, "properties", at)
            if "logicalType" not in p:
                yield (
                    (*place, "logicalType"),
                    f"column `{p['name']}` has no type",
                    f"add one of {', '.join(values.DTYPES)}",
                )
                continue
            try:
                values.dtype_of(p["logicalType"], p.get("physicalType"))
            except ValueError as error:
                problem, _, fix = str(error).partition("; ")
                at_fault = "logicalType" if p["logicalType"] not in values.DTYPES else "physicalType"
                yield (*place, at_fault), problem, fix


class BoundsFitTheType(Lint):
    """Bounds, patterns and listed values are of the column's own type."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        for at, p in draft.properties:
            logical = p.get("logicalType", "")
            options = p.get("logicalTypeOptions", {})
            place = ("schema", 0, "properties", at)
            for option, value in options.items():
                problem = self._problem(logical, option, value)
                if problem:
                    yield (
                        (*place, "logicalTypeOptions", option),
                        problem,
                        f"write a value that fits `{logical}`",
                    )
            for i, entry in enumerate(p.get("enum", ())):
                if not values.fits(logical, entry["value"]):
                    problem = f"`{entry['value']}` is not a {logical}"
                    yield (*place, "enum", i, "value"), problem, f"write a {logical} (quote text)"

    @staticmethod
    def _problem(logical: str, option: str, value: Any) -> str:
        try:
            if logical in ("date", "timestamp"):
                if option == "format":
                    values.strftime_of(value)
                elif option.lower().endswith("imum"):
                    values.bound_of(logical, value)
                elif option == "defaultTimezone":
                    ZoneInfo(value)
            elif option == "pattern":
                values.regex(value)
            elif logical == "integer" and option == "format" and value not in ("i8", "i16", "i32", "i64"):
                return f"format `{value}` is not stored by the lake"
            elif logical == "boolean":
                return f"a boolean has no option `{option}`"
        except (ValueError, TypeError, ZoneInfoNotFoundError) as error:
            return str(error)
        return ""


class Described(Lint):
    """A column that nobody described cannot be used by another team."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        for at, p in draft.properties:
            if not str(p.get("description") or "").strip():
                place = ("schema", 0, "properties", at, "description")
                yield place, f"column `{p['name']}` has no description", "say what it means, and its unit"


class Keyed(Lint):
    """A product's rows are told apart by a primary key."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        keys = [(at, p) for at, p in draft.properties if p.get("primaryKey")]
        if not keys and draft.stage == "product":
            problem = "the product has no primary key"
            yield (
                ("schema", 0, "properties"),
                problem,
                "mark its columns `primaryKey: true`, with `primaryKeyPosition`",
            )
        positions = [p.get("primaryKeyPosition", -1) for _, p in keys]
        if len(keys) > 1 and len(set(positions)) != len(keys):
            place = ("schema", 0, "properties", keys[-1][0], "primaryKeyPosition")
            yield place, "the positions in the primary key are not distinct", "number them 1, 2, ..."
