"""What the federation asks of a contract beyond the standard: class name = rule, docstring = why, with the fix."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mesh_pipelines.errors import Violation
from quality import odcs, values

CLASSIFICATIONS = ("public", "internal", "confidential", "restricted")
SEVERITIES = ("error", "warning", "info")
OURS = ("tolerance", "partitions", "missingValues")  # contract-level customProperties that the mesh reads
TIMES = ("freshness", "latency", "frequency", "retention")
OTHER_SLA = (
    "availability", "throughput", "errorRate", "generalAvailability", "endOfSupport", "endOfLife", "timeToDetect",
    "timeToNotify", "timeToRepair", "timeOfAvailability",
)  # fmt: skip
METRIC_ARGUMENTS = {
    "nullValues": (),
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern", "minLength", "maxLength"),
    "duplicateValues": ("properties",),
    "rowCount": (),
}
CAPS = ("mustBe", "mustBeLessThan", "mustBeLessOrEqualTo")
Finding = tuple[tuple[object, ...], str, str]
Properties = list[tuple[int, Mapping[str, Any]]]


@dataclass(frozen=True)
class Draft:
    """A contract as written, not yet known to be sound."""

    document: Mapping[str, Any]
    stage: str

    @property
    def properties(self) -> Properties:
        return list(enumerate(self.document["schema"][0]["properties"]))

    @property
    def names(self) -> list[str]:
        return [p["name"] for _, p in self.properties]

    def qualities(self) -> Iterator[tuple[tuple[object, ...], Mapping[str, Any], Mapping[str, Any] | None]]:
        """Each quality entry with its place and, if it stands at one, its property."""
        schema = self.document["schema"][0]
        for i, entry in enumerate(schema.get("quality", ())):
            yield ("schema", 0, "quality", i), entry, None
        for at, p in self.properties:
            for i, entry in enumerate(p.get("quality", ())):
                yield ("schema", 0, "properties", at, "quality", i), entry, p

    def custom(self, name: str) -> tuple[tuple[object, ...], Any] | None:
        for i, p in enumerate(self.document.get("customProperties", ())):
            if p["property"] == name:
                return ("customProperties", i, "value"), p["value"]
        return None


class Lint(ABC):
    """One rule of the federation over a contract."""

    @abstractmethod
    def check(self, draft: Draft) -> Iterable[Finding]:
        """Place, problem and fix of everything that breaks the rule."""


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


class Classified(Lint):
    """Every column is classified, for only `public` ones are stored in clear."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        for at, p in draft.properties:
            given = p.get("classification")
            if given not in CLASSIFICATIONS:
                problem = f"column `{p['name']}` is " + (
                    f"classified `{given}`" if given else "not classified"
                )
                place = ("schema", 0, "properties", at, "classification")
                yield place, problem, f"write one of {', '.join(CLASSIFICATIONS)}"


class Described(Lint):
    """A column that nobody described cannot be used by another team."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        for at, p in draft.properties:
            if not str(p.get("description") or "").strip():
                place = ("schema", 0, "properties", at, "description")
                yield place, f"column `{p['name']}` has no description", "say what it means, and its unit"


class Owned(Lint):
    """Somebody answers for it: a team with a name and at least one member, by mail address."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        team = draft.document.get("team") or {}
        if not isinstance(team, Mapping):
            yield ("team",), "the team is a bare list", "write `team: {name: ..., members: [...]}`"
            return
        if not team.get("name"):
            yield (
                ("team", "name"),
                "the contract has no owning team",
                "add `team: {name: ..., members: [...]}`",
            )
        if not team.get("members"):
            yield ("team", "members"), "the team has no member", "add at least one member: `username: <mail>`"
        for i, member in enumerate(team.get("members", ())):
            if not re.match(r"[^@\s]+@[^@\s]+\Z", member.get("username", "")):
                problem = f"`{member.get('username', '')}` is no mail address"
                yield ("team", "members", i, "username"), problem, "write the member's mail address"


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


