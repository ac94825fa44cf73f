"""What all plots of the platform share: their colours, and how a figure becomes a PNG that is the same each time."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, ACCENT, FAINT, ALARM = "#1f2933", "#2f6f9f", "#b8c2cc", "#b3413a"


def axes_of(width: float, height: float, *, dpi: int) -> tuple[Figure, Axes]:
    """An empty figure and its only axes.

    Args:
        width: in inches.
        height: in inches.
        dpi: pixels an inch.
    """
    # Without pyplot: no global state, so steps in one process cannot draw into each other's figure.
    from matplotlib.figure import Figure

    # Not "constrained", which lays out every text twice more: half of what a small plot costs.
    figure = Figure(figsize=(width, height), dpi=dpi, layout="tight")
    return figure, figure.add_subplot()


def png_of(figure: Figure, axes: Axes, title: str) -> bytes:
    """The figure as a PNG.

    Args:
        figure: the figure.
        axes: its axes, with all that is to be seen.
        title: written above them.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    axes.set_title(title, fontsize=9, loc="left", color=INK)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    # No software name or date in the file: the same plot has the same bytes.
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
