"""Drift against the bounds that a domain sets for its model."""

from __future__ import annotations

from collections.abc import Sequence

from mesh_pipelines.declaring.watch import Watch
from mesh_pipelines.monitoring.findings import ColumnDrift, LiveMetric, Watched

_NAMED = 3


def drift_reason(watch: Watch, watched: Watched | None, champion: str | None = None) -> str | None:
    """The reason why a model should be trained anew, in words; ``None`` where nothing is beyond its bounds.

    Findings about another champion than today's are ignored.
    """
    if watched is None or (champion is not None and watched.model != champion):
        return None
    scores = (watched.scores,) if watched.scores else ()
    reasons = (
        *_beyond(watch, "inputs", watched.inputs),
        *_beyond(watch, "predictions", scores),
        *_worse(watch, watched.live),
    )
    return "; ".join(reasons) or None


def has_moved(watch: Watch, column: ColumnDrift) -> bool:
    """True if a column's drift is beyond the bounds, on enough rows."""
    if column.rows < watch.min_rows or column.column in watch.ignore:
        return False
    far = column.psi is not None and column.psi > watch.max_psi
    return far or (watch.max_ks is not None and column.ks is not None and column.ks > watch.max_ks)


def is_worse(watch: Watch, entry: LiveMetric) -> bool:
    """True if a live metric is further below its holdout than the bounds allow, on enough rows."""
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
