"""Plots are small SVGs, the same for the same model."""

from __future__ import annotations

import polars as pl

from mesh_pipelines.modeling.plots import calibration_plot, importance_plot
from mesh_pipelines.modeling.training import TrainedModel


def test_plots_are_small_and_stable(trained: TrainedModel) -> None:
    """Each is an SVG under 60 KB, drawn twice to the same bytes."""
    wide = {f"a_feature_with_a_long_name_{index}": 1 / 40 for index in range(40)}
    for draw in (
        lambda: importance_plot(trained.importances, "what it looks at"),
        lambda: importance_plot(wide),
        lambda: calibration_plot(trained.calibration, True, "calibration"),
        lambda: calibration_plot(trained.calibration, False),
    ):
        svg = draw()
        assert svg.startswith(b"<?xml")
        assert len(svg) < 60_000
        assert svg == draw()


def test_a_name_can_be_searched_and_of_any_length() -> None:
    """Texts are texts; a name longer than the figure leaves it its bars."""
    svg = importance_plot({"wind_speed": 0.7, "gust" * 100: 0.3})
    assert b">wind_speed</text>" in svg


def test_an_empty_holdout_still_draws() -> None:
    """No rows, no crash."""
    empty = pl.DataFrame(schema={"predicted": pl.Float64, "actual": pl.Float64, "rows": pl.UInt32})
    assert calibration_plot(empty, True).startswith(b"<?xml")
