"""Rules over the schema object and its columns: names, types, bounds, descriptions, primary key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mesh_pipelines.errors import Violation
from quality import odcs, values
from quality.lint.draft import Draft
from quality.lint.rule import Rule

_ASSET = re.compile(r"[a-z][a-z0-9_]*\Z")
_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


class OneSchemaObject(Rule[Draft]):
    """A contract promises exactly one product."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        schema = draft.document.get("schema", [])
        if len(schema) != 1:
            yield self.violation(
                draft.place("schema"),
                f"the contract describes {len(schema)} schema objects",
                "describe exactly one",
            )
        elif not schema[0].get("properties"):
            yield self.violation(
                draft.place("schema", 0, "properties"), "the schema has no properties", "list every column"
            )


class Named(Rule[Draft]):
    """Names become assets, columns and checks: lower case, digits and underscores; no column twice, in any case."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        domain = draft.document.get("domain", "")
        if not _ASSET.match(domain):
            yield self.violation(
                draft.place("domain"),
                f"`{domain}` is no name of a domain",
                "write the domain's folder name, e.g. `operations`",
            )
        name = draft.document["schema"][0]["name"]
        if not _ASSET.match(name):
            yield self.violation(
                draft.place("schema", 0, "name"),
                f"`{name}` is no name of an asset",
                "use lower case, digits and underscores",
            )
        yield from self._columns(draft)

    def _columns(self, draft: Draft) -> Iterator[Violation]:
        seen: dict[str, str] = {}
        for at, p in draft.properties:
            where, name = draft.place("schema", 0, "properties", at, "name"), p["name"]
            if not _COLUMN.match(name):
                yield self.violation(
                    where, f"`{name}` is no name of a column", "use letters, digits and underscores"
                )
            first = seen.get(name.lower())
            if first == name:
                yield self.violation(where, f"column `{name}` is described twice", "remove one of them")
            elif first is not None:
                yield self.violation(
                    where,
                    f"columns `{first}` and `{name}` differ in case alone, and Delta and DuckDB take them for one",
                    "rename one of them",
                )
            seen.setdefault(name.lower(), name)


class TypesAreStored(Rule[Draft]):
    """Every column has a logical type that the lake stores, and a physical type that fits it."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        for at, p in draft.properties:
            steps = ("schema", 0, "properties", at)
            if "logicalType" not in p:
                yield self.violation(
                    draft.place(*steps, "logicalType"),
                    f"column `{p['name']}` has no type",
                    f"add one of {', '.join(values.DTYPES)}",
                )
                continue
            try:
                values.dtype_of(p["logicalType"], p.get("physicalType"))
            except ValueError as error:
                problem, _, fix = str(error).partition("; ")
                at_fault = "logicalType" if p["logicalType"] not in values.DTYPES else "physicalType"
                yield self.violation(draft.place(*steps, at_fault), problem, fix)


class BoundsFitTheType(Rule[Draft]):
    """Bounds, patterns and listed values are of the column's own type."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        for at, p in draft.properties:
            logical = p.get("logicalType", "")
            steps = ("schema", 0, "properties", at)
            for option, value in p.get("logicalTypeOptions", {}).items():
                if problem := _problem_of_option(logical, option, value):
                    yield self.violation(
                        draft.place(*steps, "logicalTypeOptions", option),
                        problem,
                        f"write a value that fits `{logical}`",
                    )
            for i, entry in enumerate(p.get("enum", ())):
                if not values.fits(logical, entry["value"]):
                    yield self.violation(
                        draft.place(*steps, "enum", i, "value"),
                        f"`{entry['value']}` is not a {logical}",
                        odcs.quoting(entry["value"])
                        if logical == "string"
                        else f"write a {logical} (quote text)",
                    )


class Described(Rule[Draft]):
    """A column without a description cannot be used by another team."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        for at, p in draft.properties:
            if not str(p.get("description") or "").strip():
                yield self.violation(
                    draft.place("schema", 0, "properties", at, "description"),
                    f"column `{p['name']}` has no description",
                    "say what it means, and its unit",
                )


class Keyed(Rule[Draft]):
    """A primary key identifies each row of a product."""

    def check(self, draft: Draft) -> Iterator[Violation]:
        keys = [(at, p) for at, p in draft.properties if p.get("primaryKey")]
        if not keys and not draft.is_source:
            yield self.violation(
                draft.place("schema", 0, "properties"),
                "the product has no primary key",
                "mark its columns `primaryKey: true`, with `primaryKeyPosition`",
            )
        positions = [p.get("primaryKeyPosition", -1) for _, p in keys]
        if len(keys) > 1 and len(set(positions)) != len(keys):
            yield self.violation(
                draft.place("schema", 0, "properties", keys[-1][0], "primaryKeyPosition"),
                "the positions in the primary key are not distinct",
                "number them 1, 2, ...",
            )


def _problem_of_option(logical: str, option: str, value: Any) -> str:
    """The fault of one ``logicalTypeOptions`` entry; empty where it fits the type."""
    if logical == "boolean":
        return f"a boolean has no option `{option}`"
    try:
        if logical in ("date", "timestamp"):
            if option == "format":
                values.strftime_of(value)
            elif option.lower().endswith("imum"):
                values.bound_of(logical, value)
            elif option == "defaultTimezone" and not values.is_time_zone(value):
                return f"`{value}` is no time zone"
        elif option == "pattern":
            values.regex(value)
        elif logical == "integer" and option == "format" and value not in ("i8", "i16", "i32", "i64"):
            return f"format `{value}` is not stored by the lake"
    except (ValueError, TypeError) as error:
        return str(error)
    return ""
