"""What had happened by a moment: running totals over events, read as of any time, without a look ahead.

Every figure is the difference of two running totals, so a window costs the same whether it holds an hour or a month,
and all sums are of whole numbers: the same events give the same bits, in any order and batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl


@dataclass(frozen=True)
class Totals:
    """Running totals of events per group.

    Args:
        frame: ``by`` columns, ``at`` (time of the event) and one running total per figure, in order of ``at``.
        by: columns that name a group.
        figures: names of the running totals.
    """

    frame: pl.LazyFrame
    by: tuple[str, ...]
    figures: tuple[str, ...]


def running_totals(
    events: pl.LazyFrame, *, at: str, by: Sequence[str], figures: Mapping[str, pl.Expr]
) -> Totals:
    """Add events up as time goes by.

    Args:
        events: one row per event; one without a time has not happened, one without a group counts nowhere.
        at: column with the time of the event.
        by: columns that name a group.
        figures: whole numbers to add up, by name.
    """
    frame = (
        events.filter(pl.all_horizontal(pl.col(at, *by).is_not_null()))
        .select(
            *by,
            pl.col(at).alias("at"),
            **{name: value.cast(pl.Int64) for name, value in figures.items()},
        )
        .sort("at")
        .with_columns(pl.col(name).cum_sum().over(*by) for name in figures)
    )
    return Totals(frame, tuple(by), tuple(figures))


def totals_as_of(
    rows: pl.LazyFrame, totals: Totals, *, when: str, windows: Mapping[str, timedelta | None]
) -> pl.LazyFrame:
    """Add to each row what its group's events came to by a moment, or in windows that end there.

    Args:
        rows: rows in the order of ``when``; the order is kept.
        totals: what to read.
        when: column with the moment; events at that moment count as known.
        windows: by prefix, only events after ``when`` minus the window count; all of them where it is None. The
            figures are added as ``<prefix>_<figure>`` (Int64), 0 where nothing had happened.
    """
    rows = _read(rows, totals, pl.col(when), "_by_then_")
    for prefix, window in windows.items():
        if window is not None:
            rows = _read(rows, totals, pl.col(when) - window, "_before_")
        rows = rows.with_columns(
            (_total("_by_then_", figure) - (_total("_before_", figure) if window else 0)).alias(
                f"{prefix}_{figure}"
            )
            for figure in totals.figures
        )
        rows = rows.drop([f"_before_{figure}" for figure in totals.figures], strict=False)
    return rows.drop(f"_by_then_{figure}" for figure in totals.figures)


def _total(prefix: str, figure: str) -> pl.Expr:
    return pl.col(f"{prefix}{figure}").fill_null(0)


def _read(rows: pl.LazyFrame, totals: Totals, moment: pl.Expr, prefix: str) -> pl.LazyFrame:
    found = totals.frame.rename({figure: f"{prefix}{figure}" for figure in totals.figures} | {"at": "_at"})
    return (
        rows.with_columns(_moment=moment)
        # A backward search finds the last row that is not later, so events of one moment all count.
        .join_asof(
            found,
            left_on="_moment",
            right_on="_at",
            by=list(totals.by),
            strategy="backward",
            check_sortedness=False,  # both are in order of time; polars cannot check that within groups
            coalesce=True,
        )
        .drop("_moment", "_at", strict=False)
    )
