"""Plots that people look at: which features matter, and whether predictions mean what they say."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK, _ACCENT, _FAINT = "#1f2933", "#2f6f9f", "#b8c2cc"
MAX_FEATURES = 20


def importance_plot(importances: Mapping[str, float], title: str = "") -> bytes:
    """Bars of each feature's share of the total gain, the greatest on top, at most 20; a PNG."""
    shown = list(importances.items())[:MAX_FEATURES][::-1]
    figure = _figure(5.6, 0.9 + 0.22 * max(len(shown), 4))
    axes = figure.add_subplot()
    axes.barh([name for name, _ in shown], [share for _, share in shown], color=_ACCENT)
    axes.set_xlabel("share of total gain")
    axes.set_title(title, fontsize=9, loc="left", color=_INK)
    axes.tick_params(labelsize=7)
    return _png(figure)


def calibration_plot(calibration: pl.DataFrame, binary: bool, title: str = "") -> bytes:
    """Mean outcome against mean prediction in bins of equal size, beside the diagonal; a PNG.

    Args:
        calibration: columns predicted, actual and rows.
        binary: True for probabilities, False for quantities.
        title: written above.
    """
    figure = _figure(4.2, 3.8)
    axes = figure.add_subplot()
    predicted, actual = calibration["predicted"].to_list(), calibration["actual"].to_list()
    low, high = min([*predicted, *actual], default=0.0), max([*predicted, *actual], default=1.0)
    axes.plot([low, high], [low, high], color=_FAINT, linewidth=1)
    axes.plot(predicted, actual, color=_ACCENT, marker="o", markersize=4, linewidth=1.2)
    axes.set_xlabel("mean predicted probability" if binary else "mean prediction")
    axes.set_ylabel("observed rate" if binary else "mean outcome")
    axes.set_title(title, fontsize=9, loc="left", color=_INK)
    axes.tick_params(labelsize=7)
    return _png(figure)


def _figure(width: float, height: float) -> Figure:
    # Without pyplot: no global state, so steps in one process cannot draw into each other's figure.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110, layout="constrained")


def _png(figure: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    # No software name or date in the file: the same plot has the same bytes.
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
