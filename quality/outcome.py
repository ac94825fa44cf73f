"""The outcome of an audit: results of the rules, and the verdict over the candidate."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

from quality.markup import markdown_cell
from quality.rules import Allowance, DataRule, Severity, row_rules

Verdict = Literal["passed", "refused"]
SAMPLES = 5
RULES = "_rules"
"""Column of refused rows: the rules that each row broke."""


@dataclass(frozen=True)
class RuleResult:
    """Result of one rule.

    Args:
        passed: true if no more rows failed than the rule allows.
        samples: some of the values that broke it, as text; empty unless all of its columns are public.
        computed: false where its engine could not compute it: the rule is at fault, not the rows.
    """

    rule: str
    passed: bool
    severity: Severity
    checked: int
    failed: int
    samples: tuple[str, ...] = ()
    detail: str = ""
    scope: Literal["row", "dataset"] = "dataset"
    kind: str = ""
    columns: tuple[str, ...] = ()
    dimension: str = ""
    description: str = ""
    computed: bool = True

    @property
    def share(self) -> float:
        return self.failed / self.checked if self.checked else 0.0

    @property
    def blocks(self) -> bool:
        """True if this result alone refuses the candidate."""
        return not self.passed and self.severity == "error"


def result_of(
    rule: DataRule,
    checked: int,
    failed: int,
    samples: Sequence[str] = (),
    *,
    passed: bool | None = None,
    detail: str = "",
    computed: bool = True,
) -> RuleResult:
    """The result of a rule from its numbers of checked and failed rows.

    ``passed`` follows from the rule's allowance unless it is given (for a rule that counts no rows).
    """
    allowed = rule.allowance.rows(checked)
    if not detail and failed:
        share = failed / checked if checked else 0.0
        detail = f"{failed:,} of {checked:,} rows ({share:.2%}) break it; allowed: {rule.allowance}"
    return RuleResult(
        rule.name,
        failed <= allowed if passed is None else passed,
        rule.severity,
        checked,
        failed,
        tuple(samples[:SAMPLES]) if rule.public else (),
        detail,
        rule.scope,
        rule.kind,
        rule.columns,
        rule.dimension,
        rule.description,
        computed,
    )


class SplitCounts(Protocol):
    """Counts of one batch (see ``quality.rows.RowSplit``)."""

    @property
    def rows(self) -> int: ...
    @property
    def quarantined(self) -> int: ...
    @property
    def failed(self) -> Mapping[str, int]: ...
    @property
    def samples(self) -> Mapping[str, Sequence[str]]: ...


class Tally:
    """Adds up the splits of all batches into one result for each row rule."""

    def __init__(self, rules: Sequence[DataRule]) -> None:
        self.rules = row_rules(tuple(rules))
        self.rows = 0
        self.quarantined = 0
        self._failed: Counter[str] = Counter()
        self._samples: dict[str, list[str]] = {}

    def add(self, split: SplitCounts) -> None:
        self.rows += split.rows
        self.quarantined += split.quarantined
        self._failed.update(split.failed)
        for rule, samples in split.samples.items():
            known = self._samples.setdefault(rule, [])
            known += [s for s in samples if s not in known][: SAMPLES - len(known)]

    def results(self) -> tuple[RuleResult, ...]:
        """One result for each row rule, in the contract's order."""
        return tuple(
            result_of(rule, self.rows, self._failed[rule.name], self._samples.get(rule.name, ()))
            for rule in self.rules
        )


@dataclass(frozen=True)
class Outcome:
    """The audit of one candidate; ``tolerance`` is the share (0..1) of rows that may be quarantined."""

    key: str
    contract_version: str
    rows: int
    quarantined: int
    tolerance: float
    results: tuple[RuleResult, ...]
    docs: str | None = None

    @property
    def accepted(self) -> int:
        return self.rows - self.quarantined

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Reasons for refusing the candidate, one sentence each; empty if it passed."""
        found: list[str] = []
        if self.quarantined > Allowance(self.tolerance).rows(self.rows):
            share = self.quarantined / self.rows
            found.append(
                f"{self.quarantined:,} of {self.rows:,} rows ({share:.2%}) would be quarantined; "
                f"the contract tolerates {self.tolerance:.2%}"
            )
        found += [f"{r.rule}: {r.detail or 'not kept'}" for r in self.results if r.blocks]
        return tuple(found)

    @property
    def not_computed(self) -> tuple[RuleResult, ...]:
        """Blocking results of rules that their engine could not compute."""
        return tuple(r for r in self.results if r.blocks and not r.computed)

    @property
    def only_rules_fail(self) -> bool:
        """True for a candidate that is refused for rules alone that cannot be computed: no other rows would help."""
        return 0 < len(self.not_computed) == len(self.reasons)

    @property
    def verdict(self) -> Verdict:
        """``passed`` or ``refused``; warnings never refuse."""
        return "refused" if self.reasons else "passed"

    @property
    def warnings(self) -> tuple[RuleResult, ...]:
        return tuple(r for r in self.results if not r.passed and not r.blocks)

    def to_json(self) -> str:
        """JSON, with the verdict and reasons for readers of the record."""
        return json.dumps(
            {**asdict(self), "verdict": self.verdict, "reasons": self.reasons}, separators=(",", ":")
        )

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        state: dict[str, Any] = json.loads(text)
        state.pop("verdict")
        state.pop("reasons")
        written: list[dict[str, Any]] = state.pop("results")
        for result in written:
            result |= {"samples": tuple(result["samples"]), "columns": tuple(result["columns"])}
        results = tuple(RuleResult(**result) for result in written)
        return cls(**state, results=results)

    def to_markdown(self) -> str:
        """A table of the results for people, the broken ones first."""
        head = f"**{self.verdict}**: {self.accepted:,} rows accepted, {self.quarantined:,} quarantined\n"
        reasons = "".join(f"\n- {markdown_cell(r)}" for r in self.reasons)
        shown: Iterable[RuleResult] = sorted(self.results, key=lambda r: (r.passed, not r.failed))
        lines = [
            f"| {'ok' if r.passed else 'FAILED' if r.blocks else 'warning'} | {r.rule} | {r.failed:,} | {r.checked:,} "
            f"| {markdown_cell(', '.join(r.samples))} | {markdown_cell(r.description)} |"
            for r in shown
        ]
        table = "\n".join(["| | rule | failed | of | e.g. | promise |", "|---|---|--:|--:|---|---|", *lines])
        return f"{head}{reasons}\n\n{table}\n"
