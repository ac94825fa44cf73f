"""Row rules in pandera: split a batch into rows that keep the contract and rows that do not, each with its reasons.

A rule is one predicate (``broken``). One pass of polars over all predicates finds the rows that break any; pandera then
judges only those, and names the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from quality.contract import Contract
from quality.outcome import RULES, SAMPLES
from quality.rules import DataRule, row_rules, rules_of
from quality.typed import PROVENANCE, as_text, conform, typed

if TYPE_CHECKING:
    import pandera.polars as pa

__all__ = ["PROVENANCE", "RowAudit", "RowSplit", "conform"]
_UNREADABLE = "_unreadable_"
_OF_TEXT = frozenset({"pattern", "min_length", "max_length", "invalid_values", "enum"})
_SAMPLED = 10_000
_TOGETHER = 100
"""Columns that pandera judges at once: it collects the schema of all of them for each."""


@dataclass(frozen=True)
class RowSplit:
    """A split batch.

    Args:
        good: rows that keep the contract: its columns in its order and types, then the provenance.
        bad: the other rows, all columns as text, then the provenance and ``_rules``, the names of their broken rules.
        failed: rule -> number of rows that broke it; only rules with any.
    """

    good: pl.DataFrame
    bad: pl.DataFrame
    failed: Mapping[str, int] = field(default_factory=dict)
    samples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.good.height + self.bad.height

    @property
    def quarantined(self) -> int:
        return self.bad.height


class RowAudit:
    """The row rules of one contract, compiled once for many batches."""

    def __init__(self, contract: Contract, rules: Sequence[DataRule] | None = None) -> None:
        self.contract = contract
        self.rules = row_rules(tuple(rules if rules is not None else rules_of(contract)))

    def split(self, batch: pl.DataFrame, provenance: Sequence[str] = PROVENANCE) -> RowSplit:
        """Split a batch into good and bad rows, each in its order.

        Raises:
            AuditRefused: a column is missing, extra or retyped.
        """
        conform(batch.schema, self.contract, provenance)
        carried = [name for name in provenance if name in batch.columns]
        reading = typed(batch, self.contract)
        checked = reading.frame.with_columns(m.alias(_UNREADABLE + n) for n, m in reading.unreadable.items())
        watched, samples = self._watch(checked)
        broken = self.failure_cases(checked)
        good = reading.frame.with_columns(batch[name] for name in carried)
        if broken is None:
            return RowSplit(
                good, self._bad(batch, carried, pl.Series([], dtype=pl.List(pl.String))), watched, samples
            )
        counts = dict(broken.group_by("check", maintain_order=True).len().iter_rows())
        samples |= self._samples(broken, batch)
        reasons = broken.group_by("index").agg("check").sort("index")
        positions = reasons["index"].cast(pl.UInt32)
        keep = pl.repeat(True, batch.height, dtype=pl.Boolean, eager=True).scatter(positions, False)
        bad = self._bad(batch[positions], carried, reasons["check"])
        return RowSplit(good.filter(keep), bad, {**watched, **counts}, samples)

    def _bad(self, rows: pl.DataFrame, carried: Sequence[str], reasons: pl.Series) -> pl.DataFrame:
        if reasons.is_empty():
            rows = rows.clear()
        text = as_text(rows.select(self.contract.dtypes.keys()))
        return text.with_columns(*(rows[name] for name in carried), reasons.alias(RULES))

    def failure_cases(self, checked: pl.DataFrame) -> pl.DataFrame | None:
        """One line for each rule that a row breaks (``check``, ``index``), or None if none does."""
        at = self._suspects(checked)
        suspects = checked[at]
        cases = self.judged(suspects, self._broken_by(suspects))
        if (0 if cases is None else cases["index"].n_unique()) != at.len():
            raise RuntimeError(
                f"{self.contract.path}: pandera and polars do not agree which rows break a rule"
            )
        return cases if cases is None else cases.with_columns(index=at.gather(cases["index"]))

    def _suspects(self, checked: pl.DataFrame) -> pl.Series:
        """Positions of rows that break any rule."""
        found: list[pl.Expr] = []
        schema = checked.schema
        for rule in self.rules:
            if not rule.quarantines or (rule.kind == "type" and _UNREADABLE + rule.columns[0] not in schema):
                continue
            column = checked.get_column(rule.columns[0])
            if rule.kind in _OF_TEXT and _has_few_values(column):
                # An expensive predicate on text (a pattern) is evaluated once for each distinct text.
                values = column.unique().to_frame()
                bad = values.filter(broken(rule, values.schema)).to_series()
                if bad.len():
                    found.append(pl.col(column.name).is_in(bad.implode()))
            else:
                found.append(broken(rule, schema))
        if not found:
            return pl.Series([], dtype=pl.UInt32)
        return checked.select(pl.any_horizontal(found)).to_series().fill_null(False).arg_true()

    def _broken_by(self, suspects: pl.DataFrame) -> frozenset[str]:
        """Names of the rules that any of these rows breaks: pandera takes milliseconds for each rule."""
        asked = [rule for rule in self.rules if rule.quarantines]
        if not asked:
            return frozenset()
        schema = suspects.schema
        found = suspects.select(broken(rule, schema).any().alias(rule.name) for rule in asked)
        return frozenset(name for name, breaks in found.row(0, named=True).items() if breaks)

    def judged(self, checked: pl.DataFrame, names: frozenset[str]) -> pl.DataFrame | None:
        """Pandera's failure cases of these rows, for the rules of these names."""
        from pandera.config import ValidationDepth, config_context
        from pandera.errors import SchemaErrors

        # Without rows the types are checked all the same. The depth is set here, or else a setting in
        # the environment would turn the audit off.
        schema = checked.schema
        depth = ValidationDepth.SCHEMA_AND_DATA if checked.height else ValidationDepth.SCHEMA_ONLY
        found: list[pl.DataFrame] = []
        with config_context(validation_enabled=True, validation_depth=depth):
            for first in range(0, len(self.contract.columns), _TOGETHER):
                columns = [column.name for column in self.contract.columns[first : first + _TOGETHER]]
                marks = [_UNREADABLE + name for name in columns if _UNREADABLE + name in schema]
                try:
                    self._schema(columns, names).validate(checked.select(*columns, *marks), lazy=True)
                except SchemaErrors as errors:
                    found.append(errors.failure_cases)
                    if found[-1]["index"].null_count():  # a check that raised names no row
                        raise
        return pl.concat(found) if found else None

    def _schema(self, columns: Sequence[str], names: frozenset[str]) -> pa.DataFrameSchema:
        import pandera.polars as pa

        checks: dict[str, list[pa.Check]] = {name: [] for name in columns}
        for rule in self.rules:
            if rule.name in names and rule.columns[0] in checks:
                checks[rule.columns[0]].append(pa.Check(_kept(rule), name=rule.name, ignore_na=True))
        found = {
            # nullable: `required` is a rule with a name of its own
            name: pa.Column(self.contract.dtypes[name], checks[name], nullable=True)
            for name in columns
        }
        return pa.DataFrameSchema(found, strict=False)

    def _watch(self, checked: pl.DataFrame) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
        """Failures and samples of rules with a promised share or a warning, whose rows stay."""
        rules = [r for r in self.rules if not r.quarantines]
        if not rules:
            return {}, {}
        schema = checked.schema
        counts = checked.select(broken(r, schema).fill_null(False).sum().alias(r.name) for r in rules).row(
            0, named=True
        )
        failed = {name: count for name, count in counts.items() if count}
        samples = {
            r.name: tuple(
                as_text(checked.filter(broken(r, schema)).select(r.columns).head(SAMPLES))
                .to_series()
                .drop_nulls()
            )
            for r in rules
            if r.name in failed and r.public
        }
        return failed, samples

    def _samples(self, broken: pl.DataFrame, batch: pl.DataFrame) -> dict[str, tuple[str, ...]]:
        shown = [r for r in self.rules if r.quarantines and r.public]
        samples: dict[str, tuple[str, ...]] = {}
        first = broken.group_by("check").agg(pl.col("index").head(SAMPLES)).rows()
        positions = dict(first)
        for rule in shown:
            if rule.name in positions:
                original = as_text(batch.select(rule.columns)[positions[rule.name]]).to_series()
                samples[rule.name] = tuple(dict.fromkeys("(null)" if v is None else v for v in original))
        return samples


