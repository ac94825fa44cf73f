"""When a model counts as drifted: the bounds that its domain sets, and the function that holds facts against them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mesh_pipelines.errors import DefinitionError, Violation
from mesh_pipelines.monitoring.findings import ColumnDrift, LiveMetric

_NAMED = 3


@dataclass(frozen=True)
class Watch:
    """What a domain tolerates of a model in use; pure data.

    Args:
        max_psi: a column, or the predictions, with a higher population stability index has drifted; above 0.25 is
            read as moved, see :func:`mesh_pipelines.monitoring.drift.psi`.
        max_ks: the same for the Kolmogorov-Smirnov statistic, 0 to 1; None: not judged.
        max_metric_drop: by how much the model's metric, in its own unit, may be worse on what happened since than on
            the holdout it was judged by; for each slice too.
        min_rows: fewer rows are shown, not judged.
        months: how many of the newest months are looked at.
        ignore: features that are watched by nobody: a day of the year drifts by its nature.
        score: column of the predictions that holds what the model said; by default the only floating-point one, or
            the only such that is no feature.

    Raises:
        DefinitionError: with every bound that makes no sense.
    """

    max_psi: float = 0.25
    max_ks: float | None = None
    max_metric_drop: float = 0.05
    min_rows: int = 1000
    months: int = 12
    ignore: tuple[str, ...] = ()
    score: str = ""

    def __post_init__(self) -> None:
        found = [
            Violation("WatchIsSound", "watch", f"{name} is {value}", fix)
            for name, value, sound, fix in (
                ("max_psi", self.max_psi, self.max_psi > 0, "Give more than 0, such as 0.25."),
                ("max_ks", self.max_ks, self.max_ks is None or 0 < self.max_ks <= 1, "Give 0 to 1, or None."),
                ("max_metric_drop", self.max_metric_drop, self.max_metric_drop >= 0, "Give 0 or more."),
                ("min_rows", self.min_rows, self.min_rows >= 1, "Give at least 1."),
                ("months", self.months, self.months >= 1, "Give at least 1."),
                ("ignore", self.ignore, not isinstance(self.ignore, str), "Write (name,) with a comma."),
            )
            if not sound
        ]
        if found:
            raise DefinitionError("watch", found)


@dataclass(frozen=True)
class Watched:
    """What was found when a model was last looked at: the facts that a retraining policy decides on.

    Args:
        model: label of the champion that it was about, ``departure_delay@3``.
        features: content of the feature set that was looked at; with ``model`` it names the finding.
        months: the newest months, as ``2013-09``.
        inputs: drift of each feature against the champion's training window.
        scores: drift of the predictions against earlier ones; None where there were none.
        live: the champion's metric on what happened since, against its holdout.
    """

    model: str
    features: str
    months: tuple[str, ...] = ()
    inputs: tuple[ColumnDrift, ...] = ()
    scores: ColumnDrift | None = None
    live: tuple[LiveMetric, ...] = ()

    @property
    def finding(self) -> str:
        """Names the finding: a policy that has acted on it need not act on it again."""
        return f"{self.model}/{self.features[:16]}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: lists, no tuples, and numbers that are numbers."""
        content: dict[str, Any] = json.loads(json.dumps(asdict(self), allow_nan=False))
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Watched:
        scores: Mapping[str, Any] | None = content["scores"]
        return cls(
            content["model"],
            content["features"],
            tuple(content["months"]),
            tuple(ColumnDrift(**column) for column in content["inputs"]),
            ColumnDrift(**scores) if scores else None,
            tuple(LiveMetric(**entry) for entry in content["live"]),
        )


def drifted(watch: Watch, facts: Watched | None, champion: str | None = None) -> str | None:
    """Why a model should be trained anew, in words a person can read; None where nothing is beyond its bounds.

    Args:
        watch: the bounds.
        facts: what was last found; None where nobody has looked yet.
        champion: label of the champion as it is now: facts about another one say nothing of it.
    """
    if facts is None or (champion is not None and facts.model != champion):
        return None
    scores = (facts.scores,) if facts.scores else ()
    reasons = (
        *_beyond(watch, "inputs", facts.inputs),
        *_beyond(watch, "predictions", scores),
        *_worse(watch, facts.live),
    )
    return "; ".join(reasons) or None


def has_moved(watch: Watch, column: ColumnDrift) -> bool:
    """Whether one column is beyond the bounds, on rows enough to say so.

    Args:
        watch: the bounds.
        column: how far it has moved.
    """
    if column.rows < watch.min_rows or column.column in watch.ignore:
        return False
    far = column.psi is not None and column.psi > watch.max_psi
    return far or (watch.max_ks is not None and column.ks is not None and column.ks > watch.max_ks)


def is_worse(watch: Watch, entry: LiveMetric) -> bool:
    """Whether a model is worse on what happened than it may be, on rows enough to say so.

    Args:
        watch: the bounds.
        entry: how good it was, and on the holdout.
    """
    return entry.rows >= watch.min_rows and entry.drop > watch.max_metric_drop


def _beyond(watch: Watch, what: str, columns: Sequence[ColumnDrift]) -> list[str]:
    moved = sorted((c for c in columns if has_moved(watch, c)), key=lambda c: -(c.psi or 0.0))
    if not moved:
        return []
    named = ", ".join(f"{c.column} ({_figures(watch, c)})" for c in moved[:_NAMED])
    more = f" and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
    return [f"{what} drifted: {named}{more}"]


def _figures(watch: Watch, column: ColumnDrift) -> str:
    far = column.psi is not None and column.psi > watch.max_psi
    return f"PSI {column.psi:.2f} > {watch.max_psi:g}" if far else f"KS {column.ks:.2f} > {watch.max_ks:g}"


def _worse(watch: Watch, live: Sequence[LiveMetric]) -> list[str]:
    worse = sorted((entry for entry in live if is_worse(watch, entry)), key=lambda entry: -entry.drop)
    if not worse:
        return []
    named = ", ".join(
        f"{entry.metric} {entry.live:.3f} in {entry.month}{f' for {entry.where}' if entry.column else ''}, "
        f"{entry.reference:.3f} on its holdout"
        for entry in worse[:_NAMED]
    )
    more = f" and {len(worse) - _NAMED} more" if len(worse) > _NAMED else ""
    return [f"worse than it was: {named}{more}"]
