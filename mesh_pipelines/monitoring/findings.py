"""Findings about a model in use, as plain data, readable without any engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ColumnDrift:
    """Drift of one column from its reference.

    Args:
        psi: population stability index over its bins, with a bin of missing values; None without rows on either side.
        ks: two-sample Kolmogorov-Smirnov statistic, 0 to 1, of values at the cuts between bins; None for texts, which
            have no order, and where a side has no value.
        rows: rows compared with the reference.
        missing_before: share of the reference's rows without a value, 0 to 1.
        missing_now: the same of the rows compared.
        unseen: share of the rows with a text that is not in the reference, 0 to 1.
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
    """One version's metric on the outcomes of one month, beside the same on its holdout.

    Args:
        column: the sliced column; empty for all rows.
        rows: predictions whose outcome is known.
        drop: difference by which live is worse than reference, in the metric's unit; negative where it is better.
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
    """Findings of the newest look at a model, on which a retraining policy decides.

    Args:
        features: data version of the feature set; with ``model`` it identifies the finding.
        inputs: drift of each feature against the champion's training window.
        scores: drift of the predictions against earlier ones; None where there were none.
        live: the champion's metric on later outcomes, against its holdout.
    """

    model: str
    features: str
    months: tuple[str, ...] = ()
    inputs: tuple[ColumnDrift, ...] = ()
    scores: ColumnDrift | None = None
    live: tuple[LiveMetric, ...] = ()

    @property
    def finding(self) -> str:
        """Identifier of the finding, so that a policy acts on it once."""
        return f"{self.model}/{self.features[:16]}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: lists, no tuples, and finite numbers."""
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
