"""What all figures share: colours, markers, sizes, and the way to SVG."""

import io
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1f2328", "#6a737d", "#e1e4e8", "#ffffff"
"""Colours that a dark page replaces, as it does the palette; the colour map of densities has none of them."""
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#999933")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")

LINE: Any = {"linewidth": 1.4, "markersize": 5.5, "markeredgecolor": PAPER, "markeredgewidth": 0.5}

WIDTH = 5.6
"""Inches, so that text of 8 points is readable where two figures share the width of a page."""


@dataclass(frozen=True)
class Plot:
    """A figure: file stem, caption and SVG document."""

    name: str
    caption: str
    svg: str


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure of a size in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def to_svg(figure: Figure) -> str:
    """Return a figure as an SVG document without date."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()
