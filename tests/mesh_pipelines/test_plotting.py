"""Plots: texts in them are texts."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from mesh_pipelines.plotting import axes_of, svg_of


@pytest.mark.parametrize(
    "name", ["$\\frac$", "$x", "<script>alert(1)</script>", "a & b", '" onload="alert(1)']
)
def test_a_name_in_a_plot_is_shown_as_it_is(name: str) -> None:
    """No formula and no markup: at a tick, as a title, as the name of a line."""
    figure, axes = axes_of(4, 3, beside=[name])
    axes.barh([name, "other"], [1, 2])
    axes.plot([0, 1], [0, 1], label=name)
    axes.legend()
    texts = [
        element.text
        for element in ET.fromstring(svg_of(figure, axes, name)).iter()
        if element.tag.endswith("text")
    ]
    assert texts.count(name) == 3
