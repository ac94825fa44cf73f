"""Drift of rows from a reference: population stability index and Kolmogorov-Smirnov statistic, by column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from mesh_pipelines.monitoring.column_profile import (
    ColumnProfile,
    TableProfile,
    count_in_bins,
    reference_profile,
)
from mesh_pipelines.monitoring.findings import ColumnDrift

__all__ = ["ColumnDrift", "TableProfile", "compare", "drift", "ks", "psi", "reference_profile"]

SMALLEST_SHARE = 1e-4
"""Share that an empty bin counts as, for the logarithm of 0 is infinite."""


def drift(profile: TableProfile, frame: pl.LazyFrame) -> tuple[ColumnDrift, ...]:
    """Compare rows with a reference profile, column by column; one streaming pass in bounded memory.

    Raises:
        TransformError: a column is missing, or holds another kind of value.
    """
    return compare(profile, count_in_bins(frame, profile.columns))


def compare(before: TableProfile, now: TableProfile) -> tuple[ColumnDrift, ...]:
    """Compare two profiles of the same bins."""
    return tuple(_column(old, new) for old, new in zip(before.columns, now.columns, strict=True))


def psi(before: Sequence[int], now: Sequence[int]) -> float | None:
    """Population stability index of two counts over the same bins.

    The sum over bins of (q - p) ln(q / p), with p and q the shares of the rows: the symmetric divergence of
    Jeffreys ("An invariant form for the prior probability in estimation problems", Proc. Royal Society A 186,
    1946), used on scores since Lewis, "An Introduction to Credit Scoring", 1994; up to 0.1 is read as stable,
    above 0.25 as moved (Siddiqi, "Credit Risk Scorecards", 2006). Between samples of n and m rows of one
    population it is about (bins - 1) (1/n + 1/m) (Yurdakul and Naranjo, "Statistical properties of the
    population stability index", Journal of Risk Model Validation 14(4), 2020): too much to judge few rows by.

    Returns:
        0 or more; None where either side has no rows.
    """
    old, new = np.asarray(before, dtype=float), np.asarray(now, dtype=float)
    if not old.sum() or not new.sum():
        return None
    p = np.maximum(old / old.sum(), SMALLEST_SHARE)
    q = np.maximum(new / new.sum(), SMALLEST_SHARE)
    return float(np.sum((q - p) * np.log(q / p)))


def ks(before: Sequence[int], now: Sequence[int]) -> float | None:
    """Two-sample Kolmogorov-Smirnov statistic at the ends of bins, given in the order of the values.

    The greatest difference between the two empirical distribution functions (Smirnov, "Table for estimating the
    goodness of fit of empirical distributions", Annals of Mathematical Statistics 19(2), 1948), taken between
    bins only: never more than the exact statistic, and less by at most the fullest bin's share of the side that
    has less of it.

    Returns:
        0 to 1; None where either side has no rows.
    """
    old, new = np.cumsum(before, dtype=float), np.cumsum(now, dtype=float)
    if not len(old) or not old[-1] or not new[-1]:
        return None
    return float(np.max(np.abs(old / old[-1] - new / new[-1])))


def _column(old: ColumnProfile, new: ColumnProfile) -> ColumnDrift:
    return ColumnDrift(
        old.column,
        psi([*old.counts, old.missing], [*new.counts, new.missing]),
        None if old.kind == "text" else ks(old.counts, new.counts),
        new.rows,
        _share(old.missing, old.rows),
        _share(new.missing, new.rows),
        _share(new.counts[-1], new.rows) if old.kind == "text" else 0.0,
    )


def _share(part: int, rows: int) -> float:
    return part / rows if rows else 0.0
