"""A contract: the promises of a product's owner, read from one valid ODCS file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl

from mesh_pipelines.errors import ContractError, Violation
from quality import odcs, values
from quality.lint.lint import violations_of_federation
from quality.lint.references import relations_of
from quality.yaml_text import ALIASED

Classification = Literal["public", "internal", "confidential", "restricted"]
Stage = Literal["source", "product"]
OPERATORS = (
    "mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo",
    "mustBeBetween", "mustNotBeBetween",
)  # fmt: skip


@dataclass(frozen=True)
class Requirement:
    """One entry of an ODCS ``quality`` list, as written.

    Args:
        kind: ``library``, ``sql`` or ``custom``.
        operator: one of OPERATORS, with its ``operand`` and ``unit`` (``rows`` or ``percent``).
        query: of an ``sql`` rule, with ``${table}`` and ``${column}`` placeholders.
        expectation: of a ``custom`` rule, the Great Expectations type (``expect_...``), with its ``arguments``.
        place: its JSON path in the file.
    """

    kind: Literal["library", "sql", "custom"]
    name: str = ""
    description: str = ""
    dimension: str = ""
    severity: Literal["error", "warning", "info"] = "error"
    metric: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    operator: str = ""
    operand: Any = None
    unit: Literal["rows", "percent"] = "rows"
    query: str = ""
    expectation: str = ""
    place: str = ""


@dataclass(frozen=True)
class Column:
    """One property of the schema. ``options`` are the ODCS ``logicalTypeOptions``."""

    name: str
    logical_type: str
    physical_type: str
    required: bool
    unique: bool
    classification: Classification
    description: str
    options: Mapping[str, Any] = field(default_factory=dict)
    enum: tuple[Any, ...] = ()
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    quality: tuple[Requirement, ...] = ()

    @property
    def dtype(self) -> pl.DataType:
        return values.dtype_of(self.logical_type, self.physical_type or None)


@dataclass(frozen=True)
class Partition:
    """Partitions of a product: by ``column``, one ``every`` month (day, year) ``since`` e.g. 2013-01.

    A source may have no such column: its files carry the partition in their names. ``until`` is the last partition,
    empty where there is no end.
    """

    column: str | None
    every: Literal["day", "month", "year"]
    since: str
    until: str = ""

    def holds(self, name: str) -> bool:
        """True if the contract declares this partition; a day is no month, and ``2024-13`` is neither."""
        inside = (
            len(name) == len(self.since) and self.since <= name and (not self.until or name <= self.until)
        )
        return inside and values.is_on_the_calendar(name)

    @property
    def span(self) -> str:
        return f"{self.since} to {self.until}" if self.until else f"{self.since} and later"


def next_partition(name: str) -> str:
    """The day, month or year after a partition, e.g. after ``2013-12``."""
    match name.count("-"):
        case 0:
            return str(int(name) + 1)
        case 1:
            year, month = map(int, name.split("-"))
            return f"{year + month // 12}-{month % 12 + 1:02d}"
        case _:
            return (date.fromisoformat(name) + timedelta(days=1)).isoformat()


@dataclass(frozen=True)
class Sla:
    """Service levels in time; ``cron`` is a schedule in ``timezone`` (IANA; empty: the domain's own)."""

    freshness: timedelta | None = None
    latency: timedelta | None = None
    frequency: timedelta | None = None
    retention: timedelta | None = None
    cron: str | None = None
    timezone: str = ""


@dataclass(frozen=True)
class Agreement:
    """Permission of a consumer domain to read for a purpose, until (and with) a day; None: without end."""

    consumer: str
    purpose: str
    until: date | None = None


@dataclass(frozen=True)
class Support:
    """A channel of support for consumers."""

    channel: str
    url: str = ""


@dataclass(frozen=True)
class Server:
    """A server of the product."""

    server: str
    type: str
    location: str = ""


@dataclass(frozen=True)
class Contract:
    """The promise of one product or source.

    Args:
        is_source: True for rows as they land from outside, often raw text; false for a product made of them.
        tolerance: share (0..1) of rows that may be quarantined.
        missing: words that stand for a missing value in raw text, beside the empty string.
        references: JSON path and text of each reference of a relationship, ``product.column`` or with its domain.
    """

    path: Path
    is_source: bool
    id: str
    name: str
    domain: str
    version: str
    status: str
    description: str
    purpose: str
    usage: str
    limitations: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition: Partition | None
    tolerance: float
    missing: tuple[str, ...]
    quality: tuple[Requirement, ...]
    sla: Sla
    team: str
    members: tuple[str, ...]
    support: tuple[Support, ...]
    servers: tuple[Server, ...]
    agreements: tuple[Agreement, ...]
    tags: tuple[str, ...]
    digest: str
    references: tuple[tuple[str, str], ...] = ()

    @cached_property
    def dtypes(self) -> dict[str, pl.DataType]:
        """Column -> type in the lake, in the contract's order."""
        return {c.name: c.dtype for c in self.columns}

    @cached_property
    def classification(self) -> dict[str, str]:
        """Column -> public, internal, confidential or restricted."""
        return {c.name: c.classification for c in self.columns}

    @cached_property
    def public(self) -> frozenset[str]:
        """Columns whose values may be shown to anybody."""
        return frozenset(c.name for c in self.columns if c.classification == "public")

    @cached_property
    def all_public(self) -> bool:
        """No column is classified, so a message may quote what landed."""
        return len(self.public) == len(self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def load_contract(path: Path | str, *, stage: Stage = "product", aliased: int = ALIASED) -> Contract:
    """Read a contract and check it against the standard and the federation's rules.

    Args:
        stage: ``source`` for landed data (needs no primary key), ``product`` for published data.

    Raises:
        ContractError: with every violation found, each with file, JSON path and fix.
    """
    path = Path(path)
    is_source = stage == "source"
    document, content = odcs.read(path, aliased=aliased)
    violations = odcs.violations_of_standard(document, path)
    ours = violations_of_federation(document, path, is_source=is_source, sound=not violations)
    violations = _once(violations, ours)
    if violations:
        raise ContractError(str(path), violations)
    return _build(document, path, is_source, hashlib.sha256(content).hexdigest())


def _once(standard: list[Violation], ours: list[Violation]) -> list[Violation]:
    """One violation of the two kinds for one place: the one with a fix of its own."""
    places = {violation.where for violation in ours}
    kept = [v for v in standard if v.where not in places or v.fix != odcs.NO_FIX]
    reported = {violation.where for violation in kept}
    return kept + [violation for violation in ours if violation.where not in reported]


def _build(document: odcs.Document, path: Path, is_source: bool, digest: str) -> Contract:
    schema = document["schema"][0]
    about = document.get("description", {})
    custom = {p["property"]: p["value"] for p in document.get("customProperties", ())}
    team = document["team"]
    columns = tuple(_column(p, f"schema[0].properties[{i}]") for i, p in enumerate(schema["properties"]))
    keyed = [p for p in schema["properties"] if p.get("primaryKey")]
    keyed.sort(key=lambda p: p.get("primaryKeyPosition", -1))
    partitioned = next((p["name"] for p in schema["properties"] if p.get("partitioned")), None)
    partitions = custom.get("partitions")
    return Contract(
        path=path,
        is_source=is_source,
        id=document["id"],
        name=schema["name"],
        domain=document["domain"],
        version=document["version"],
        status=document.get("status", ""),
        description=schema.get("description", ""),
        purpose=about.get("purpose", ""),
        usage=about.get("usage", ""),
        limitations=about.get("limitations", ""),
        grain=schema.get("dataGranularityDescription", ""),
        columns=columns,
        key=tuple(p["name"] for p in keyed),
        partition=Partition(
            partitioned, partitions["every"], partitions["since"], partitions.get("until", "")
        )
        if partitions and (partitioned or is_source)
        else None,
        tolerance=custom.get("tolerance", 0) / 100,
        missing=tuple(custom.get("missingValues", ())),
        quality=requirements(schema, "schema[0]"),
        sla=_sla(document.get("slaProperties", ())),
        team=team["name"],
        members=tuple(m["username"] for m in team["members"]),
        support=tuple(Support(s["channel"], s.get("url", "")) for s in document.get("support", ())),
        servers=tuple(
            Server(s["server"], s["type"], str(s.get("path") or s.get("location") or s.get("database") or ""))
            for s in document["servers"]
        ),
        agreements=tuple(_agreement(r) for r in document.get("roles", ())),
        tags=tuple(document.get("tags", ())),
        digest=digest,
        references=tuple((odcs.json_path(steps), text) for steps, text in relations_of(document)),
    )


def _column(p: Mapping[str, Any], place: str) -> Column:
    return Column(
        name=p["name"],
        logical_type=p["logicalType"],
        physical_type=p.get("physicalType", ""),
        required=bool(p.get("required") or p.get("primaryKey")),
        unique=bool(p.get("unique")),
        classification=p["classification"],
        description=p["description"],
        options=p.get("logicalTypeOptions", {}),
        enum=tuple(e["value"] for e in p.get("enum", ())),
        sources=tuple(p.get("transformSourceObjects", ())),
        tags=tuple(p.get("tags", ())),
        quality=requirements(p, place),
    )


def requirements(element: Mapping[str, Any], place: str) -> tuple[Requirement, ...]:
    """Checkable ``quality`` entries of a schema object or property; entries of type ``text`` are for people."""
    return tuple(
        _requirement(q, f"{place}.quality[{i}]")
        for i, q in enumerate(element.get("quality", ()))
        if q.get("type") != "text"
    )


def _requirement(q: Mapping[str, Any], place: str) -> Requirement:
    operator = next((o for o in OPERATORS if o in q), "")
    implementation = q.get("implementation", {})
    if isinstance(implementation, str):
        implementation = odcs.parse(implementation)
    return Requirement(
        kind=q.get("type", "library"),
        name=q.get("name", "") or q.get("id", ""),
        description=q.get("description", ""),
        dimension=q.get("dimension", ""),
        severity=q.get("severity", "error"),
        metric=q.get("metric", ""),
        arguments=implementation.get("kwargs", {}) if implementation else q.get("arguments", {}),
        operator=operator,
        operand=q.get(operator),
        unit=q.get("unit", "rows"),
        query=q.get("query", ""),
        expectation=implementation.get("type", ""),
        place=place,
    )


def _sla(properties: Any) -> Sla:
    times: dict[str, Any] = {}
    for p in properties:
        if p["property"] in ("freshness", "latency", "frequency", "retention"):
            times[p["property"]] = values.duration(p["value"], p.get("unit"))
        if p.get("schedule") and ("cron" not in times or p["property"] == "frequency"):
            times["cron"] = p["schedule"]
            custom = {c["property"]: c["value"] for c in p.get("customProperties", ())}
            times["timezone"] = custom.get("timezone", "")
    return Sla(**times)


def _agreement(role: Mapping[str, Any]) -> Agreement:
    custom = {c["property"]: c["value"] for c in role.get("customProperties", ())}
    until = custom.get("until")
    return Agreement(role["role"], custom["purpose"], date.fromisoformat(until) if until else None)
