"""`strip`: one dot for each trained network."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pruneproof.api import Figure, drawing, rounded
from pruneproof.figures.choosing import chosen_quantity, chosen_rows, one_sparsity


def strip(
    table: drawing.Table,
    canvas: drawing.Canvas,
    *,
    y: str = "",
    x: str = "sparsity",
    at: str = "end",
    line: str = "method",
    reference: tuple[str, ...] = ("dense",),
    where: Mapping[str, Any] | None = None,
    but: Mapping[str, Any] | None = None,
    y_scale: str = "auto",
    x_label: str = "",
    y_label: str = "",
) -> str:
    """Draw one dot per network: what means and intervals hide, such as networks that either learn or do not.

    Args:
        table: the rows of a run.
        canvas: where to draw.
        y: a metric, `metric` or `step.metric`; the first number that was measured when empty.
        x: the column whose values stand side by side.
        at: the step after which y is read if it names none.
        line: the column that tells colours apart.
        reference: methods drawn as levels.
        where: column -> value or values to show.
        but: column -> value or values to leave out.
        y_scale: of the y axis, see `drawing.AXIS_SCALES`.
        x_label: in place of the column's name.
        y_label: in place of the quantity's name.
    """
    drawing.check_scale(y_scale)
    for column in (x, line):
        table.check_column(column)
    y_is, x_is = chosen_quantity(table, y, at), table.quantity(x)
    rows, references = chosen_rows(table, where, but, reference)
    rows, where_said = one_sparsity(rows, (x, line))
    found = [] if y_is is None else rows.over_seeds(y_is)
    found = [(group, numbers) for group, numbers in found if group.column(x) is not None]
    if y_is is None or not found:
        return ""
    places = list(dict.fromkeys(group.column(x) for group, _ in found))
    if all(isinstance(place, int | float) for place in places):
        places.sort()
    names = list(dict.fromkeys(group.column(line) for group, _ in found))
    looks, step = canvas.styles(line, names), 0.8 / len(names)
    [panel] = canvas.new_panels(title=f"{y_is.words} of every network{where_said}", height=3.0)
    known = references.over_seeds(y_is)
    for group, numbers in known:
        panel.level(numbers.mean, group.method)
    for group, numbers in found:
        name = group.column(line)
        centre = places.index(group.column(x)) + (names.index(name) - (len(names) - 1) / 2) * step
        spread = centre + np.linspace(-0.3, 0.3, len(numbers.values)) * step
        panel.marks(spread.tolist(), numbers.values, looks[name], str(name))
    values = [value for _, numbers in found for value in numbers.values]
    scale = panel.y_axis(y_is, [*values, *(numbers.mean for _, numbers in known)], scale=y_scale, label=y_label)
    panel.categories([_category(x, place) for place in places], x_label or x_is.label)
    panel.legend()
    top = max(found, key=lambda each: each[1].mean)
    low = min(found, key=lambda each: each[1].mean)
    levels = ", ".join(dict.fromkeys(group.method for group, _ in known))
    return " ".join(
        [
            f"{drawing.sentence(y_label or y_is.label)} of every network, by {x_label or x_is.label}{where_said}: from "
            f"{rounded(low[1].mean)} ({low[0].method}{_at(low[0])}) to {rounded(top[1].mean)} "
            f"({top[0].method}{_at(top[0])}) on average.",
            "One dot per network, seeds in the same order within each series.",
            *([f"Long dashes: the mean of {levels}."] if known else []),
            *drawing.scale_words({scale}),
        ]
    )


def _at(group: drawing.Group) -> str:
    return f" at {drawing.percent(group.sparsity)}"


def _category(column: str, value: Any) -> str:
    if column == "sparsity":
        return drawing.percent(value)
    return value if isinstance(value, str) else f"{value:g}"


STRIP = Figure("strip", strip, "One dot for each trained network.")
