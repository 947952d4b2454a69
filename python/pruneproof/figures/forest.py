"""`forest`: value and interval of every claim that has one, with the bounds that it was judged by."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np

from pruneproof.api import Figure, drawing, rounded

COLOURS = {
    "holds": "#0072b2",
    "fails": "#d55e00",
    "absent": "#aa4499",
    "inconclusive": drawing.MUTED,
    "not-run": "#8b949e",
}
MARKERS = {"holds": "o", "fails": "X", "absent": "s", "inconclusive": "D", "not-run": "."}
SYMBOLS = {"holds": "✔", "fails": "✘", "absent": "∅", "inconclusive": "?", "not-run": "–"}
LETTERS = 68
"""Of a claim's text on one line, which fits the figure's width."""
INCHES = 4.2
"""The figure's width: that of a phone, and two beside each other on a screen."""
LINE_HEIGHT, PANEL_HEIGHT = 0.145, 0.55


def forest(
    table: drawing.Table,
    canvas: drawing.Canvas,
    *,
    letters: int = LETTERS,
    wide: float = 20.0,
) -> str:
    """Draw one row per claim that has a value, one panel per unit; the claim's text stands above its interval.

    Args:
        table: a record's claims, those of a question or all.
        canvas: where to draw.
        letters: of a claim's text on one line.
        wide: a difference above which an axis of differences is logarithmic beyond ±1, for small ones to stay readable.
    """
    claims = [claim for claim in table.claims if claim.value is not None]
    if not claims:
        return ""
    panels: dict[str, list[drawing.Claim]] = {}
    for claim in claims:
        panels.setdefault(_quantity(claim), []).append(claim)
    texts = {claim.id: _text(claim, letters) for claim in claims}
    heights = [sum(_rows(texts[claim.id]) for claim in each) + 1.0 for each in panels.values()]
    height = (LINE_HEIGHT * sum(heights) + PANEL_HEIGHT * len(panels)) / len(panels)
    drawn = canvas.new_panels(
        [""] * len(panels),
        title="claims with a number",
        columns=1,
        height=height,
        width=INCHES,
        heights=heights,
    )
    has_bounds = False
    for panel, (quantity, of_panel) in zip(drawn, panels.items(), strict=True):
        has_bounds |= _draw(panel, of_panel, texts, quantity, wide)
    seen = [verdict for verdict in MARKERS if any(claim.verdict == verdict for claim in claims)]
    counts = [f"{sum(claim.verdict == verdict for claim in claims)} {verdict}" for verdict in seen]
    canvas.legend(
        {verdict: drawing.Style(COLOURS[verdict], drawing.INK, MARKERS[verdict]) for verdict in seen}
        | ({"bound of the claim": drawing.Style(drawing.INK, drawing.INK, "|")} if has_bounds else {}),
        place="lower left",
    )
    is_signed = any(claim.scale.signed for claim in claims)
    return " ".join(
        [
            f"{len(claims)} claim{'s' if len(claims) > 1 else ''} with a number: {', '.join(counts)}.",
            "Our number and its confidence interval or range.",
            *(["The vertical line marks zero, where two methods are equal."] if is_signed else []),
            *(["Short strokes mark other bounds that claims set."] if has_bounds else []),
            "Intervals that leave the panel are cut.",
        ]
    )


def _draw(
    panel: drawing.Panel, claims: Sequence[drawing.Claim], texts: dict[str, str], quantity: str, wide: float
) -> bool:
    """Draw the claims of one panel, and say whether any bound is seen."""
    axes, at = panel.axes, 0.0
    is_signed = any(claim.scale.signed for claim in claims)
    low, high = _limits(claims)
    seen = False
    for claim in claims:
        axes.text(
            0.0, at, texts[claim.id], transform=axes.get_yaxis_transform(), va="top", linespacing=1.05,
            bbox={"facecolor": drawing.PAPER, "edgecolor": "none", "pad": 0.6}, zorder=2.5,
        )  # fmt: skip
        at += _rows(texts[claim.id])
        place = at - 1.05
        colour, value = COLOURS[claim.verdict], claim.value or 0.0
        if claim.low is not None and claim.high is not None:
            axes.plot(
                [claim.low, claim.high], [place, place], color=colour, linewidth=2, solid_capstyle="butt", zorder=2
            )
        axes.plot(
            [value],
            [place],
            color=colour,
            marker=MARKERS[claim.verdict],
            markersize=6,
            zorder=3,
            markeredgecolor=drawing.PAPER,
        )
        bounds = [bound for bound in claim.bounds if low <= bound <= high]
        axes.plot(bounds, [place] * len(bounds), color=drawing.INK, marker="|", markersize=8, linestyle="", zorder=4)
        seen |= bool(bounds)
    if is_signed:
        axes.axvline(0, color=drawing.INK, linewidth=0.8, zorder=1)
    axes.set_yticks([])
    axes.set_ylim(at + 0.2, -0.2)
    axes.spines["left"].set_visible(False)
    words = ""
    if is_signed and max(abs(claim.value or 0.0) for claim in claims) > wide:
        axes.set_xscale("symlog", linthresh=1.0)
        words = ", log scale beyond ±1"
    axes.set_xlim(low, high)
    axes.xaxis.set_major_formatter(lambda x, _: rounded(x))
    axes.set_xlabel(f"{quantity}{words}")
    return seen


def _quantity(claim: drawing.Claim) -> str:
    """Return what the value of a claim is, with its unit; claims share a panel where that is the same."""
    unit = claim.scale.unit or claim.unit
    if claim.scale.signed:
        return f"difference ({unit})"
    return unit if claim.scale.range else f"median ({unit})"


def _text(claim: drawing.Claim, letters: int) -> str:
    words = f"{SYMBOLS[claim.verdict]} {claim.id}: {claim.text}".replace("`", "")
    return "\n".join(wrap(words, letters, max_lines=3, placeholder=" …"))


def _rows(text: str) -> float:
    """Return the height of a claim in lines of text: its text, its interval, and a gap."""
    return 2.6 + text.count("\n")


def _limits(claims: Sequence[drawing.Claim]) -> tuple[float, float]:
    """Return limits that show every value and bound, and intervals as long as they do not dwarf the values."""
    natural = [claim.scale.range for claim in claims if claim.scale.range is not None]
    if natural:
        low, high = min(each[0] for each in natural), max(each[1] for each in natural)
        pad = 0.05 * (high - low)
        return low - pad, high + pad
    values = [claim.value or 0.0 for claim in claims] + [bound for claim in claims for bound in claim.bounds]
    values += [0.0] if any(claim.scale.signed for claim in claims) else []
    ends = [end for claim in claims for end in (claim.low, claim.high) if end is not None]
    halves = [(claim.high - claim.low) / 2 for claim in claims if claim.low is not None and claim.high is not None]
    spread = max(max(values) - min(values), float(np.median(halves)) if halves else 0.0)
    low = max(min([*values, *ends]), min(values) - 2 * spread)
    high = min(max([*values, *ends]), max(values) + 2 * spread)
    pad = 0.06 * (high - low) or 1.0
    return low - pad, high + pad


FOREST = Figure("forest", forest, "Value and interval of every claim that has one, with its bounds.", per="question")
