"""`by-round`: a metric after each round of a repetition, a line for each method."""

import re
from collections.abc import Mapping
from typing import Any

from pruneproof.api import Figure, drawing, rounded
from pruneproof.figures.choosing import chosen_rows, most_shown_sparsity


def by_round(
    table: drawing.Table,
    canvas: drawing.Canvas,
    *,
    y: str = "",
    at: str = "round",
    line: str = "method",
    reference: tuple[str, ...] = ("dense",),
    where: Mapping[str, Any] | None = None,
    but: Mapping[str, Any] | None = None,
    y_scale: str = "auto",
    y_label: str = "",
    band: str = "auto",
) -> str:
    """Draw means over seeds of a metric against the round after which it was read; nothing where no line has two.

    Args:
        table: the rows of a run.
        canvas: where to draw.
        y: a metric; the first number that was measured after the first round when empty.
        at: the name of the step that measures in each round; of `round-1`, `round-2`, ... it is `round`.
        line: the column that tells lines apart.
        reference: methods drawn as levels, at their end.
        where: column -> value or values to show.
        but: column -> value or values to leave out.
        y_scale: of the y axis, see `drawing.AXIS_SCALES`.
        y_label: in place of the metric's name.
        band: what is drawn around the means, see `drawing.BANDS`.
    """
    drawing.check_scale(y_scale)
    drawing.check_band(band)
    table.check_column(line)
    numbered = sorted(int(step[len(at) + 1 :]) for step in table.steps if re.fullmatch(rf"{re.escape(at)}-\d+", step))
    quantity = table.quantity(y) if y else table.first(f"{at}-1")
    chosen, references = chosen_rows(table, where, but, reference)
    if quantity is None:
        return ""
    rows, where_said = most_shown_sparsity(chosen)
    steps = {number: drawing.Quantity(quantity.name, f"{at}-{number}", quantity.info) for number in numbered}
    lines: dict[str, list[tuple[float, drawing.Numbers]]] = {}
    for group in rows.groups:
        found = [(float(n), each) for n, step in steps.items() if (each := group.numbers(step)) is not None]
        if len(found) > 1:
            lines.setdefault(str(group.column(line)), found)
    if not lines:
        return ""
    numbers = [each for points in lines.values() for _, each in points]
    levels = references.over_seeds(drawing.Quantity(quantity.name, "end", quantity.info))
    band = drawing.choose_band(band, numbers, quantity)
    looks = canvas.styles(line, list(lines))
    [panel] = canvas.new_panels(title=f"{quantity.words} by round", height=3.0)
    for group, level in levels:
        panel.level(level.mean, group.method)
    for name, points in lines.items():
        panel.line(points, looks[name], name, band=band)
    heights = [value for each in numbers for value in each.values] + [level.mean for _, level in levels]
    scale = panel.y_axis(quantity, heights, scale=y_scale, label=y_label or quantity.label)
    panel.axes.set_xticks(numbered)
    panel.axes.set_xlabel("round")
    canvas.name_series()
    most = max(points[-1][0] for points in lines.values())
    last = {name: points[-1][1].mean for name, points in lines.items() if points[-1][0] == most}
    high, low = max(last, key=last.__getitem__), min(last, key=last.__getitem__)
    return " ".join(
        [
            f"{drawing.sentence(y_label or quantity.label)} after each round{where_said}.",
            f"After round {most:g}, {high} is highest ({rounded(last[high])}) and {low} lowest ({rounded(last[low])}).",
            drawing.band_words(band, numbers),
            *([f"Long dashes: {', '.join(dict.fromkeys(group.method for group, _ in levels))}."] if levels else []),
            *drawing.scale_words({scale}),
        ]
    )


BY_ROUND = Figure("by-round", by_round, "A metric after each round of a repetition, a line for each method.")
