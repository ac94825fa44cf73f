"""Totals of events as known at a moment: differences of running totals, without a look ahead.

A window costs the same for an hour or a month. All sums are of whole numbers: the same events give the same
bits, in any order and batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import polars as pl

from mesh_pipelines.errors import TransformError
from mesh_pipelines.features.point_in_time import in_order, join_latest

_AT = "_at"
_NOW, _BEFORE = "_now_", "_before_"

Windows = Mapping[str | tuple[str, ...], Mapping[str, timedelta | None]]


def totals_as_of(
    rows: pl.LazyFrame,
    events: pl.LazyFrame,
    *,
    when: str,
    at: str,
    figures: Mapping[str, pl.Expr],
    windows: Windows,
) -> pl.LazyFrame:
    """Add to each row the totals of its groups' events by a moment, or in windows that end there.

    The rows come back in the order of ``when``; rows of one moment keep their order.

    Args:
        events: one row per event; one without a time has not happened, one without a group counts nowhere.
        when: column of ``rows`` with the moment; events at that moment count as known.
        at: column of ``events`` with the time of the event.
        figures: expressions over ``events`` to add up, by name: whole numbers, or booleans to count.
        windows: by the columns, of both, that identify a group: by prefix, the length of a window. Events after
            ``when`` minus the window count; all of them where it is None. The figures are added as
            ``<prefix>_<figure>`` (Int64), 0 where nothing had happened.

    Raises:
        TransformError: a figure is no whole number.
    """
    happened = events.filter(pl.col(at).is_not_null()).sort(at)
    rows = in_order(rows, when)
    for by, reaches in windows.items():
        group = [by] if isinstance(by, str) else list(by)
        totals = _running_totals(happened, at, group, figures)
        rows = _read(rows, totals, pl.col(when), group, figures, _NOW)
        for prefix, reach in reaches.items():
            if reach is not None:
                rows = _read(rows, totals, pl.col(when) - reach, group, figures, _BEFORE)
            rows = rows.with_columns(
                (_total(_NOW, name) - (_total(_BEFORE, name) if reach is not None else 0)).alias(
                    f"{prefix}_{name}"
                )
                for name in figures
            ).drop([f"{_BEFORE}{name}" for name in figures], strict=False)
        rows = rows.drop(f"{_NOW}{name}" for name in figures)
    return rows.set_sorted(when)


def _running_totals(
    happened: pl.LazyFrame, at: str, group: Sequence[str], figures: Mapping[str, pl.Expr]
) -> pl.LazyFrame:
    """Group, time and one running total per figure, of events in the order of time."""
    events = happened.filter(pl.all_horizontal(pl.col(*group).is_not_null())).select(
        *group, pl.col(at).alias(_AT), **figures
    )
    types = events.collect_schema()
    fractions = [name for name in figures if not (types[name].is_integer() or types[name] == pl.Boolean)]
    if fractions:
        raise TransformError(
            f"only whole numbers are added up, and these are none: {', '.join(fractions)}",
            where="totals_as_of",
            remedy="use a smaller unit and round: minutes rather than hours",
        )
    return events.with_columns(pl.col(name).cast(pl.Int64).cum_sum().over(*group) for name in figures)


def _read(
    rows: pl.LazyFrame,
    totals: pl.LazyFrame,
    moment: pl.Expr,
    group: Sequence[str],
    figures: Mapping[str, pl.Expr],
    prefix: str,
) -> pl.LazyFrame:
    prefixed = totals.rename({name: f"{prefix}{name}" for name in figures})
    return join_latest(rows, prefixed, moment=moment, at=_AT, by=group)


def _total(prefix: str, figure: str) -> pl.Expr:
    return pl.col(f"{prefix}{figure}").fill_null(0)
