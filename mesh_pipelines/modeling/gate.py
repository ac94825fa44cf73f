"""The gate between a challenger and the champion's place: a pure decision over scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from mesh_pipelines.declaring.model_spec import METRICS, ModelSpec
from mesh_pipelines.modeling.evaluation import BASELINE, SCORE, better, evaluate, evaluate_slices, shortfall
from mesh_pipelines.modeling.gate_decision import GateCheck, GateDecision

CHAMPION = "_champion"
"""Column with the champion's score in a comparison."""
#: fewer common rows than this say nothing about which of two models is better
MIN_COMMON_ROWS = 50


class Evaluated(Protocol):
    """A challenger with the evaluation on its own out-of-time holdout."""

    @property
    def metrics(self) -> Mapping[str, float]: ...

    @property
    def baseline(self) -> Mapping[str, float]: ...

    @property
    def holdout(self) -> pl.DataFrame:
        """Columns ``_target``, ``_score``, the baseline's score and the slices."""
        ...


@dataclass(frozen=True)
class Opponent:
    """Today's champion, as far as it can be compared with a challenger.

    Args:
        common: holdout rows of the challenger that the champion was not trained on, with both scores; ``None`` where
            the champion cannot read today's features.
        seen: number of holdout rows left out because it was trained on them.
        learnt_until: time of the newest row that it was trained on, ISO 8601.
    """

    label: str
    recorded: Mapping[str, float]
    common: pl.DataFrame | None
    fault: str = ""
    seen: int = 0
    learnt_until: str = ""


def decide(challenger: Evaluated, champion: Opponent | None, spec: ModelSpec) -> GateDecision:
    """Judge a challenger on its out-of-time holdout, and against today's champion on the same fresh rows.

    A champion that cannot read today's features is represented by its recorded metric.
    """
    checks = [*_floors(challenger, spec), *_beats_baseline(challenger, spec)]
    if champion is None or champion.common is None:
        if champion is not None:
            checks.append(_against_recorded(challenger, champion, spec))
        checks += slice_checks(challenger.holdout, spec, BASELINE, "the baseline")
        return _decision(checks, champion.label if champion else None, {}, 0)
    common = champion.common
    if common.height < MIN_COMMON_ROWS:
        text = (
            f"only {common.height:,} of {challenger.holdout.height:,} holdout rows are new to both: "
            f"{champion.label} learnt from rows up to {champion.learnt_until}"
        )
        checks.append(GateCheck("not_worse_than_champion", False, None, None, text))
        return _decision(checks, champion.label, {}, common.height)
    ours, theirs = evaluate(common, spec.metrics), evaluate(common, spec.metrics, CHAMPION)
    checks.append(not_worse(ours, theirs, champion.label, common.height, champion.seen, spec))
    checks += slice_checks(common, spec, CHAMPION, champion.label)
    return _decision(checks, champion.label, theirs, common.height)


def _decision(
    checks: list[GateCheck], champion: str | None, champion_metrics: dict[str, float], rows: int
) -> GateDecision:
    return GateDecision(
        all(check.passed for check in checks), tuple(checks), champion, champion_metrics, rows
    )


def _floors(challenger: Evaluated, spec: ModelSpec) -> list[GateCheck]:
    checks: list[GateCheck] = []
    for metric, bound in sorted(spec.gate.floors.items()):
        value = challenger.metrics.get(metric)
        passed = value is not None and math.isfinite(value) and math.isfinite(bound)
        passed = passed and value is not None and not better(metric, bound, value)
        side = "at least" if METRICS[metric] else "at most"
        text = f"{metric} is {_number(value)}, asked is {side} {bound:g}"
        checks.append(GateCheck(f"floor_{metric}", passed, value, bound, text))
    return checks


def _beats_baseline(challenger: Evaluated, spec: ModelSpec) -> list[GateCheck]:
    if not spec.gate.must_beat_baseline:
        return []
    value, bound = challenger.metrics.get(spec.metric), challenger.baseline.get(spec.metric)
    passed = value is not None and bound is not None and better(spec.metric, value, bound)
    text = f"{spec.metric} is {_number(value)}, the naive baseline's is {_number(bound)}"
    return [GateCheck("beats_baseline", passed, value, bound, text)]


def not_worse(
    ours: Mapping[str, float], theirs: Mapping[str, float], label: str, rows: int, seen: int, spec: ModelSpec
) -> GateCheck:
    """Check that a challenger's metric keeps within the margin of the champion's on the same rows.

    ``seen`` counts the rows left out because the champion was trained on them.
    """
    name, value, reference = "not_worse_than_champion", ours.get(spec.metric), theirs.get(spec.metric)
    without = f"; {seen:,} rows left out that {label} learnt from" if seen else ""
    if value is None or reference is None:
        return GateCheck(
            name, False, value, None, f"{spec.metric} is not defined on the {rows:,} common rows{without}"
        )
    bound = reference - spec.gate.margin if METRICS[spec.metric] else reference + spec.gate.margin
    text = (
        f"{spec.metric} is {value:.4f}, {label} has {reference:.4f} on the same {rows:,} rows, "
        f"allowed is {spec.gate.margin:g} worse{without}"
    )
    return GateCheck(name, shortfall(spec.metric, value, reference) <= spec.gate.margin, value, bound, text)


def _against_recorded(challenger: Evaluated, champion: Opponent, spec: ModelSpec) -> GateCheck:
    value, reference = challenger.metrics.get(spec.metric), champion.recorded.get(spec.metric)
    passed = (
        value is not None
        and reference is not None
        and shortfall(spec.metric, value, reference) <= spec.gate.margin
    )
    text = (
        f"{champion.label} cannot read today's features ({champion.fault}); {spec.metric} is {_number(value)}, "
        f"{champion.label} had {_number(reference)} when it was trained"
    )
    return GateCheck("not_worse_than_champion", passed, value, reference, text)


def slice_checks(rows: pl.DataFrame, spec: ModelSpec, reference: str, label: str) -> list[GateCheck]:
    """Check, for each sliced column, of the slice that falls furthest behind the reference.

    ``rows`` has ``_target``, ``_score``, the reference's score and the slices.
    """
    checks: list[GateCheck] = []
    measured = evaluate_slices(rows, spec.slices, [spec.metric], SCORE, reference, label=spec.slice_label)
    for column in spec.slices:
        judged = [
            (shortfall(spec.metric, entry.metrics[spec.metric], entry.baseline[spec.metric]), entry)
            for entry in measured
            if entry.column == column
            and entry.rows >= spec.gate.min_slice_rows
            and spec.metric in entry.metrics
            and spec.metric in entry.baseline
        ]
        if not judged:
            text = f"no slice of {column} has {spec.gate.min_slice_rows:,} rows to judge"
            checks.append(GateCheck(f"slice_{column}", True, None, spec.gate.slice_margin, text))
            continue
        behind, worst = max(judged, key=lambda item: (item[0], item[1].value))
        count = sum(1 for gap, _ in judged if gap > spec.gate.slice_margin)
        text = (
            f"{count} of {len(judged)} slices fall more than {spec.gate.slice_margin:g} behind {label}; "
            f"furthest is {worst.value} ({worst.rows:,} rows): {worst.metrics[spec.metric]:.4f} against "
            f"{worst.baseline[spec.metric]:.4f}"
        )
        checks.append(GateCheck(f"slice_{column}", count == 0, behind, spec.gate.slice_margin, text))
    return checks


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
