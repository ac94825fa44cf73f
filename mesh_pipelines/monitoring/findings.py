"""What watching a model finds, as plain data: no engine is needed to read it."""

from __future__ import annotations

from dataclasses import dataclass


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