class Served(Lint):
    """Consumers are told where the product is."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        if not draft.document.get("servers"):
            fix = "add `servers: [{server: lake, type: local, path: ..., format: delta}]`"
            yield ("servers",), "the contract names no server", fix


class PromisesInTime(Lint):
    """Every service level can be read: known property, number and unit, cron with a real time zone."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        for i, p in enumerate(draft.document.get("slaProperties", ())):
            name = p["property"]
            if name not in (*TIMES, *OTHER_SLA):
                problem = f"service level `{name}` is not known"
                yield (
                    ("slaProperties", i, "property"),
                    problem,
                    f"write one of {', '.join((*TIMES, *OTHER_SLA))}",
                )
            if name in TIMES:
                try:
                    values.duration(p["value"], p.get("unit"))
                except ValueError as error:
                    yield (
                        ("slaProperties", i),
                        f"{name}: {error}",
                        f"e.g. `value: 1, unit: d` (of {', '.join(values.UNITS)})",
                    )
            schedule = p.get("schedule")
            if schedule and (p.get("scheduler", "cron") != "cron" or len(schedule.split()) != 5):
                yield (
                    ("slaProperties", i, "schedule"),
                    f"`{schedule}` is no cron schedule",
                    "write five fields, e.g. `0 6 * * *`",
                )
            for j, c in enumerate(p.get("customProperties", ())):
                if c["property"] == "timezone":
                    try:
                        ZoneInfo(c["value"])
                    except (ValueError, TypeError, ZoneInfoNotFoundError, IsADirectoryError):
                        place = ("slaProperties", i, "customProperties", j, "value")
                        yield (
                            place,
                            f"`{c['value']}` is no time zone",
                            "write an IANA name, e.g. `America/New_York`",
                        )


