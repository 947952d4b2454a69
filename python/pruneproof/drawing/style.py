"""Colours, markers and sizes of all figures, and matplotlib's settings while they are drawn."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

INK, MUTED, GRID, PAPER = "#1f2328", "#6a737d", "#e1e4e8", "#ffffff"
"""Colours that a dark page replaces, as it does those of series; colour maps have none of them."""
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#999933")
"""Colours that people with colour blindness can tell apart (Okabe & Ito 2008, two of Tol's added)."""
TEXT_PALETTE = ("#0072b3", "#be5400", "#008460", "#bb4d8a", "#9c6c00", "#177ab2", "#882256", "#787828")
"""The same for words: dark enough for a contrast of 4.5 on white (WCAG 2.1, AA); none equals one of `PALETTE`."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
LINE: Any = {"linewidth": 1.4, "markersize": 5.5, "markeredgecolor": PAPER, "markeredgewidth": 0.5}
DASHED, DOTTED, LONG_DASHES = (0, (2, 2)), (0, (1, 2)), (0, (5, 2))

WIDTH = 5.6
"""Inches, so that text of 8 points is readable where two figures share the width of a page."""

_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pruneproof",
    "font.family": "sans-serif",
    "font.size": 8,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": PAPER,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.6,
    "legend.frameon": False,
    "path.simplify": False,
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Style:
    """How a series looks: the colour of its marks and lines, of its name, and its marker."""

    colour: str
    text: str
    marker: str


PLAIN = Style(INK, INK, "o")
"""What is no series, such as a reference."""


def styles(order: Sequence[str], shown: Sequence[str]) -> dict[str, Style]:
    """Return the style of each series that is shown: by its place in `order`, or the next that is free.

    A series thus keeps its colour from figure to figure. Those beyond the palette repeat colours with other markers.

    >>> [style.colour for style in styles(["a", "b", "c"], ["b", "c"]).values()]
    ['#d55e00', '#009e73']
    """
    free: list[int] = []
    found: dict[str, Style] = {}
    for place, name in enumerate(dict.fromkeys([*order, *shown])):
        if name not in shown:
            continue
        free = free or list(range(len(PALETTE)))
        wanted = place % len(PALETTE)
        chosen = wanted if wanted in free else free[0]
        free.remove(chosen)
        marker = (chosen + len(found) // len(PALETTE)) % len(MARKERS)
        found[name] = Style(PALETTE[chosen], TEXT_PALETTE[chosen], MARKERS[marker])
    return found


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with the settings of all figures, whatever style the calling program has set."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield
