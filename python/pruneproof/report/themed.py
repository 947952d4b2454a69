"""A figure inside a page: it takes the page's colours, so that it suits a dark one too."""

import re

from pruneproof.drawing.canvas import Plot
from pruneproof.drawing.style import GRID, INK, MUTED, PALETTE, PAPER, TEXT_PALETTE


def themed(plot: Plot) -> str:
    """Return the SVG for inclusion in a page: colours of the page as CSS variables, ids of its own, a spoken name."""
    svg = plot.svg[plot.svg.index("<svg") :]
    series = {f"series-{place}": colour for place, colour in enumerate(PALETTE, start=1)}
    texts = {f"text-{place}": colour for place, colour in enumerate(TEXT_PALETTE, start=1)}
    for name, colour in {"ink": INK, "muted": MUTED, "grid": GRID, "paper": PAPER, **series, **texts}.items():
        svg = svg.replace(colour, f"var(--{name})")
    svg = re.sub(r'\bid="', f'id="{plot.name}-', svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{plot.name}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    named = f'<svg role="img" aria-labelledby="{plot.name}-caption"'
    return re.sub(r"<svg [^>]*?(?= viewBox)", named, svg, count=1)
