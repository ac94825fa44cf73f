"""Dataset rules in Great Expectations on DuckDB: rules over all rows together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import polars as pl

from quality.outcome import SAMPLES, RuleResult, result_of
from quality.rules import DataRule, dataset_rules
from quality.validation import ABOUT_KEYS, Here, Validation, repeats

if TYPE_CHECKING:
    from quality.gx import Finding

BATCH = 1_000_000
COUNT = "_count"
"""Column beside keys; a contract's own columns begin with a letter."""


@dataclass(frozen=True)
class DatasetVerdict:
    """Results of the dataset rules; ``page`` is this run's page of the Data Docs, if there are any."""

    results: tuple[RuleResult, ...] = ()
    page: Path | None = None


class DatasetAudit:
    """The dataset rules of one candidate, in a `with` block: rows are added batch after batch, and then judged.

    Only the columns that the rules name are kept. A key is kept as a fingerprint, which finds the keys that may
    repeat: DuckDB would take longer to group ten million keys than all the other rules take together.
    """

    def __init__(
        self, rules: Sequence[DataRule], schema: Mapping[str, pl.DataType], validation: Validation
    ) -> None:
        self._rules, self._validation = tuple(rules), validation
        named = {c for rule in rules if rule.kind not in ABOUT_KEYS for c in rule.columns}
        self._columns = [name for name in schema if name in named]
        self._keys = {repeats(rule): rule for rule in rules if rule.kind in ABOUT_KEYS}
        self._empty = pl.DataFrame(schema=dict(schema))
        self._prints: dict[str, list[pl.Series]] = {name: [] for name in self._keys}
        self._rows, self._closed = 0, False

    def __enter__(self) -> DatasetAudit:
        if self._columns:
            self._validation.begin(self._empty.select(self._columns))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._validation.close()

    @property
    def reads(self) -> list[str]:
        """Columns that the rules name."""
        wanted = {*self._columns, *(c for rule in self._keys.values() for c in rule.columns)}
        return [name for name in self._empty.columns if name in wanted]

    def add(self, rows: pl.DataFrame) -> None:
        """Add any number of rows, with at least the columns in :attr:`reads`."""
        self._rows += rows.height
        prints = rows.select(_fingerprint(rule.columns).alias(name) for name, rule in self._keys.items())
        for name, found in self._prints.items():
            found.append(prints.get_column(name))
        if self._columns and rows.height:
            self._validation.insert(rows.select(self._columns))

    def judge(self, again: Callable[[], pl.LazyFrame]) -> DatasetVerdict:
        """One result for each rule, in their order.

        A rule that could not be computed (a mistake in its SQL, say) has failed; its ``detail`` is the reason.

        Args:
            again: all added rows once more; called only if keys seem to repeat.
        """
        twice = {name: self._repeated_keys(name, again) for name in self._keys}
        marks = {
            name: _fingerprint(self._keys[name].columns).is_in(
                keys.select(_fingerprint(self._keys[name].columns)).to_series().implode()
            )
            for name, keys in twice.items()
            if keys.height
        }
        if marks:
            # The rows that repeat a key are known only now: a second, rarer pass.
            marked = again().select(*self._columns, *(mark.alias(name) for name, mark in marks.items()))
            self._validation.begin(pl.DataFrame(schema=marked.collect_schema()))
            for batch in marked.collect_batches(chunk_size=BATCH, maintain_order=False):
                self._validation.insert(batch)
        findings = self._validation.judge(self._rules, self._rows, [n for n in twice if n not in marks])
        results = tuple(
            _result(rule, finding, self._rows, twice.get(repeats(rule)))
            for rule, finding in zip(self._rules, findings, strict=True)
        )
        return DatasetVerdict(results, self._validation.page())

    def publish(self) -> None:
        """Write the page of the Data Docs of what was judged; a validation in another process does so later."""
        self._validation.publish()

    def _repeated_keys(self, name: str, again: Callable[[], pl.LazyFrame]) -> pl.DataFrame:
        columns, prints = self._keys[name].columns, self._prints[name]
        repeated = _repeated(pl.concat(prints)) if prints else pl.Series(dtype=pl.UInt64)
        if repeated.is_empty():
            return self._empty.select(columns).with_columns(pl.lit(0, dtype=pl.UInt32).alias(COUNT))
        return _repeated_keys(again(), columns, repeated)


def audit_dataset(
    rules: Sequence[DataRule], frame: pl.LazyFrame, *, name: str, **options: Any
) -> DatasetVerdict:
    """Check the dataset rules over all rows of a frame, in this process.

    Only the columns that the rules name are read, once, batch after batch. Data beyond DuckDB's memory limit
    goes to encrypted files, whose key never leaves memory, and which are removed in the end.

    Args:
        rules: of the contract; row rules among them are ignored.
    """
    rules = dataset_rules(tuple(rules))
    if not rules:
        return DatasetVerdict()
    with DatasetAudit(rules, frame.collect_schema(), Here(name, **options)) as audit:
        wanted = frame.select(audit.reads) if audit.reads else frame
        for batch in wanted.collect_batches(chunk_size=BATCH, maintain_order=False):
            audit.add(batch)
        verdict = audit.judge(lambda: frame)
        audit.publish()
        return verdict


def find_duplicates(frame: pl.LazyFrame, key: Sequence[str]) -> pl.DataFrame:
    """Find keys of more than one row.

    Keys are compared by a 64-bit fingerprint first, so that a frame larger than memory passes: eight bytes a
    row are held. Rows whose key is all null are ignored.

    Returns:
        One row for each duplicated key: the key's columns and ``COUNT``, the rows that have it.
    """
    prints = frame.select(_fingerprint(key)).collect(engine="streaming").to_series()
    return _repeated_keys(frame, key, _repeated(prints))


def _repeated(prints: pl.Series) -> pl.Series:
    """Fingerprints that occur in more than one row."""
    import numpy as np

    # Sorting numbers takes a tenth of the time that grouping them does.
    ordered = np.sort(prints.drop_nulls().to_numpy())
    return pl.Series(np.unique(ordered[1:][ordered[1:] == ordered[:-1]]), dtype=pl.UInt64)


def _repeated_keys(frame: pl.LazyFrame, key: Sequence[str], prints: pl.Series) -> pl.DataFrame:
    """Keys of more than one row, among those with these fingerprints."""
    columns, schema = list(key), frame.collect_schema()
    if not prints.len():
        return pl.DataFrame(schema={c: schema[c] for c in columns} | {COUNT: pl.UInt32})
    candidates = frame.select(columns).filter(_fingerprint(columns).is_in(prints.implode()))
    counted = (
        candidates.group_by(columns).agg(pl.len().cast(pl.UInt32).alias(COUNT)).filter(pl.col(COUNT) > 1)
    )
    return counted.sort(columns).collect(engine="streaming")


def _fingerprint(columns: Sequence[str]) -> pl.Expr:
    there = pl.any_horizontal(pl.col(c).is_not_null() for c in columns)
    # A fifth of the time that hashing them as one struct takes.
    return pl.when(there).then(pl.sum_horizontal(pl.col(c).hash(seed=seed) for seed, c in enumerate(columns)))


def _result(rule: DataRule, finding: Finding, rows: int, twice: pl.DataFrame | None) -> RuleResult:
    promised = f"promised {rule.arguments.get('operator')} {rule.arguments.get('operand')}"
    hidden = "(hidden: it looks at classified columns)"
    if finding.error:
        detail = f"could not be computed: {finding.error}"
        return result_of(rule, rows, 0, passed=False, detail=detail, computed=False)
    match rule.kind:
        case "unique" | "duplicates":
            if not finding.unexpected or twice is None:
                return result_of(rule, rows, 0, passed=finding.success)
            samples = twice.drop(COUNT).head(SAMPLES).to_dicts()
            return result_of(rule, rows, int(twice[COUNT].sum()), _shown(samples))
        case "row_count":
            return result_of(rule, rows, 0, passed=finding.success, detail=f"{rows:,} rows, {promised}")
        case "sql":
            observed = finding.observed if rule.public else hidden
            detail = "" if finding.success else f"observed {observed}, {promised}"
            return result_of(rule, rows, 0, passed=finding.success, detail=detail)
        case _:
            observed = finding.observed if rule.public else hidden
            detail = "" if finding.observed is None else f"observed {observed}"
            return result_of(
                rule, rows, finding.unexpected, _shown(finding.samples), passed=finding.success, detail=detail
            )


def _shown(samples: Sequence[Any]) -> list[str]:
    texts = (
        ", ".join(f"{k}={v}" for k, v in sample.items()) if isinstance(sample, dict) else str(sample)
        for sample in samples
    )
    return list(dict.fromkeys(texts))[:SAMPLES]
