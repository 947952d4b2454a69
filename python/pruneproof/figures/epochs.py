"""`epochs`: a metric with a number per epoch, a line for each method."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pruneproof.api import Figure, drawing
from pruneproof.figures.choosing import chosen_rows, most_shown_sparsity


def epochs(
    table: drawing.Table,
    canvas: drawing.Canvas,
    *,
    y: str = "",
    at: str = "end",
    first: int = 1,
    line: str = "method",
    where: Mapping[str, Any] | None = None,
    but: Mapping[str, Any] | None = None,
    y_scale: str = "auto",
    y_label: str = "",
    band: str = "auto",
) -> str:
    """Draw means over seeds of a metric per epoch against the epoch; nothing where no line has two.

    Args:
        table: the rows of a run.
        canvas: where to draw.
        y: a metric per epoch, `metric` or `step.metric`; the first that was measured when empty.
        at: the step after which it is read if it names none.
        first: the number of the first epoch.
        line: the column that tells lines apart.
        where: column -> value or values to show.
        but: column -> value or values to leave out.
        y_scale: of the y axis, see `drawing.AXIS_SCALES`.
        y_label: in place of the metric's name.
        band: what is drawn around the means, see `drawing.BANDS`.
    """
    drawing.check_scale(y_scale)
    drawing.check_band(band)
    table.check_column(line)
    quantity = table.quantity(y, at) if y else _first(table, at)
    if quantity is None:
        return ""
    chosen = chosen_rows(table, where, but, ())[0]
    watched = tuple(row for row in chosen.rows if row.at == quantity.at and row.values.get(quantity.name))
    rows, where_said = most_shown_sparsity(replace(chosen, rows=watched))
    lines = {
        str(group.column(line)): points for group in rows.groups if len(points := _points(group, quantity, first)) > 1
    }
    if not lines:
        return ""
    numbers = [each for points in lines.values() for _, each in points]
    band = drawing.choose_band(band, numbers, quantity)
    looks = canvas.styles(line, list(lines))
    [panel] = canvas.new_panels(title=f"{quantity.words} by epoch", height=3.4)
    for name, points in lines.items():
        panel.line(points, looks[name], name, band=band)
    panel.axes.locator_params(axis="x", integer=True)
    panel.axes.set_xlabel("epoch")
    scale = panel.y_axis(quantity, [each.mean for each in numbers], scale=y_scale, label=y_label)
    canvas.name_series()
    return " ".join(
        [
            f"{drawing.sentence(y_label or quantity.label)} at the end of each epoch{where_said}.",
            drawing.band_words(band, numbers),
            *drawing.scale_words({scale}),
        ]
    )


def _first(table: drawing.Table, at: str) -> drawing.Quantity | None:
    for name, info in table.metrics.items():
        if info.per == "epoch" and any(row.at == at and row.values.get(name) for row in table.rows):
            return drawing.Quantity(name, at, info)
    return None


def _points(group: drawing.Group, quantity: drawing.Quantity, first: int) -> list[tuple[float, drawing.Numbers]]:
    """Return epoch -> numbers over the seeds that have all epochs."""
    by_seed = {seed: each for seed, each in group.values(quantity).items() if isinstance(each, list)}
    most = max((len(each) for each in by_seed.values()), default=0)
    whole = {seed: each for seed, each in by_seed.items() if len(each) == most}
    return [(first + place, drawing.Numbers({s: each[place] for s, each in whole.items()})) for place in range(most)]


EPOCHS = Figure("epochs", epochs, "A metric with a number per epoch, a line for each method.")
