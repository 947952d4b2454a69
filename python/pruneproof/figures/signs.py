"""`signs`: whether methods are above or below another one, a row per method and a column per sparsity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pruneproof.api import BadConfig, Figure, drawing, median_interval, rounded
from pruneproof.figures.choosing import chosen_quantity, chosen_rows
from pruneproof.figures.printed import Printed, printed_beside

LEVEL = 0.9
"""Of the interval that decides the colour, as claims have it: 5 % on either side."""
BETTER, WORSE, OPEN = "#006fad", "#b54e00", "#bbbbbb"
"""Dark enough for white words, and none of the palette, so that a dark page leaves them as they are."""


@dataclass(frozen=True)
class Cell:
    """A difference, and the colour of its sign."""

    value: float
    colour: str


Cells = Mapping[tuple[str, float], Cell]
"""Method and sparsity -> difference."""


def signs(
    table: drawing.Table,
    canvas: drawing.Canvas,
    *,
    y: str = "",
    at: str = "end",
    against: str = "",
    where: Mapping[str, Any] | None = None,
    but: Mapping[str, Any] | None = None,
    printed: Sequence[Mapping[str, Any]] = (),
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
        printed: series of printed tables, `against` among them: their differences stand in panels of their own below;
            see `printed_beside`.
    """
    quantity = chosen_quantity(table, y, at)
    rows, references = chosen_rows(table, where, but, (against,))
    beside = printed_beside(printed, table)
    theirs = [_printed_cells(each, against) for each in beside]
    if quantity is None:
        return ""
    cells = _cells(rows, references, quantity)
    if not cells:
        return ""
    panels = [cells, *theirs]
    counts = [len({method for method, _ in each}) for each in panels]
    drawn = canvas.new_panels(
        ["measured here", *(each.title for each in beside)] if beside else [""],
        title=f"{quantity.words} against {against}",
        columns=1,
        height=(0.8 * len(panels) + 0.34 * sum(counts)) / len(panels),
        heights=counts,
    )
    for place, (panel, each) in enumerate(zip(drawn, panels, strict=True)):
        _draw(panel, each, hollow=place > 0)
    return " ".join(
        [
            f"{drawing.sentence(quantity.label)} minus that of {against} at the same sparsity: the median over seeds.",
            f"Blue: above, vermilion: below, grey: the sign is open, the interval of {drawing.percent(LEVEL)} reaching "
            "to both sides.",
            *(each.words for each in beside),
            *(["Frames tell the sign of a printed difference, which comes without an interval."] if beside else []),
        ]
    )


def _cells(rows: drawing.Table, references: drawing.Table, quantity: drawing.Quantity) -> Cells:
    known = {group.sparsity: numbers.by_seed for group, numbers in references.over_seeds(quantity)}
    cells: dict[tuple[str, float], Cell] = {}
    for group, numbers in rows.over_seeds(quantity):
        other = known.get(group.sparsity, {})
        pairs = [numbers.by_seed[seed] - other[seed] for seed in sorted(numbers.by_seed) if seed in other]
        if len(pairs) > 1:
            found = median_interval(pairs, LEVEL)
            cells[group.method, group.sparsity] = Cell(found.value, _colour(found.low, found.high))
    return cells


def _printed_cells(printed: Printed, against: str) -> Cells:
    theirs = printed.lines.get(against, {})
    cells: dict[tuple[str, float], Cell] = {}
    for method, points in printed.lines.items():
        for sparsity in [] if method == against else sorted({*points} & {*theirs}):
            value = round(points[sparsity] - theirs[sparsity], 9)
            cells[method, sparsity] = Cell(value, _colour(value, value))
    if not cells:
        raise BadConfig(f'"{printed.title}" has nothing at the same x as {against}. Add lines.{against}.')
    return cells


def _colour(low: float, high: float) -> str:
    return BETTER if low > 0 else WORSE if high < 0 else OPEN


def _draw(panel: drawing.Panel, cells: Cells, *, hollow: bool) -> None:
    """Draw cells with their differences: filled, or as frames."""
    methods = list(dict.fromkeys(method for method, _ in cells))
    sparsities = sorted({sparsity for _, sparsity in cells})
    for (method, sparsity), cell in cells.items():
        row, column = methods.index(method), sparsities.index(sparsity)
        fill = drawing.PAPER if hollow else cell.colour
        panel.axes.barh(
            row, 0.94, height=0.86, left=column - 0.47, color=fill, edgecolor=cell.colour, linewidth=1.5 * hollow
        )
        text = f"{'+' if cell.value > 0 else ''}{rounded(cell.value)}"
        ink = drawing.INK if hollow else "#222222" if cell.colour == OPEN else "#fefefe"
        panel.axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8)
    panel.axes.set_yticks(range(len(methods)), methods)
    panel.axes.set_ylim(len(methods) - 0.5, -0.5)
    panel.categories([drawing.percent(each) for each in sparsities], "sparsity")


SIGNS = Figure("signs", signs, "Whether methods are above or below another one, by sparsity.")
