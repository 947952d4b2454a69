"""`scatter`: one quantity against another, one mark for each method."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from pruneproof.api import Figure, drawing, median_interval, rounded
from pruneproof.figures.choosing import chosen_quantity, chosen_rows, most_shown_sparsity, number

Pair = tuple[drawing.Group, drawing.Numbers, drawing.Numbers]


def scatter(
    table: drawing.Table,
    canvas: drawing.Canvas,
    *,
    y: str = "",
    x: str = "sparsity",
    at: str = "end",
    mark: str = "method",
    size: str = "",
    one_sparsity: bool = False,
    correlate: bool = False,
    correlate_below: float = math.inf,
    reference: tuple[str, ...] = ("dense",),
    where: Mapping[str, Any] | None = None,
    but: Mapping[str, Any] | None = None,
    x_scale: str = "auto",
    y_scale: str = "auto",
    x_label: str = "",
    y_label: str = "",
) -> str:
    """Draw one mark per method and sparsity, means over seeds; nothing for fewer than three.

    Args:
        table: the rows of a run.
        canvas: where to draw.
        y: a metric, `metric` or `step.metric`; the first number that was measured when empty.
        x: the same, or a column.
        at: the step after which metrics are read that name none.
        mark: the column that tells colours and markers apart.
        size: a column of numbers > 0; larger marks have more.
        one_sparsity: show only the sparsity with most methods.
        correlate: write Kendall's τ (1945, τ-b) over the marks, taken within each seed: the median over seeds
            with its interval of 90 %, as in the claim test `rank-correlation`.
        correlate_below: only marks with x up to this count for τ, which is drawn as a line.
        reference: methods that are left out.
        where: column -> value or values to show.
        but: column -> value or values to leave out.
        x_scale: of the x axis, see `drawing.AXIS_SCALES`.
        y_scale: of the y axis.
        x_label: in place of the quantity's name.
        y_label: in place of the quantity's name.
    """
    for scale in (x_scale, y_scale):
        drawing.check_scale(scale)
    for column in filter(None, (mark, size)):
        table.check_column(column)
    x_is, y_is = table.quantity(x, at), chosen_quantity(table, y, at)
    rows, _ = chosen_rows(table, where, but, reference)
    rows, where_said = most_shown_sparsity(rows) if one_sparsity else (rows, "")
    pairs = [] if y_is is None else _pairs(rows, x_is, y_is, mark)
    if y_is is None or len(pairs) < 3:
        return ""
    names = list(dict.fromkeys(group.column(mark) for group, _, _ in pairs))
    looks = canvas.styles(mark, names)
    [panel] = canvas.new_panels(title=f"{y_is.words} against {x_is.words}", height=3.6)
    for name in reversed(names):  # the first ones on top
        of = [pair for pair in pairs if pair[0].column(mark) == name]
        xs, ys = [each.mean for _, each, _ in of], [each.mean for _, _, each in of]
        options = {"s": [_area(group, table, size) for group, _, _ in of], **drawing.EDGE}
        panel.marks(xs, ys, looks[name], str(name), **options)
    panel.series = dict(reversed(panel.series.items()))
    scales = {
        panel.x_axis(x_is, [each.mean for _, each, _ in pairs], scale=x_scale, label=x_label),
        panel.y_axis(y_is, [each.mean for _, _, each in pairs], scale=y_scale, label=y_label),
    }
    said = ""
    if correlate:
        said = _correlation(pairs, correlate_below)
        panel.corner(said)
        if math.isfinite(correlate_below):
            panel.axes.axvline(correlate_below, color=drawing.MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    panel.legend()
    cut = f", among marks up to {correlate_below:g}, the vertical line" if math.isfinite(correlate_below) else ""
    return " ".join(
        [
            f"{drawing.sentence(y_label or y_is.label)} against {x_label or x_is.label}{where_said}"
            f"{f': {said}' if said else ''}.",
            "One mark per method, mean over seeds.",
            *([f"Larger marks have more {size}."] if size else []),
            *([f"τ is Kendall's, taken within each seed{cut}; its interval is over seeds."] if said else []),
            *drawing.scale_words(scales),
        ]
    )


def _pairs(table: drawing.Table, x: drawing.Quantity, y: drawing.Quantity, mark: str) -> list[Pair]:
    found = ((group, group.numbers(x), numbers) for group, numbers in table.over_seeds(y))
    return [(group, at, numbers) for group, at, numbers in found if at is not None and group.column(mark) is not None]


def _area(group: drawing.Group, table: drawing.Table, size: str) -> float:
    if not size:
        return 30.0
    value = number(group, table.quantity(size))
    return 14 + 22 * math.log10(value) if value and value > 1 else 14.0


def _correlation(pairs: Sequence[Pair], below: float) -> str:
    """Say how x and y are rank-correlated over the marks of each seed; empty where no seed has three."""
    taus = []
    for seed in sorted(set.intersection(*({*x.by_seed} & {*y.by_seed} for _, x, y in pairs))):
        both = [(x.by_seed[seed], y.by_seed[seed]) for _, x, y in pairs if x.by_seed[seed] <= below]
        if len(both) > 2:
            taus.append(float(stats.kendalltau(*np.array(both, dtype=float).T).statistic))
    taus = [tau for tau in taus if math.isfinite(tau)]
    if len(taus) < 2:
        return f"τ = {rounded(taus[0])}, one seed" if taus else ""
    found = median_interval(taus, 0.9)
    return f"τ = {rounded(found.value)} [{rounded(found.low)}, {rounded(found.high)}], n = {len(taus)}"


SCATTER = Figure("scatter", scatter, "One quantity against another, one mark for each method.")
