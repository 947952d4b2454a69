"""`heatmap`: a metric with a number per tensor, a row for each method."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pruneproof.api import Figure, drawing, rounded
from pruneproof.figures.choosing import chosen_rows, panel_title

if TYPE_CHECKING:
    from matplotlib.colors import Normalize

FEW_TENSORS = 10
"""Up to which cells carry their numbers."""
MOST_NAMES = 20
_WIDE = 10.0
"""A ratio of the largest to the smallest value from which colours follow logarithms."""
_LIGHT, _DARK = "#fefefe", "#222222"
"""Words on dark and light cells, which a dark page leaves as they are."""


Named = tuple[str, Mapping[str, drawing.Numbers]]
"""A row: its name, and the metric by tensor."""


def heatmap(
    table: drawing.Table,
    canvas: drawing.Canvas,
    *,
    value: str = "",
    at: str = "end",
    row: str = "method",
    panel: str = "sparsity",
    reference: tuple[str, ...] = ("dense",),
    where: Mapping[str, Any] | None = None,
    but: Mapping[str, Any] | None = None,
    label: str = "",
) -> str:
    """Draw means over seeds by tensor, in the network's order; nothing for a single row.

    Args:
        table: the rows of a run.
        canvas: where to draw.
        value: a metric per tensor, `metric` or `step.metric`; the first that was measured when empty.
        at: the step after which it is read if it names none.
        row: the column that names rows.
        panel: the column that tells panels apart.
        reference: methods that are left out.
        where: column -> value or values to show.
        but: column -> value or values to leave out.
        label: in place of the metric's name.
    """
    for column in (row, panel):
        table.check_column(column)
    quantity = table.quantity(value, at) if value else next(iter(table.measured(at, per="tensor")), None)
    rows, _ = chosen_rows(table, where, but, reference)
    found = [] if quantity is None else [(group, group.by_tensor(quantity)) for group in rows.groups]
    found = [(group, by_tensor) for group, by_tensor in found if by_tensor and group.column(panel) is not None]
    if quantity is None or len(found) < 2:
        return ""
    panels: dict[Any, list[Named]] = {}
    for group, by_tensor in sorted(found, key=lambda each: str(each[0].column(panel))):
        panels.setdefault(group.column(panel), []).append((str(group.column(row)), by_tensor))
    tensors = list(dict.fromkeys(tensor for _, by_tensor in found for tensor in by_tensor))
    norm = _norm([each.mean for _, by_tensor in found for each in by_tensor.values()])
    heights = [len(each) for each in panels.values()]
    drawn = canvas.new_panels(
        [""] * len(panels),
        title=f"{quantity.words} of each tensor",
        columns=1,
        height=(1.1 + 0.17 * len(found)) / len(panels) + 0.16,
        heights=heights,
        share="x",
    )
    mesh = None
    for each, (key, of_panel) in zip(drawn, panels.items(), strict=True):
        means = np.array([[_mean(by_tensor, tensor) for tensor in tensors] for _, by_tensor in of_panel])
        hidden = np.isnan(means) | ((means == 0) & _is_log(norm))
        mesh = each.axes.pcolormesh(
            np.ma.masked_where(hidden, means), norm=norm, cmap="viridis", edgecolors=drawing.PAPER, linewidth=0.4
        )
        _words(each, of_panel, tensors, norm)
        each.axes.set_yticks(np.arange(len(of_panel)) + 0.5, [name for name, _ in of_panel])
        each.axes.set_ylabel(_key(panel, key), rotation=0, ha="right", va="center", fontweight="bold", labelpad=9)
        each.axes.invert_yaxis()
        each.axes.tick_params(length=0)
        each.axes.grid(visible=False)
        each.axes.spines[:].set_visible(False)
    every = -(-len(tensors) // MOST_NAMES)
    names = tensors[::every]
    drawn[-1].axes.set_xticks([every * place + 0.5 for place in range(len(names))], names, rotation=45, ha="right")
    canvas.colour_bar(mesh, label or quantity.label, shrink=min(1.0, 14 / len(found)))
    emptied = any(min(each.values) == 0 for _, by_tensor in found for each in by_tensor.values())
    return " ".join(
        [
            f"{drawing.sentence(label or quantity.label)} of each tensor, by {row} and {panel}.",
            "Mean over seeds, tensors in the network's order.",
            *(["× marks a tensor at 0 in at least one seed."] if emptied else []),
        ]
    )


def _key(panel: str, key: Any) -> str:
    return drawing.percent(key) if panel == "sparsity" else panel_title(panel, key)


def _mean(by_tensor: Mapping[str, drawing.Numbers], tensor: str) -> float:
    found = by_tensor.get(tensor)
    return float("nan") if found is None else found.mean


def _norm(values: Sequence[float]) -> "Normalize":
    from matplotlib.colors import LogNorm, Normalize

    positive = [value for value in values if value > 0]
    if positive and min(values) >= 0 and max(positive) >= _WIDE * min(positive):
        return LogNorm(vmin=min(positive), vmax=max(positive))
    low, high = min(values), max(values)
    return Normalize(vmin=low, vmax=high if high > low else low + 1.0)


def _is_log(norm: "Normalize") -> bool:
    from matplotlib.colors import LogNorm

    return isinstance(norm, LogNorm)


def _words(
    panel: drawing.Panel,
    rows: Sequence[tuple[str, Mapping[str, drawing.Numbers]]],
    tensors: Sequence[str],
    norm: "Normalize",
) -> None:
    """Write × on tensors that are 0 in a seed, and numbers where there is room."""
    for place, (_, by_tensor) in enumerate(rows):
        for column, tensor in enumerate(tensors):
            numbers = by_tensor.get(tensor)
            if numbers is None:
                continue
            is_zero = min(numbers.values) == 0
            if not is_zero and len(tensors) > FEW_TENSORS:
                continue
            is_blank = numbers.mean == 0 and _is_log(norm)
            colour = drawing.INK if is_blank else _LIGHT if float(norm(numbers.mean)) < 0.5 else _DARK
            text, options = (
                ("×", {"fontweight": "bold"}) if is_zero else (rounded(float(f"{numbers.mean:.2g}")), {"fontsize": 6.5})
            )
            panel.axes.text(column + 0.5, place + 0.5, text, ha="center", va="center", color=colour, **options)


HEATMAP = Figure("heatmap", heatmap, "A metric with a number per tensor, a row for each method.")
