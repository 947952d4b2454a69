"""What figures are made of: the table of what was measured, panels with axes, colours and markers, and SVG.

matplotlib is imported when something is drawn, so that looking kinds of figures up stays quick.
"""

from pruneproof.drawing.canvas import Canvas, Plot
from pruneproof.drawing.numbers import percent, sentence, shown, signed
from pruneproof.drawing.panel import BANDS, EDGE, Panel, band_words, check_band, choose_band
from pruneproof.drawing.scales import AXIS_SCALES, check_scale, scale_words
from pruneproof.drawing.style import GRID, INK, MARKERS, MUTED, PALETTE, PAPER, WIDTH, Style
from pruneproof.drawing.table import Claim, Group, MetricInfo, Numbers, Quantity, Row, Table

__all__ = [
    "AXIS_SCALES",
    "BANDS",
    "EDGE",
    "GRID",
    "INK",
    "MARKERS",
    "MUTED",
    "PALETTE",
    "PAPER",
    "WIDTH",
    "Canvas",
    "Claim",
    "Group",
    "MetricInfo",
    "Numbers",
    "Panel",
    "Plot",
    "Quantity",
    "Row",
    "Style",
    "Table",
    "band_words",
    "check_band",
    "check_scale",
    "choose_band",
    "percent",
    "scale_words",
    "sentence",
    "shown",
    "signed",
]
