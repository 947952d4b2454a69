"""`signs`: whether methods are above or below another one, a row per method and a column per sparsity."""

from collections.abc import Mapping
from typing import Any

from pruneproof.api import Figure, drawing, median_interval, rounded
from pruneproof.figures.choosing import chosen_quantity, chosen_rows

LEVEL = 0.9
"""Of the interval that decides the colour, as claims have it: 5 % on either side."""
BETTER, WORSE, OPEN = "#0072b2", "#d55e00", "#bbbbbb"


def signs(
    table: drawing.Table,
    canvas: drawing.Canvas,
    *,
    y: str = "",
    at: str = "end",
    against: str = "",
    where: Mapping[str, Any] | None = None,
    but: Mapping[str, Any] | None = None,
) -> str:
    """Draw the median difference to a method at the same sparsity, paired by seed, coloured where its sign is decided.

    Args:
        table: the rows of a run.
        canvas: where to draw.
        y: a metric, `metric` or `step.metric`; the first number that was measured when empty.
        at: the step after which it is read if it names none.
        against: the method that others are compared with.
        where: column -> value or values to show.
        but: column -> value or values to leave out.
    """
    quantity = chosen_quantity(table, y, at)
    rows, references = chosen_rows(table, where, but, (against,))
    if quantity is None:
        return ""
    known = {group.sparsity: numbers.by_seed for group, numbers in references.over_seeds(quantity)}
    cells: dict[tuple[str, float], list[float]] = {}
    for group, numbers in rows.over_seeds(quantity):
        other = known.get(group.sparsity, {})
        pairs = [numbers.by_seed[seed] - other[seed] for seed in sorted(numbers.by_seed) if seed in other]
        if len(pairs) > 1:
            cells[group.method, group.sparsity] = pairs
    if not cells:
        return ""
    methods = list(dict.fromkeys(method for method, _ in cells))
    sparsities = sorted({sparsity for _, sparsity in cells})
    [panel] = canvas.new_panels(title=f"{quantity.words} against {against}", height=0.8 + 0.34 * len(methods))
    for (method, sparsity), pairs in cells.items():
        found = median_interval(pairs, LEVEL)
        colour = BETTER if found.low > 0 else WORSE if found.high < 0 else OPEN
        row, column = methods.index(method), sparsities.index(sparsity)
        panel.axes.barh(row, 0.94, height=0.88, left=column - 0.47, color=colour)
        text = f"{'+' if found.value > 0 else ''}{rounded(found.value)}"
        ink = "#222222" if colour == OPEN else "#fefefe"
        panel.axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8)
    panel.axes.set_yticks(range(len(methods)), methods)
    panel.axes.set_ylim(len(methods) - 0.5, -0.5)
    panel.categories([drawing.percent(each) for each in sparsities], "sparsity")
    return (
        f"{drawing.sentence(quantity.label)} minus that of {against} at the same sparsity: the median over seeds. "
        "Blue: above, vermilion: below, grey: the sign is open, the interval of "
        f"{drawing.percent(LEVEL)} reaching to both sides."
    )


SIGNS = Figure("signs", signs, "Whether methods are above or below another one, by sparsity.")
