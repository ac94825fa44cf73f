"""Plots of a model: feature importance and calibration."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from mesh_pipelines.plotting import ACCENT, FAINT, axes_of, svg_of

MAX_FEATURES = 20


def importance_plot(importances: Mapping[str, float], title: str = "") -> bytes:
    """Bars of each feature's share of the total gain, the greatest on top, at most 20; an SVG."""
    shown = list(importances.items())[:MAX_FEATURES][::-1]
    figure, axes = axes_of(5.6, 0.9 + 0.22 * max(len(shown), 4), beside=[name for name, _ in shown])
    axes.barh([name for name, _ in shown], [share for _, share in shown], color=ACCENT)
    axes.set_xlabel("share of total gain")
    return svg_of(figure, axes, title)


def calibration_plot(calibration: pl.DataFrame, binary: bool, title: str = "") -> bytes:
    """Mean outcome against mean prediction in bins of equal size, beside the diagonal; an SVG."""
    figure, axes = axes_of(4.2, 3.8)
    predicted, actual = calibration["predicted"].to_list(), calibration["actual"].to_list()
    low, high = min([*predicted, *actual], default=0.0), max([*predicted, *actual], default=1.0)
    axes.plot([low, high], [low, high], color=FAINT, linewidth=1)
    axes.plot(predicted, actual, color=ACCENT, marker="o", markersize=4, linewidth=1.2)
    axes.set_xlabel("mean predicted probability" if binary else "mean prediction")
    axes.set_ylabel("observed rate" if binary else "mean outcome")
    return svg_of(figure, axes, title)
