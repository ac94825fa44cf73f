"""Findings about a model in use, as plain data: no engine is needed to read them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ColumnDrift:
    """How far one column has moved.

    Args:
        column: its name.
        psi: population stability index over its bins, the missing ones a bin of their own; None without rows on
            either side.
        ks: two-sample Kolmogorov-Smirnov statistic, 0 to 1, of the values that are there, at the cuts between bins;
            None for texts, which have no order, and where a side has no value.
        rows: rows compared with the reference.
        missing_before: share of the reference's rows without a value, 0 to 1.
        missing_now: the same of the rows compared.
        unseen: share of the rows with a text that the reference never had, 0 to 1.
    """

    column: str
    psi: float | None
    ks: float | None
    rows: int
    missing_before: float
    missing_now: float
    unseen: float = 0.0


@dataclass(frozen=True)
class LiveMetric:
    """One version's metric on what happened in one month, beside the same on its holdout.

    Args:
        month: as ``2013-10``.
        column: the sliced column; empty for all rows.
        value: its value as text.
        rows: predictions whose outcome is known.
        metric: name of the metric.
        live: its value on them.
        reference: its value on the holdout, of the same slice.
        drop: by how much live is worse than reference, in the metric's unit; negative where it is better.
    """

    month: str
    column: str
    value: str
    rows: int
    metric: str
    live: float
    reference: float
    drop: float

    @property
    def where(self) -> str:
        """The slice in words; empty for all rows."""
        return f"{self.column} {self.value}" if self.column else ""


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
