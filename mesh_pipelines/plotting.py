"""Plots: common colours, and figures as SVGs with the same bytes each time.

In an SVG a browser sets the text: sharp at any size, searchable, read aloud; it takes half the time of a PNG.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, ACCENT, FAINT, ALARM = "#1f2933", "#2f6f9f", "#b8c2cc", "#b3413a"
_TICKS = 7
"""Size of the texts at the ticks (points)."""


def axes_of(
    width: float, height: float, *, beside: Collection[str] = (), below: Collection[str] = ()
) -> tuple[Figure, Axes]:
    """An empty figure and its only axes, with room for their texts.

    Args:
        beside: texts on the left of the axes; empty: numbers.
        below: texts below them, which lean on the axis; empty: numbers.
    """
    # Without pyplot: no global state, so steps in one process cannot draw into each other's figure.
    from matplotlib.figure import Figure

    # Not a layout of Matplotlib's: it draws all texts to measure them, which takes longer than all the rest.
    left = min(0.3 + max(0.4, _length(beside)), 0.6 * width)
    bottom = min(0.2 + max(0.25, 0.9 * _length(below)), 0.6 * height)
    figure = Figure(figsize=(width, height))
    place = (left / width, bottom / height, 1 - (left + 0.15) / width, 1 - (bottom + 0.3) / height)
    return figure, figure.add_axes(place)


def svg_of(figure: Figure, axes: Axes, title: str) -> bytes:
    """The figure as an SVG, with a title above its axes."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.text import Text

    axes.set_title(title, fontsize=9, loc="left", color=INK)
    axes.tick_params(labelsize=_TICKS)
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    for text in figure.findobj(Text):  # a text with a dollar is a text, not mathematics
        text.set_parse_math(False)
    # No chance in its names and no date: the same plot has the same bytes.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mesh", "text.parse_math": False}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    return buffer.getvalue()


def in_markdown(svg: bytes, name: str) -> str:
    """A plot as Markdown with the SVG inside; ``name`` is its alternative text."""
    return f"![{name}](data:image/svg+xml;base64,{base64.b64encode(svg).decode()})"


def _length(texts: Collection[str]) -> float:
    """Inches that the longest takes at a tick; a letter is about 0.6 of its height wide."""
    return 0.6 * _TICKS / 72 * max(map(len, texts), default=0)
