"""Rows found by time: the latest one known at a moment, and the one of exactly a moment.

Both are as-of joins within groups. Polars searches these forward only and cannot check that rows are in order; rows in
another order would silently get values known later. So each function sorts first, which costs nothing for sorted rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

_AT, _MOMENT = "_at", "_moment"


def latest_as_of(
    rows: pl.LazyFrame,
    known: pl.LazyFrame,
    *,
    when: str,
    at: str,
    by: str | Sequence[str],
    within: timedelta | None = None,
    strictly_before: bool = False,
) -> pl.LazyFrame:
    """Add to each row the columns of the latest row of its group that was known by a moment; null where there is none.

    The rows come back in the order of ``when``; rows of one moment keep their order.

    Args:
        known: of several rows of a group at one time the last counts.
        when: column of ``rows`` with the moment.
        at: column of ``known`` with the time from which it is known; this column is not added.
        by: columns, of both, that identify a group.
        within: the greatest age of a known row; any by default.
        strictly_before: leave out rows of the very moment.
    """
    found = join_latest(
        in_order(rows, when),
        in_order(known, at),
        moment=pl.col(when),
        at=at,
        by=by,
        within=within,
        strictly_before=strictly_before,
    )
    return found.set_sorted(when)


def values_at(
    rows: pl.LazyFrame,
    known: pl.LazyFrame,
    *,
    when: str,
    at: str,
    by: str | Sequence[str],
    offset: timedelta,
) -> pl.LazyFrame:
    """Add to each row the columns of the row of its group at exactly a moment; null where there is none.

    The rows come back in the order of ``when``; rows of one moment keep their order.

    Args:
        known: rows to find; of several of a group at one time the last counts.
        when: column of ``rows`` with their time.
        at: column of ``known`` with its time; this column is not added.
        by: columns, of both, that identify a group.
        offset: from the row's time to the moment: negative for a change against then, positive for a target.
    """
    found = join_latest(
        in_order(rows, when),
        in_order(known, at),
        moment=pl.col(when) + offset,
        at=at,
        by=by,
        within=timedelta(0),
    )
    return found.set_sorted(when)


def in_order(rows: pl.LazyFrame, when: str) -> pl.LazyFrame:
    """Rows sorted by a column; rows with the same value keep their order."""
    return rows.sort(when, maintain_order=True)


def join_latest(
    rows: pl.LazyFrame,
    known: pl.LazyFrame,
    *,
    moment: pl.Expr,
    at: str,
    by: str | Sequence[str],
    within: timedelta | None = None,
    strictly_before: bool = False,
) -> pl.LazyFrame:
    """As-of join of rows in the order of ``moment`` with rows in the order of ``at``; see :func:`latest_as_of`."""
    return (
        rows.with_columns(moment.alias(_MOMENT))
        .join_asof(
            known.rename({at: _AT}),
            left_on=_MOMENT,
            right_on=_AT,
            by=[by] if isinstance(by, str) else list(by),
            strategy="backward",
            tolerance=within,
            allow_exact_matches=not strictly_before,
            check_sortedness=False,  # polars cannot check it within groups
            coalesce=True,
        )
        .drop(_MOMENT, _AT, strict=False)
    )
