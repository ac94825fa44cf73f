"""The decision on a challenger in shadow: pure, over scores and outcomes that are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from mesh_pipelines.declaring.model_spec import ModelSpec
from mesh_pipelines.modeling.evaluation import evaluate
from mesh_pipelines.modeling.gate import CHAMPION, MIN_COMMON_ROWS, Opponent, not_worse, slice_checks
from mesh_pipelines.modeling.gate_decision import GateCheck, GateDecision
from mesh_pipelines.modeling.split import Moment

CHECK = "shadow"


@dataclass(frozen=True)
class Comparison:
    """State of the comparison between a challenger in shadow and the champion.

    Args:
        until: time of the data up to which outcomes have to be known.
        reached: time of the newest outcome that both were scored on; None where there is none yet.
        rows: number of outcomes that both were scored on.
        waiting: number of scores whose outcome is not known yet.
    """

    until: Moment
    reached: Moment | None
    rows: int
    waiting: int
    checks: tuple[GateCheck, ...]
    champion_metrics: dict[str, float]

    @property
    def over(self) -> bool:
        """True if the period has passed, with outcomes enough to decide."""
        return self.reached is not None and self.reached >= self.until and self.rows >= MIN_COMMON_ROWS

    @property
    def text(self) -> str:
        """The state in one sentence."""
        seen = f"{self.rows:,} outcomes since it was trained"
        if self.reached is not None:
            seen += f", the newest of {self.reached:%Y-%m-%d}"
        return f"in shadow until outcomes of {self.until:%Y-%m-%d} are known; {seen}"


def compare_in_shadow(
    rows: pl.DataFrame, champion: Opponent, spec: ModelSpec, *, until: Moment, waiting: int
) -> Comparison:
    """Compare the scores of a challenger and the champion with outcomes after both were trained.

    A champion that cannot read today's features is represented by its recorded metric, and ``rows`` lack its score.
    """
    reached: Any = rows[spec.time].max() if rows.height else None
    ours = evaluate(rows, spec.metrics) if rows.height else {}
    if champion.common is None:
        label = f"{champion.label}, when it was trained,"
        checks = [not_worse(ours, champion.recorded, label, rows.height, 0, spec)]
        return Comparison(until, reached, rows.height, waiting, tuple(checks), {})
    theirs = evaluate(rows, spec.metrics, CHAMPION) if rows.height else {}
    checks = [
        not_worse(ours, theirs, champion.label, rows.height, 0, spec),
        *slice_checks(rows, spec, CHAMPION, champion.label),
    ]
    return Comparison(until, reached, rows.height, waiting, tuple(checks), theirs)


def decide_shadow(found: Comparison, champion: str) -> GateDecision:
    """The decision on a version in shadow; while its period lasts it is not promoted, and nothing has failed."""
    checks = tuple(replace(check, name=f"{CHECK}_{check.name}") for check in found.checks)
    if not found.over:
        # While it lasts nothing is decided, so the figures are shown and nothing has failed.
        so_far = "\n".join([found.text, *(check.text for check in found.checks)])
        checks = (GateCheck(CHECK, True, None, None, so_far),)
    promote = found.over and all(check.passed for check in checks)
    return GateDecision(promote, checks, champion, found.champion_metrics, found.rows)
