"""Findings about a champion, as a test makes them up."""

from __future__ import annotations

from mesh_pipelines.monitoring.findings import ColumnDrift, LiveMetric, Watched


def column(name: str, psi: float | None, ks: float | None = 0.0, rows: int = 5_000) -> ColumnDrift:
    """One column's drift."""
    return ColumnDrift(name, psi, ks, rows, 0.0, 0.0)


def live(drop: float, rows: int = 5_000, value: str = "") -> LiveMetric:
    """AUC since, that much worse than 0.7."""
    return LiveMetric("2013-10", "port" if value else "", value, rows, "auc", 0.7 - drop, 0.7, drop)


def facts(
    *inputs: ColumnDrift, scores: ColumnDrift | None = None, since: tuple[LiveMetric, ...] = ()
) -> Watched:
    """What was found about one champion."""
    return Watched("delay@3", "abc", ("2013-10",), inputs, scores, since)
