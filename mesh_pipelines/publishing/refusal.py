"""The error of a refused candidate: the rules that it broke, and the rows and files that broke them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from mesh_pipelines.errors import AuditRefused
from mesh_pipelines.landing.landed import FILE, NOTHING_OF_IT, ROW
from quality.contract import Contract
from quality.outcome import RULES, Outcome

_SHOWN = 5


@dataclass(frozen=True)
class Place:
    """Refused rows of one file: their number, the first of them, and the rules that they broke."""

    rows: int
    first: int
    rules: tuple[str, ...]

    def __str__(self) -> str:
        named = ", ".join(self.rules[:_SHOWN]) + (", ..." if len(self.rules) > _SHOWN else "")
        refused = "row is" if self.rows == 1 else "rows are"
        return f"{self.rows:,} {refused} refused, the first is row {self.first:,} ({named})"


class Places:
    """Files of refused rows, added up batch by batch; empty where rows come without provenance."""

    def __init__(self) -> None:
        self._by_file: dict[str, Place] = {}

    def add(self, bad: pl.DataFrame) -> None:
        """Count the refused rows of one batch, in order."""
        if not bad.height or not {FILE, ROW} <= set(bad.columns):
            return
        rules = pl.col(RULES).explode(empty_as_null=False, keep_nulls=False).unique(maintain_order=True)
        files = bad.drop_nulls([FILE, ROW]).group_by(FILE, maintain_order=True)
        for file, count, first, broken in files.agg(pl.len(), pl.col(ROW).min(), rules).iter_rows():
            known = self._by_file.get(file, Place(0, first, ()))
            self._by_file[file] = Place(
                known.rows + count, known.first, tuple(dict.fromkeys((*known.rules, *broken)))
            )

    def lines(self) -> Sequence[str]:
        lines = [f"{file}: {place}" for file, place in self._by_file.items()]
        return [
            *lines[:_SHOWN],
            *([f"and rows of {len(lines) - _SHOWN} more files"] if len(lines) > _SHOWN else []),
        ]


def refusal_error(key: str, contract: Contract, outcome: Outcome, places: Places) -> AuditRefused:
    """The error of a candidate that broke its contract beyond the tolerance, or whose rules cannot be computed."""
    # The number of refused rows is given once, at the beginning.
    why = [reason for reason in outcome.reasons if not reason.startswith("within_tolerance: ")]
    reasons = "\n".join(f"  - {reason}" for reason in (*why, *places.lines()))
    uncomputed = [result.rule for result in outcome.not_computed]
    for_data = "land corrected data, or agree on another promise in its contract"
    rules = f"rule{'s' if len(uncomputed) > 1 else ''} {', '.join(uncomputed)}"
    for_rule = f"mend the {rules} in contracts/{contract.path.name}"
    only_rules = outcome.only_rules_fail
    remedies = [
        *([f"{for_rule}: `mesh check` tries it without data"] if uncomputed else []),
        *([] if only_rules else [for_data]),
    ]
    what = "a rule of its contract cannot be computed" if only_rules else "the candidate breaks its contract"
    return AuditRefused(
        f"{what}, so {NOTHING_OF_IT}:\n{reasons}",
        where=key,
        remedy=f"{'; '.join(remedies)}; the last good version stays readable",
        outcome=outcome,
    )
