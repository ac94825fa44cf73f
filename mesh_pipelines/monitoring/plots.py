"""Plots of findings: small SVGs, the same for the same findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mesh_pipelines.monitoring.findings import ColumnDrift
from mesh_pipelines.plotting import ACCENT, ALARM, FAINT, INK, axes_of, svg_of

MAX_COLUMNS = 20


def drift_plot(columns: Sequence[ColumnDrift], bound: float, title: str = "") -> bytes:
    """Bars of each column's population stability index, the greatest on top, at most 20; an SVG.

    Bars beyond the line at ``bound`` are highlighted.
    """
    bars = sorted(((c.psi, c.column) for c in columns if c.psi is not None), reverse=True)[:MAX_COLUMNS][::-1]
    figure, axes = axes_of(5.6, 0.9 + 0.22 * max(len(bars), 4), beside=[name for _, name in bars])
    colors = [ALARM if psi > bound else ACCENT for psi, _ in bars]
    axes.barh([name for _, name in bars], [psi for psi, _ in bars], color=colors)
    axes.axvline(bound, color=FAINT, linewidth=1, linestyle="--")
    axes.set_xlabel("population stability index")
    return svg_of(figure, axes, title)


def shares_plot(
    before: Sequence[float], now: Sequence[float], labels: Sequence[str], title: str = ""
) -> bytes:
    """Shares of the rows by bin (0 to 1), before and now, side by side; an SVG."""
    figure, axes = axes_of(5.6, 2.8, below=labels)
    places = range(len(labels))
    axes.bar([place - 0.2 for place in places], before, width=0.4, color=FAINT, label="before")
    axes.bar([place + 0.2 for place in places], now, width=0.4, color=ACCENT, label="now")
    axes.set_xticks(list(places), list(labels), rotation=60, ha="right")
    axes.set_ylabel("share of rows")
    if labels:
        axes.legend(fontsize=7, frameon=False)
    return svg_of(figure, axes, title)


def months_plot(
    lines: Mapping[str, Mapping[str, float]], metric: str, bound: float | None = None, title: str = ""
) -> bytes:
    """A metric by month, one line each, and a dashed line at ``bound``; an SVG."""
    months = sorted({month for line in lines.values() for month in line})
    place = {month: index for index, month in enumerate(months)}
    figure, axes = axes_of(5.6, 2.8, below=months)
    for name, line in lines.items():
        points = sorted(line.items())
        axes.plot(
            [place[month] for month, _ in points],
            [value for _, value in points],
            marker="o",
            markersize=4,
            linewidth=1.6 if name == "all" else 0.9,
            color=INK if name == "all" else None,
            label=name,
        )
    if bound is not None:
        axes.axhline(bound, color=ALARM, linewidth=1, linestyle="--", label="bound")
    axes.set_xticks(list(place.values()), months, rotation=60, ha="right")
    axes.set_ylabel(metric)
    if lines:
        axes.legend(fontsize=6, frameon=False, ncols=3)
    return svg_of(figure, axes, title)