class OurPropertiesAreTyped(Lint):
    """The custom properties that the mesh reads are well typed, and not misspelt."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        import difflib

        for i, p in enumerate(draft.document.get("customProperties", ())):
            near = difflib.get_close_matches(p["property"], OURS, n=1)
            if near and p["property"] not in OURS:
                problem = f"custom property `{p['property']}` is not read by the mesh"
                yield ("customProperties", i, "property"), problem, f"did you mean `{near[0]}`?"
        if found := draft.custom("tolerance"):
            place, value = found
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
                yield (
                    place,
                    f"tolerance `{value}` is no percentage",
                    "write a number from 0 to 100 (percent of rows)",
                )
        if found := draft.custom("missingValues"):
            place, value = found
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                yield (
                    place,
                    f"missingValues `{value}` is no list of words",
                    "write e.g. `[NA, null]`, quoted where YAML asks",
                )


class Partitioned(Lint):
    """A partitioned product says by which column, in which steps and since when, and until when if that is known."""

    SINCE: ClassVar[dict[str, str]] = {
        "day": r"\d{4}-\d\d-\d\d\Z",
        "month": r"\d{4}-\d\d\Z",
        "year": r"\d{4}\Z",
    }

    def check(self, draft: Draft) -> Iterable[Finding]:
        columns = [(at, p) for at, p in draft.properties if p.get("partitioned")]
        found = draft.custom("partitions")
        if len(columns) > 1:
            place = ("schema", 0, "properties", columns[1][0], "partitioned")
            yield place, "a product has one partition column at most", "keep one `partitioned: true`"
        if columns and columns[0][1].get("logicalType") != "string":
            place = ("schema", 0, "properties", columns[0][0], "logicalType")
            yield place, "the partition column is not a string", "make it a string such as 2013-03"
        # Files of a source carry their partition in their name, so it needs no column.
        if bool(columns) != bool(found) and not (found and draft.stage == "source"):
            fix = 'write both `partitioned: true` at the column and `partitions: {every: month, since: "2013-01"}`'
            yield found[0] if found else ("customProperties",), "only half of a partitioning is given", fix
        if found:
            place, value = found
            every = value.get("every") if isinstance(value, dict) else None
            if every not in self.SINCE or set(value) - {"until"} != {"every", "since"}:
                yield (
                    place,
                    f"partitions `{value}` cannot be read",
                    'write `{every: day|month|year, since: "2013-01"}`, and `until` where there is a last one',
                )
                return
            given = {word: value[word] for word in ("since", "until") if word in value}
            form = re.compile(self.SINCE[every])
            wrong = [word for word, name in given.items() if not (isinstance(name, str) and form.match(name))]
            for word in wrong:
                yield (
                    (*place, word),
                    f"`{value[word]}` is no {every}",
                    'quote it, e.g. "2013-01" for a month',
                )
            if not wrong and value.get("until", value["since"]) < value["since"]:
                yield (
                    (*place, "until"),
                    f"the last {every} `{value['until']}` is before the first",
                    f"write `{value['since']}` or a later one, or leave it out",
                )


class AgreementsAreTyped(Lint):
    """A role is an agreement: which domain reads, for which purpose, until when."""

    def check(self, draft: Draft) -> Iterable[Finding]:
        for i, role in enumerate(draft.document.get("roles", ())):
            custom = {c["property"]: c["value"] for c in role.get("customProperties", ())}
            if role.get("access") != "read":
                yield (
                    ("roles", i, "access"),
                    f"access `{role.get('access')}` is not granted by the mesh",
                    "write `access: read`",
                )
            if not isinstance(custom.get("purpose"), str):
                fix = "add `customProperties: [{property: purpose, value: ...}]`"
                yield ("roles", i, "customProperties"), f"role `{role['role']}` has no purpose", fix
            if "until" in custom:
                try:
                    date.fromisoformat(custom["until"])
                except (TypeError, ValueError):
                    place = ("roles", i, "customProperties")
                    yield place, f"until `{custom['until']}` is no day", "write an ISO date, e.g. 2027-12-31"


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


@cache
def expectations() -> Mapping[str, Path]:
    """The file of each expectation that Great Expectations offers: to import it takes seconds, to look takes none."""
    spec = find_spec("great_expectations")
    if spec is None or spec.origin is None:
        return {}
    core = Path(spec.origin).parent / "expectations" / "core"
    offered = re.findall(
        r"^from \S*?(expect_\w+) import", (core / "__init__.py").read_text("utf-8"), re.MULTILINE
    )
    return {name: core / f"{name}.py" for name in offered}


_OF_MANY = (
    "column", "column_A", "column_B", "column_list", "mostly", "row_condition", "condition_parser", "ignore_row_if",
)  # fmt: skip
"""Arguments that expectations have from their base classes."""


@cache
def arguments_of(kind: str) -> frozenset[str]:
    """What an expectation can be told, as its file says; empty for one that does not exist."""
    file = expectations().get(kind)
    if file is None:
        return frozenset()
    own = re.findall(r"^    ([a-z]\w*): (?!ClassVar)", file.read_text(encoding="utf-8"), re.MULTILINE)
    return frozenset([*own, *_OF_MANY])


LINTS: tuple[Lint, ...] = tuple(kind() for kind in Lint.__subclasses__())


def violations_of_federation(
    document: Mapping[str, Any], path: Path, stage: str, *, sound: bool = True
) -> list[Violation]:
    """Every rule of the federation that the contract breaks.

    Args:
        document: the contract as read.
        path: its file, for the message.
        stage: ``source`` or ``product``.
        sound: False if the document already broke the standard; a rule that stumbles over it is then passed over.
    """
    draft, found = Draft(document, stage), list[Violation]()
    for lint in LINTS:
        try:
            for place, problem, fix in lint.check(draft):
                found.append(Violation(type(lint).__name__, f"{path}: {odcs.json_path(place)}", problem, fix))
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            if sound and not found:
                raise
    return found
