"""Compile a contract into engine-neutral rules: kind of check, columns and allowance."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from quality import values
from quality.contract import Column, Contract, Requirement

Severity = Literal["error", "warning"]
Scope = Literal["row", "dataset"]
BOUNDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive_minimum",
    "exclusiveMaximum": "exclusive_maximum",
    "minLength": "min_length",
    "maxLength": "max_length",
    "multipleOf": "multiple_of",
    "pattern": "pattern",
}
DIMENSIONS = {
    "type": "conformity", "required": "completeness", "null_values": "completeness", "missing_values": "completeness",
    "unique": "uniqueness", "duplicates": "uniqueness", "row_count": "coverage", "finite": "accuracy",
}  # fmt: skip


@dataclass(frozen=True)
class Allowance:
    """Number of failures allowed: a share (0..1) of the checked, or a number of rows; ``strict`` excludes the limit."""

    limit: float = 0.0
    unit: Literal["share", "rows"] = "share"
    strict: bool = False

    def rows(self, checked: int) -> int:
        """Greatest allowed number of failures among so many rows."""
        exact = self.limit * checked if self.unit == "share" else self.limit
        # The slack swallows what binary fractions add: 0.07 of 100 rows is 7 rows.
        return max(0, math.ceil(exact - 1e-9) - 1 if self.strict else math.floor(exact + 1e-9))

    def __str__(self) -> str:
        amount = f"{self.limit * 100:g} %" if self.unit == "share" else f"{self.limit:g} rows"
        return f"less than {amount}" if self.strict else f"at most {amount}"


@dataclass(frozen=True)
class DataRule:
    """One rule of a contract, independent of the engine that checks it.

    Args:
        kind: kind of check. Of rows: type, required, finite, minimum, maximum, exclusive_minimum,
            exclusive_maximum, min_length, max_length, multiple_of, pattern, enum, null_values, missing_values,
            invalid_values. Of datasets: unique, duplicates, row_count, sql, expectation.
        arguments: of the kind, e.g. ``{"value": 3}`` for minimum.
        allowance: failures allowed before the whole candidate is refused.
        quarantines: true if a row that breaks it is taken out; false for warnings and for a promised share
            (``nullValues`` of less than 5 percent), where rows stay and are counted.
        public: all its columns are public, so samples may be shown.
        place: JSON path of the ``quality`` entry that asks for it; empty for a rule of a column's own fields.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    scope: Scope
    arguments: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "error"
    allowance: Allowance = Allowance()
    dimension: str = ""
    description: str = ""
    quarantines: bool = False
    public: bool = False
    place: str = ""

    @property
    def tolerance(self) -> float:
        """Share (0..1) that may fail; 0 where the allowance counts rows."""
        return self.allowance.limit if self.allowance.unit == "share" else 0.0


def rules_of(contract: Contract) -> tuple[DataRule, ...]:
    """All rules of a contract: row rules in the order of its columns, then dataset rules. A row rule without an
    allowance has the contract's tolerance. Names are unique: the second of two equal names gets ``_2``.
    """
    found = [rule for column in contract.columns for rule in _row_rules(contract, column)]
    found += _dataset_rules(contract)
    return tuple(_named_apart(_completed(rule, contract) for rule in found))


def row_rules(rules: tuple[DataRule, ...]) -> tuple[DataRule, ...]:
    """Rules over one row at a time."""
    return tuple(r for r in rules if r.scope == "row")


def dataset_rules(rules: tuple[DataRule, ...]) -> tuple[DataRule, ...]:
    """Rules over all rows together."""
    return tuple(r for r in rules if r.scope == "dataset")


def _completed(rule: DataRule, contract: Contract) -> DataRule:
    return replace(
        rule,
        # In a line that is shifted, the value of a classified column stands in a public one.
        public=all(c in contract.public for c in rule.columns)
        and (contract.all_public or not contract.is_source),
        dimension=rule.dimension or DIMENSIONS.get(rule.kind, "conformity"),
    )


def _named_apart(rules: Iterator[DataRule]) -> Iterator[DataRule]:
    taken: set[str] = set()
    for rule in rules:
        base = re.sub(r"[^a-z0-9]+", "_", rule.name.lower()).strip("_") or rule.kind
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}_{count}"
        taken.add(name)
        yield replace(rule, name=name)


def _row_rules(contract: Contract, column: Column) -> Iterator[DataRule]:
    within = Allowance(contract.tolerance)

    def rule(kind: str, description: str, **arguments: Any) -> DataRule:
        return DataRule(
            f"{column.name}_{kind}", kind, (column.name,), "row", arguments,
            allowance=within, description=description, quarantines=True,
        )  # fmt: skip

    name, logical = column.name, column.logical_type
    if logical != "string":
        yield rule("type", f"{name} is {values.with_article(logical)}")
    if column.required:
        yield rule("required", f"{name} is there")
    if logical == "number":
        yield rule("finite", f"{name} is neither NaN nor infinite")
    for option, kind in BOUNDS.items():
        if option in column.options:
            value = column.options[option]
            if option.lower().endswith("imum"):
                value = values.bound_of(logical, value, column.options.get("defaultTimezone", "UTC"))
            yield rule(kind, f"{name}: {option} {column.options[option]}", value=value)
    if column.enum:
        known = tuple(_typed(logical, v) for v in column.enum)
        yield rule("enum", f"{name} is one of {len(known)} listed values", values=known)
    for requirement in column.quality:
        if compile_row := _METRICS.get(requirement.metric):
            yield _required_of(compile_row(column, requirement), requirement, contract)


def _typed(logical: str, value: Any) -> Any:
    return (
        values.bound_of(logical, value) if logical in ("date", "timestamp") and value is not None else value
    )


