"""Quarantine: refused rows, each with the rule that it broke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from mesh_pipelines.declaring.node import PARTITION
from mesh_pipelines.landing.landed import FILE, ROW
from quality.contract import Contract
from quality.outcome import RULES, RuleResult, Tally

if TYPE_CHECKING:
    from quality.rows import RowSplit


QUARANTINE = "__quarantine"
"""Ending of the key of a product's quarantine."""


def refuse_strays(split: RowSplit, column: str | None, partitions: tuple[str, ...] | None) -> RowSplit:
    """Refuse rows of partitions that the candidate does not replace: they would overwrite rows it does not have."""
    if column is None or partitions is None or column not in split.good.columns:
        return split
    inside = split.good[column].is_in(list(partitions)).fill_null(value=False)
    return split if inside.all() else _refuse_more(split, ~inside, "outside_of_its_partition")


def refuse_doubles(split: RowSplit, rule: RuleResult, keys: pl.DataFrame, seen: set[Any]) -> RowSplit:
    """Of rows that share a key the first stays; the others are refused."""
    found = split.good.with_row_index("__at").join(
        keys.select(rule.columns), on=list(rule.columns), how="semi"
    )
    again: list[int] = []
    for at, *key in found.select("__at", *rule.columns).iter_rows():
        again += [at] if tuple(key) in seen else []
        seen.add(tuple(key))
    if not again:
        return split
    mask = pl.int_range(split.good.height, eager=True).is_in(again)
    return _refuse_more(split, mask, rule.rule)


def _refuse_more(split: RowSplit, mask: pl.Series, rule: str) -> RowSplit:
    """Move rows from the good to the bad side, for a reason that no rule about single rows can see."""
    from quality.rows import RowSplit
    from quality.typed import as_text

    moved = split.good.filter(mask)
    provenance = [name for name in (FILE, ROW, PARTITION) if name in moved.columns]
    text = as_text(moved.drop(provenance)).with_columns(*(moved[name] for name in provenance))
    reasons = pl.repeat(rule, moved.height, dtype=pl.String, eager=True).reshape((-1, 1)).arr.to_list()
    bad = text.with_columns(reasons.alias(RULES)).select(split.bad.columns)
    return RowSplit(
        good=split.good.filter(~mask),
        bad=pl.concat([split.bad, bad], how="vertical_relaxed"),
        failed={**split.failed, rule: moved.height},
        samples=split.samples,
    )


def count_refused(result: RuleResult, tally: Tally, refused_by: Mapping[str, int]) -> RuleResult:
    """A uniqueness result that names the number of refused rows it holds without."""
    refused = refused_by.get(result.rule, 0)
    if not refused:
        return result
    detail = f"{refused:,} of {tally.rows:,} rows repeat a key that came before them and are quarantined"
    return replace(result, checked=tally.rows, failed=refused, detail=detail)


def whole_results(contract: Contract, tally: Tally) -> tuple[RuleResult, ...]:
    """Results of the two checks of a candidate as a whole."""
    from quality.rules import Allowance

    allowed = Allowance(contract.tolerance).rows(tally.rows)
    share = tally.quarantined / tally.rows if tally.rows else 0.0
    return (
        RuleResult(
            "columns_conform",
            True,
            "error",
            tally.rows,
            0,
            detail=f"{len(contract.columns)} columns as promised",
        ),
        RuleResult(
            "within_tolerance",
            tally.quarantined <= allowed,
            "error",
            tally.rows,
            tally.quarantined,
            detail=f"{tally.quarantined:,} of {tally.rows:,} rows ({share:.3%}) are quarantined; "
            f"the contract tolerates {contract.tolerance:.2%}",
        ),
    )
