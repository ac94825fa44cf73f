"""Plots are small SVGs, the same for the same facts."""

from __future__ import annotations

from mesh_pipelines.monitoring.findings import ColumnDrift
from mesh_pipelines.monitoring.plots import drift_plot, months_plot, shares_plot


def test_plots_are_small_and_stable() -> None:
    """Each is an SVG under 40 KB, drawn twice to the same bytes; nothing to draw is no fault."""
    columns = [ColumnDrift(f"a_long_feature_name_{i}", i / 30, None, 9, 0.0, 0.0) for i in range(40)]
    months = {f"2013-{month:02d}": 0.7 + month / 100 for month in range(1, 13)}
    for draw in (
        lambda: drift_plot(columns, 0.25, "features"),
        lambda: drift_plot([], 0.25),
        lambda: shares_plot([0.5, 0.5], [0.1, 0.9], ["low", "high"], "predictions"),
        lambda: shares_plot([], [], []),
        lambda: months_plot({"all": months, "origin EWR": months}, "auc", 0.6, "forecast"),
        lambda: months_plot({}, "auc"),
    ):
        svg = draw()
        assert svg.startswith(b"<?xml")
        assert len(svg) < 40_000
        assert svg == draw()