def _null_values(column: Column, _: Requirement) -> DataRule:
    return DataRule(f"{column.name}_null_values", "null_values", (column.name,), "row")


def _missing_values(column: Column, requirement: Requirement) -> DataRule:
    # Null is missing, listed or not: the markers of raw text have become null by then.
    listed = tuple(
        _typed(column.logical_type, v)
        for v in requirement.arguments.get("missingValues", ())
        if values.fits(column.logical_type, v)
    )
    return DataRule(
        f"{column.name}_missing_values", "missing_values", (column.name,), "row", {"values": listed}
    )


def _invalid_values(column: Column, requirement: Requirement) -> DataRule:
    arguments = dict(requirement.arguments)
    if "validValues" in arguments:
        arguments["validValues"] = tuple(_typed(column.logical_type, v) for v in arguments["validValues"])
    return DataRule(f"{column.name}_invalid_values", "invalid_values", (column.name,), "row", arguments)


_METRICS: dict[str, Callable[[Column, Requirement], DataRule]] = {
    "nullValues": _null_values,
    "missingValues": _missing_values,
    "invalidValues": _invalid_values,
}


def _required_of(rule: DataRule, requirement: Requirement, contract: Contract) -> DataRule:
    # What a query or an expectation gives is compared, and counts no bad rows.
    allowance = Allowance() if rule.kind in ("sql", "expectation", "row_count") else allowance_of(requirement)
    severity: Severity = "error" if requirement.severity == "error" else "warning"
    zero = allowance.rows(10**12) == 0
    quarantines = rule.scope == "row" and severity == "error" and (zero or rule.kind == "invalid_values")
    if quarantines and zero:
        # "No bad value" is promised of what is published, and quarantine keeps that promise.
        allowance = Allowance(contract.tolerance)
    return replace(
        rule,
        name=requirement.name or rule.name,
        description=requirement.description or rule.description or f"{requirement.metric}: {allowance}",
        dimension=requirement.dimension,
        severity=severity,
        allowance=allowance,
        quarantines=quarantines,
        place=requirement.place,
    )


def allowance_of(requirement: Requirement) -> Allowance:
    """Allowance of an ODCS operator with an upper limit on bad values."""
    if requirement.operator not in ("mustBe", "mustBeLessThan", "mustBeLessOrEqualTo"):
        return Allowance()
    strict = requirement.operator == "mustBeLessThan"
    if requirement.unit == "percent":
        return Allowance(requirement.operand / 100, "share", strict)
    return Allowance(requirement.operand, "rows", strict)


def _dataset_rules(contract: Contract) -> Iterator[DataRule]:
    if contract.key:
        yield DataRule(
            "key_unique",
            "unique",
            contract.key,
            "dataset",
            description=f"({', '.join(contract.key)}) is unique",
        )
    for column in contract.columns:
        if column.unique and contract.key != (column.name,):
            yield DataRule(
                f"{column.name}_unique",
                "unique",
                (column.name,),
                "dataset",
                description=f"{column.name} is unique",
            )
    entries = [(None, q) for q in contract.quality] + [(c, q) for c in contract.columns for q in c.quality]
    for column, requirement in entries:
        if rule := _dataset_rule(contract, column, requirement):
            yield _required_of(rule, requirement, contract)


def _dataset_rule(contract: Contract, column: Column | None, requirement: Requirement) -> DataRule | None:
    prefix = f"{column.name}_" if column else ""
    comparison = {"operator": requirement.operator, "operand": requirement.operand}
    if requirement.metric == "duplicateValues":
        columns = tuple(requirement.arguments.get("properties", ())) or ((column.name,) if column else ())
        return DataRule(f"{'_'.join(columns)}_duplicates", "duplicates", columns, "dataset")
    if requirement.metric == "rowCount":
        description = f"row count: {requirement.operator} {requirement.operand}"
        return DataRule("row_count", "row_count", (), "dataset", comparison, description=description)
    if requirement.kind == "sql":
        query = requirement.query.replace("${property}", "${column}").replace("${object}", "${table}")
        query = query.replace("${column}", f'"{column.name}"' if column else "${column}")
        columns = _columns_in(query, contract)
        return DataRule(
            f"{prefix}sql", "sql", columns, "dataset", {"query": query, **comparison}, description=query
        )
    if requirement.kind == "custom":
        columns = _columns_named(requirement.arguments, contract)
        arguments = {"type": requirement.expectation, "kwargs": dict(requirement.arguments)}
        name = f"{prefix}{requirement.expectation.removeprefix('expect_')}"
        return DataRule(
            name, "expectation", columns, "dataset", arguments, description=requirement.expectation
        )
    return None


def _columns_in(query: str, contract: Contract) -> tuple[str, ...]:
    if re.search(r"\*", re.sub(r"count\s*\(\s*\*\s*\)", "", query, flags=re.IGNORECASE)):
        bare = re.search(r"(select|,|\.)\s*(all\s+|distinct\s+)?\*", query, re.IGNORECASE)
        if bare:
            return tuple(contract.dtypes)
    words = {w.lower() for w in re.findall(r"\w+", query)}
    return tuple(c for c in contract.dtypes if c.lower() in words)


def _columns_named(arguments: Mapping[str, Any], contract: Contract) -> tuple[str, ...]:
    """Columns named by a string among the arguments, and those in its condition."""

    def strings(node: object) -> Iterator[str]:
        if isinstance(node, str):
            yield node
        elif isinstance(node, Mapping):
            for child in node.values():
                yield from strings(child)
        elif isinstance(node, list | tuple):
            for child in node:
                yield from strings(child)

    condition = " ".join(strings(arguments.get("row_condition")))
    named = {*strings(arguments), *re.findall(r"\w+", condition)}
    return tuple(c for c in contract.dtypes if c in named)
