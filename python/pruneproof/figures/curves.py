"""`curves`: one quantity against another, a line for each value of a column."""

from collections.abc import Mapping, Sequence
from typing import Any

from pruneproof.api import BadConfig, Figure, drawing, rounded
from pruneproof.figures.choosing import chosen_quantity, chosen_rows, number, one_sparsity, panel_title
from pruneproof.figures.lines import Line, Lines, all_x, best_sign, lines_of
from pruneproof.figures.printed import printed_beside

_SAME = 1e-3
"""Up to which two fractions are the same to the eye."""


def curves(
    table: drawing.Table,
    canvas: drawing.Canvas,
    *,
    y: str = "",
    x: str = "sparsity",
    at: str = "end",
    line: str = "method",
    panel: str = "",
    best_over: str = "",
    reference: tuple[str, ...] = ("dense",),
    where: Mapping[str, Any] | None = None,
    but: Mapping[str, Any] | None = None,
    x_scale: str = "auto",
    y_scale: str = "auto",
    x_label: str = "",
    y_label: str = "",
    band: str = "auto",
    unlike: str = "",
    printed: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Draw means over seeds of y against x; nothing where no line has two points.

    Args:
        table: the rows of a run.
        canvas: where to draw.
        y: a metric, `metric` or `step.metric`; the first number that was measured when empty.
        x: a metric or a column: `sparsity`, or a setting such as `iterations`.
        at: the step after which metrics are read that name none.
        line: the column that tells lines apart.
        panel: the column that tells panels apart; one panel when empty.
        best_over: a setting. The solid line is at its smallest value, a dashed one at the best for each x.
        reference: methods drawn as levels, with any sparsity. So are those that lack x or `best_over` and have no line.
        where: column -> value or values to show.
        but: column -> value or values to leave out.
        x_scale: of the x axis, see `drawing.AXIS_SCALES`.
        y_scale: of the y axis.
        x_label: in place of the quantity's name.
        y_label: in place of the quantity's name.
        band: what is drawn around the means, see `drawing.BANDS`.
        unlike: a quantity; nothing is drawn where x is the same.
        printed: series of printed tables, each in a panel of its own below; see `printed_beside`.
    """
    for scale in (x_scale, y_scale):
        drawing.check_scale(scale)
    drawing.check_band(band)
    for column in filter(None, (line, panel, best_over)):
        table.check_column(column)
    x_is, y_is = table.quantity(x, at), chosen_quantity(table, y, at)
    other = table.quantity(unlike, at) if unlike else None
    if printed and panel:
        raise BadConfig("printed numbers stand below a single panel. Leave out panel, or printed.")
    beside = printed_beside(printed, table)
    rows, references = chosen_rows(table, where, but, reference)
    if y_is is None:
        return ""
    if best_over and not best_sign(y_is):
        raise BadConfig(
            f'metric "{y_is.name}" is not better when larger or when smaller, so there is no best over {best_over}. '
            "Leave best_over out."
        )
    rows, where_said = one_sparsity(rows, (x, line, panel)) if x_is.is_column else (rows, "")
    lines = lines_of(rows, x_is, y_is, line, panel, best_over)
    if not lines.has_any() or (other is not None and all(_alike(group, x_is, other) for group in rows.groups)):
        return ""
    known = references.over_seeds(y_is)
    plain = [numbers for each in lines for _, numbers in each.plain()]
    band = drawing.choose_band(band, plain, y_is)
    heights = [value for numbers in plain for value in numbers.values]
    heights += [height for each in lines for _, height in each.best(best_sign(y_is)) if best_over]
    heights += [numbers.mean for _, numbers in known] + [level.height for level in lines.levels]
    looks = canvas.styles(line, [*lines.names, *(name for each in beside for name in each.names)])
    places = sorted({*all_x([*lines]), *(x for each in beside for x in each.x)})
    scales: set[str] = set()
    title = f"{y_is.words} against {x_is.words}"
    if beside:
        titles = ["measured here", *(each.title for each in beside)]
        panels = canvas.new_panels(titles, title=title, columns=1, height=2.5, share="x")
    else:
        panels = canvas.new_panels([panel_title(panel, key) for key in lines.keys], title=title, share="xy")
    for drawn, key in zip(panels, lines.keys, strict=not beside):
        for group, numbers in known:
            drawn.level(numbers.mean, group.method)
        for level in lines.levels:
            if panel != "sparsity" or level.sparsity == key:
                drawn.level(level.height, str(level.name), looks[level.name])
        every_x = all_x([*lines.panels[key].values()])
        for name, each in lines.panels[key].items():
            points = each.plain()
            skipped = every_x - {place for place, _ in points} if x_is.is_column else ()
            drawn.line(points, looks[name], str(name), band=band, skipped=skipped)
            if best_over:
                drawn.best(each.best(best_sign(y_is)), looks[name])
        scales.add(drawn.x_axis(x_is, places, scale=x_scale, label=x_label))
        scales.add(drawn.y_axis(y_is, heights, scale=y_scale, label=y_label))
    for drawn, theirs in zip(panels[1:] if beside else (), beside, strict=True):
        for name, places_of in theirs.lines.items():
            drawn.printed([*places_of.items()], looks[name], name)
        for name, height in theirs.levels.items():
            drawn.level(height, name)
        drawn.x_axis(x_is, places, scale=x_scale, label=x_label)
        scales.add(drawn.y_axis(y_is, theirs.y, scale=y_scale, label=y_label))
    canvas.name_series(apart=bool(beside))
    levels = dict.fromkeys([*(group.method for group, _ in known), *(str(level.name) for level in lines.levels)])
    best = f"Dashed: the best {best_over} for each x, chosen on the seeds shown and so somewhat flattered."
    return " ".join(
        [
            f"{drawing.sentence(y_label or y_is.label)} against {x_label or x_is.label}{where_said}.",
            *_finding(lines, x_is),
            drawing.band_words(band, plain),
            *([best] if best_over else []),
            *([f"Long dashes: {', '.join(levels)}."] if levels else []),
            *drawing.scale_words(scales),
            *(["Of methods at the same place the first is drawn."] if any(each.doubled for each in lines) else []),
            *(each.words for each in beside),
        ]
    )


def _alike(group: drawing.Group, one: drawing.Quantity, other: drawing.Quantity) -> bool:
    a, b = number(group, one), number(group, other)
    return a is None or b is None or abs(a - b) <= _SAME


def _finding(lines: Lines, x: drawing.Quantity) -> Sequence[str]:
    """Say which lines of a single panel end highest and lowest."""
    [first, *others] = lines.panels.values()
    ends: dict[Any, Any] = {name: _end(line) for name, line in first.items()}
    last = max(place for place, _ in ends.values())
    there = {name: numbers.mean for name, (place, numbers) in ends.items() if place == last}
    if others or len(there) < 2:
        return ()
    high, low = max(there, key=there.__getitem__), min(there, key=there.__getitem__)
    place = drawing.percent(last) if x.name == "sparsity" else f"{x.label} {rounded(last)}"
    return (f"At {place}, {high} is highest ({rounded(there[high])}) and {low} lowest ({rounded(there[low])}).",)


def _end(line: Line) -> tuple[float, drawing.Numbers]:
    return line.plain()[-1]


CURVES = Figure("curves", curves, "One quantity against another, a line for each value of a column.")
