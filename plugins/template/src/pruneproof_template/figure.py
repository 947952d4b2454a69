"""A kind of figure: from the worst to the best seed of each method."""

from collections.abc import Iterable

from pruneproof.api import Figure, drawing, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_figure(table: drawing.Table, canvas: drawing.Canvas, *, y: str = "accuracy", at: str = "end") -> str:
    """Draw, for each method at its highest sparsity, a bar from the smallest to the largest value over seeds.

    Args:
        table: the rows of a run.
        canvas: where to draw. A figure that asks it for no panel has nothing to show.
        y: an option: a metric. Keyword-only parameters with defaults become keys of `[[figure]]`.
        at: the step after which it is read.

    Returns:
        What the caption says, in whole sentences.
    """
    quantity = table.quantity(y, at)
    highest = {group.method: numbers for group, numbers in table.over_seeds(quantity)}
    if not highest:
        return ""
    looks = canvas.styles("method", list(highest))
    [panel] = canvas.new_panels(title=quantity.words)
    for place, (method, numbers) in enumerate(highest.items()):
        low, high = min(numbers.values), max(numbers.values)
        panel.axes.plot([place, place], [low, high], color=looks[method].colour, linewidth=8)
    panel.categories(list(highest), "method")
    panel.axes.set_ylabel(quantity.label)
    return f"{drawing.sentence(quantity.words)} of each method at its highest sparsity, from worst to best seed."


TEMPLATE_FIGURE = Figure(
    id="template-figure",
    draw=template_figure,
    about="A bar from the smallest to the largest value over seeds, for each method.",
)


@hookimpl
def pruneproof_figures() -> Iterable[Figure]:
    """Register the kind of figure."""
    return [TEMPLATE_FIGURE]