def _has_few_values(column: pl.Series) -> bool:
    """True for many texts that repeat, where finding the distinct ones pays."""
    return (
        column.dtype == pl.String
        and column.len() > 2 * _SAMPLED
        and 2 * column.head(_SAMPLED).n_unique() < _SAMPLED
    )


def _kept(rule: DataRule) -> Callable[[Any], Any]:
    """The rule as a pandera check: True for each row that keeps it, or one True for all."""

    def kept(data: Any) -> pl.LazyFrame | bool:
        frame: pl.LazyFrame = data.lazyframe
        schema = frame.collect_schema()
        if rule.kind == "type" and _UNREADABLE + rule.columns[0] not in schema:
            return True
        return frame.select(~broken(rule, schema))

    return kept


def broken(rule: DataRule, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """True where a row breaks the rule; null or False where it does not (a null breaks only what asks for a value).

    An unreadable value breaks the rule ``type`` alone, and NaN or infinity the rule ``finite`` alone.
    """
    column, name = pl.col(rule.columns[0]), rule.columns[0]
    unreadable = pl.col(_UNREADABLE + name) if _UNREADABLE + name in schema else None
    value: Any = rule.arguments.get("value")
    match rule.kind:
        case "type":
            return unreadable if unreadable is not None else pl.lit(False)
        case "required" | "null_values":
            return column.is_null() & ~unreadable if unreadable is not None else column.is_null()
        case "missing_values":
            null = column.is_null() & ~unreadable if unreadable is not None else column.is_null()
            return null | column.is_in(rule.arguments["values"]).fill_null(False)
        case "finite":
            return ~column.is_finite()
        case "enum":
            return ~column.is_in(rule.arguments["values"])
        case "invalid_values":
            return _invalid(column, rule.arguments)
        case "min_length":
            return column.str.len_chars() < value
        case "max_length":
            return column.str.len_chars() > value
        case "pattern":
            return ~column.str.contains(value)
        case _:
            return _out_of_bounds(rule.kind, column, value, schema[name])


def _out_of_bounds(kind: str, column: pl.Expr, value: Any, dtype: pl.DataType) -> pl.Expr:
    finite = column.is_finite() if dtype.is_float() else pl.lit(True)
    match kind:
        case "minimum":
            return (column < value) & finite
        case "maximum":
            return (column > value) & finite
        case "exclusive_minimum":
            return (column <= value) & finite
        case "exclusive_maximum":
            return (column >= value) & finite
        case "multiple_of":
            times = column / value
            return ((times - times.round()).abs() > 1e-9) & finite
        case _:
            raise NotImplementedError(kind)


def _invalid(column: pl.Expr, arguments: Mapping[str, Any]) -> pl.Expr:
    found = pl.lit(False)
    if "validValues" in arguments:
        found |= ~column.is_in(arguments["validValues"])
    if "pattern" in arguments:
        found |= ~column.str.contains(arguments["pattern"])
    if "minLength" in arguments:
        found |= column.str.len_chars() < arguments["minLength"]
    if "maxLength" in arguments:
        found |= column.str.len_chars() > arguments["maxLength"]
    return found & column.is_not_null()
