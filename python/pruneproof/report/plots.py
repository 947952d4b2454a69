"""The figures of a report, as SVG text: the same record gives the same bytes.

Figures are drawn on `Figure` objects, never through pyplot. Colours follow the method, the same in all figures of a
run, from a palette that people with colour blindness can tell apart (Okabe & Ito 2008, two of Tol's added); markers
repeat it.
"""

import re
from collections.abc import Container, Mapping, Sequence
from textwrap import shorten
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from scipy import special

from pruneproof.drawing.canvas import GRID, INK, LINE, MARKERS, MUTED, PALETTE, PAPER, WIDTH, Plot, new_figure, to_svg
from pruneproof.papers.record import ClaimRecord, Record
from pruneproof.report.comparison import Comparison, comparisons
from pruneproof.report.loss_plots import draw_losses
from pruneproof.report.results import DENSE, Point, methods, points
from pruneproof.report.wording import DIFFERENCES, SYMBOLS, percent, unit
from pruneproof.statistics import rounded

VERDICT_COLOURS = {"holds": "#0072b2", "fails": "#d55e00", "inconclusive": MUTED, "not-run": GRID}
VERDICT_MARKERS = {"holds": "o", "fails": "X", "inconclusive": "D", "not-run": "."}

FIXED_LIMITS = {
    "collapse": (-0.05, 1.05),
    "monotone-trend": (-1.1, 1.1),
    "agreement": (-1.1, 1.1),
    "rank-correlation": (-1.1, 1.1),
}
"""Axes of tests whose value has a natural range."""

WIDE_DIFFERENCE = 20.0
"""A difference above which an axis of differences is logarithmic beyond ±1, so that small ones stay readable."""

LOGIT_TICKS = (1, 2, 5, 10, 20, 50, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9)

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pruneproof",
    "font.family": "sans-serif",
    "font.size": 8,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": PAPER,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.6,
    "legend.frameon": False,
    "path.simplify": False,
    "text.parse_math": False,
}


def draw(record: Record) -> dict[str, list[Plot]]:
    """Return the figures of each run, and under the key `""` those of the whole record."""
    order = methods(record)
    beside = comparisons(record)
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever style the calling program has set
        mpl.rcParams.update(_STYLE)
        found: dict[str, list[Plot]] = {"": _forest(record.claims)}
        for run, all_points in points(record).items():
            dense = [point for point in all_points if point.method == DENSE]
            pruned = [point for point in all_points if point.method != DENSE]
            if run in beside:
                found[run] = [_beside(run, beside[run], dense)]
            elif any(point.loss_change is not None for point in pruned):
                found[run] = draw_losses(run, pruned)
            elif pruned:
                styles = _styles(order, {point.method for point in pruned})
                found[run] = [
                    _curves(run, pruned, dense, styles),
                    *_costs(run, pruned, dense, styles),
                    _seeds(run, pruned, dense, styles),
                    *([_densities(run, pruned)] if any(point.densities for point in pruned) else []),
                ]
    return found


def themed(plot: Plot) -> str:
    """Return the SVG for inclusion in a page: colours of the page as CSS variables, ids of its own, a spoken name."""
    svg = plot.svg[plot.svg.index("<svg") :]
    series = {f"series-{place}": colour for place, colour in enumerate(PALETTE, start=1)}
    for name, colour in {"ink": INK, "muted": MUTED, "grid": GRID, "paper": PAPER, **series}.items():
        svg = svg.replace(colour, f"var(--{name})")
    svg = re.sub(r'\bid="', f'id="{plot.name}-', svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{plot.name}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    named = f'<svg role="img" aria-labelledby="{plot.name}-caption"'
    return re.sub(r"<svg [^>]*?(?= viewBox)", named, svg, count=1)


Styles = Mapping[str, tuple[str, str]]


def _styles(order: Sequence[str], shown: Container[str]) -> Styles:
    """Return colour and marker of each method of a run: its place among all methods, or the next one still free."""
    free: list[int] = []
    found: dict[str, tuple[str, str]] = {}
    for place, method in enumerate(order):
        if method in shown:
            free = free or list(range(len(PALETTE)))
            wanted = place % len(PALETTE)
            chosen = wanted if wanted in free else free[0]
            free.remove(chosen)
            marker = (chosen + len(found) // len(PALETTE)) % len(MARKERS)
            found[method] = (PALETTE[chosen], MARKERS[marker])
    return found


def _lines(found: Sequence[Point]) -> dict[str, list[Point]]:
    return {
        method: [point for point in found if point.method == method]
        for method in dict.fromkeys(each.method for each in found)
    }


def _curves(run: str, pruned: Sequence[Point], dense: Sequence[Point], styles: Styles) -> Plot:
    """Draw accuracy against sparsity with the interval of the mean as a band."""
    figure = new_figure(3.4)
    axes = figure.add_subplot()
    _dense_line(axes, dense)
    ends = []
    for method, line in _lines(pruned).items():
        colour, marker = styles[method]
        x, y = [1 - point.sparsity for point in line], [point.accuracy for point in line]
        axes.plot(x, y, color=colour, marker=marker, zorder=3, **LINE)
        _band(axes, x, line, colour)
        ends.append((x[-1], y[-1], method, colour))
    _density_axis(axes, sorted({point.sparsity for point in pruned}))
    _accuracy_axis(axes, [*pruned, *dense])
    _end_labels(axes, ends)
    axes.set_title(f"{run}: accuracy against sparsity")
    bands = _intervals("Bands", pruned)
    caption = f"Test accuracy after the last epoch, mean over seeds. {bands} Dashed: the dense network."
    return Plot(f"{run}-accuracy", caption, to_svg(figure))


def _beside(run: str, pairs: Sequence[Comparison], dense: Sequence[Point]) -> Plot:
    """Draw each of the paper's own arms with what ran beside it, one panel per arm."""
    panels: dict[str, list[Comparison]] = {}
    for pair in pairs:
        panels.setdefault(pair.own.method, []).append(pair)
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = new_figure(0.9 + 2.1 * rows, WIDTH * (0.8 if columns == 1 else 1.1 if columns == 2 else 1.6))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    labels = list(dict.fromkeys(pair.suffix for pair in pairs))
    colours = {label: PALETTE[place % len(PALETTE)] for place, label in enumerate(labels)}
    shown = [point for pair in pairs for point in (pair.own, pair.twin)]
    for axes, (method, panel) in zip(grid, panels.items(), strict=False):
        _dense_line(axes, dense)
        own = list(dict.fromkeys(pair.own.sparsity for pair in panel))
        lines = {"": [next(pair.own for pair in panel if pair.own.sparsity == each) for each in own]}
        for pair in panel:
            lines.setdefault(pair.suffix, []).append(pair.twin)
        for place, (label, line) in enumerate(lines.items()):
            colour, x = colours.get(label, MUTED), [1 - point.sparsity for point in line]
            y = [point.accuracy for point in line]
            axes.plot(x, y, color=colour, marker=MARKERS[place % len(MARKERS)], zorder=3 + place, **LINE)
            _band(axes, x, line, colour)
        axes.set_title(method)
    _density_axis(grid[0], sorted({point.sparsity for point in shown}))
    _accuracy_axis(grid[0], [*shown, *dense])
    for place, axes in enumerate(grid):
        if place >= len(panels):
            axes.set_axis_off()
        axes.set_xlabel("")
        axes.set_ylabel(grid[0].get_ylabel() if place % columns == 0 else "")
        axes.tick_params(labelbottom=place + columns >= len(panels))
    figure.supxlabel("sparsity (density on a log scale)", fontsize=8)
    named = {"the paper's own": MUTED, **colours}
    handles = [
        Line2D([], [], color=colour, marker=MARKERS[place % len(MARKERS)], label=label, **LINE)
        for place, (label, colour) in enumerate(named.items())
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), columnspacing=1.4)
    caption = (
        "One panel per arm of the paper, the same networks and seeds: its own accuracy, and that of the arm beside it. "
        f"{_intervals('Bands', shown)} Dashed: the dense network."
    )
    return Plot(f"{run}-beside", caption, to_svg(figure))


def _costs(run: str, pruned: Sequence[Point], dense: Sequence[Point], styles: Styles) -> list[Plot]:
    """Draw accuracy against the multiply-adds that are left; nothing where all were removed or none."""
    if not all(point.macs_kept > 0 for point in pruned) or all(point.macs_kept == 1 for point in pruned):
        return []
    figure = new_figure(3.4)
    axes = figure.add_subplot()
    _dense_line(axes, dense)
    ends = []
    for method, line in _lines(pruned).items():
        colour, marker = styles[method]
        x, y = [point.macs_kept for point in line], [point.accuracy for point in line]
        axes.plot(x, y, color=colour, marker=marker, zorder=3, **LINE)
        axes.errorbar(x, y, yerr=_errors(line), fmt="none", ecolor=colour, elinewidth=0.8, alpha=0.6)
        ends.append((x[-1], y[-1], method, colour))
    low, high = min(point.macs_kept for point in pruned), max(point.macs_kept for point in pruned)
    axes.set_xlim(min(1.0, high * 1.15), low / 1.15)
    axes.set_xscale("log")
    steps = [step * 10.0**power for power in range(-7, 1) for step in (1, 1.5, 2, 3, 5, 7)]
    shown = [step for step in steps if low / 1.15 <= step <= min(1.0, high * 1.15)]
    axes.set_xticks(_apart(shown, low / 1.15, high * 1.15), minor=False)
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter(lambda x, _: percent(x))
    axes.set_xlabel("multiply-adds kept (fewer to the right)")
    _accuracy_axis(axes, [*pruned, *dense])
    _end_labels(axes, ends)
    axes.set_title(f"{run}: accuracy against multiply-adds")
    bars = _intervals("Bars", pruned)
    caption = f"Every zero weight counts as saved work, which no measurement of speed stands behind. {bars}"
    return [Plot(f"{run}-macs", caption, to_svg(figure))]


def _seeds(run: str, pruned: Sequence[Point], dense: Sequence[Point], styles: Styles) -> Plot:
    """Draw one dot per trained network."""
    figure = new_figure(3.0)
    axes = figure.add_subplot()
    _dense_line(axes, dense)
    sparsities = sorted({point.sparsity for point in pruned})
    names = list(_lines(pruned))
    step = 0.8 / len(names)
    for point in pruned:
        colour, marker = styles[point.method]
        centre = sparsities.index(point.sparsity) + (names.index(point.method) - (len(names) - 1) / 2) * step
        label = point.method if point is next(each for each in pruned if each.method == point.method) else None
        x = centre + np.linspace(-0.3, 0.3, len(point.accuracies)) * step
        axes.scatter(x, point.accuracies, s=13, color=colour, marker=marker, linewidths=0, alpha=0.85, label=label)
    axes.set_xticks(range(len(sparsities)), [percent(sparsity) for sparsity in sparsities])
    axes.set_xlim(-0.5, len(sparsities) - 0.5)
    axes.grid(visible=False, axis="x")
    for edge in range(1, len(sparsities)):
        axes.axvline(edge - 0.5, color=GRID, linewidth=0.6)
    axes.set_xlabel("sparsity")
    _accuracy_axis(axes, [*pruned, *dense])
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), handletextpad=0.3, borderaxespad=0)
    axes.set_title(f"{run}: every seed")
    caption = "One dot per trained network, seeds in the same order within each method. Dashed: the dense network."
    return Plot(f"{run}-seeds", caption, to_svg(figure))


def _densities(run: str, pruned: Sequence[Point]) -> Plot:
    """Draw the density of every tensor as a heat map, one panel per sparsity, one row per method."""
    sparsities = sorted({point.sparsity for point in pruned})
    panels = [[point for point in pruned if point.sparsity == sparsity] for sparsity in sparsities]
    tensors = list(dict.fromkeys(name for point in pruned for name in point.densities))
    values = [density for point in pruned for density in point.densities.values() if density > 0]
    norm = LogNorm(vmin=min([0.01, *values]), vmax=1.0)
    rows = sum(map(len, panels))
    figure = new_figure(1.3 + 0.17 * rows + 0.16 * len(panels))
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=[len(panel) for panel in panels])
    mesh = None
    for axes, panel, sparsity in zip(grid[:, 0], panels, sparsities, strict=True):
        table = np.array([[point.densities.get(name, np.nan) for name in tensors] for point in panel])
        shown = np.ma.masked_where(~(table > 0), table)
        mesh = axes.pcolormesh(shown, norm=norm, cmap="viridis", edgecolors=PAPER, linewidth=0.4)
        for row, point in enumerate(panel):
            for column, name in enumerate(tensors):
                _density_cell(axes, row, column, point, name, len(tensors))
        axes.set_yticks(np.arange(len(panel)) + 0.5, [point.method for point in panel])
        axes.set_ylabel(percent(sparsity), rotation=0, ha="right", va="center", fontweight="bold")
        axes.invert_yaxis()
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    every = -(-len(tensors) // 20)
    places = range(0, len(tensors), every)
    names = [tensors[place] for place in places]
    grid[-1, 0].set_xticks([place + 0.5 for place in places], names, rotation=45, ha="right")
    grid[0, 0].set_title(f"{run}: density of each tensor")
    if mesh is not None:
        bar = figure.colorbar(mesh, ax=list(grid[:, 0]), shrink=min(1.0, 14 / rows), aspect=18, pad=0.01)
        bar.ax.yaxis.set_major_formatter(lambda x, _: percent(float(f"{x:.3g}")))
        bar.outline.set_visible(False)
        bar.ax.minorticks_off()
    caption = "Mean over seeds, tensors in the network's order. × marks a tensor that is empty in at least one seed."
    return Plot(f"{run}-density", caption, to_svg(figure))


def _density_cell(axes: Axes, row: int, column: int, point: Point, name: str, width: int) -> None:
    density = point.densities.get(name)
    if name in point.emptied:
        colour = INK if density == 0 else "#fefefe"
        axes.text(column + 0.5, row + 0.5, "×", ha="center", va="center", color=colour, fontweight="bold")
    elif density is not None and width <= 10:
        # Dark cells take light text; 0.1 is about the middle of the colour map.
        colour = "#fefefe" if density < 0.1 else "#222222"
        text = percent(float(f"{density:.2g}"))
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize=6.5)


def _forest(claims: Sequence[ClaimRecord]) -> list[Plot]:
    """Draw value and interval of every re-run claim that has a value, one panel per unit."""
    shown = [claim for claim in claims if claim.kind == "re-run" and claim.value is not None]
    if not shown:
        return []
    panels: dict[str, list[ClaimRecord]] = {}
    for claim in shown:
        panels.setdefault(_quantity(claim), []).append(claim)
    figure = new_figure(0.5 + 0.25 * len(shown) + 0.5 * len(panels), 1.6 * WIDTH)
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=[len(panel) + 0.2 for panel in panels.values()])
    for axes, (quantity, panel) in zip(grid[:, 0], panels.items(), strict=True):
        _forest_panel(axes, panel)
        axes.set_xlabel(quantity)
    seen = [verdict for verdict in VERDICT_MARKERS if any(claim.verdict == verdict for claim in shown)]
    handles = [
        Line2D([], [], color=VERDICT_COLOURS[verdict], marker=VERDICT_MARKERS[verdict], linestyle="", label=verdict)
        for verdict in seen
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), handletextpad=0.2, columnspacing=1.2)
    caption = (
        "Re-run claims: our number and its confidence interval or range. A vertical line marks zero, where two "
        "methods are equal; margins are told with each claim. Intervals that leave the panel are cut."
    )
    return [Plot("claims", caption, to_svg(figure))]


def _forest_panel(axes: Axes, panel: Sequence[ClaimRecord]) -> None:
    for row, claim in enumerate(panel):
        colour, value = VERDICT_COLOURS[claim.verdict], claim.value or 0.0
        if claim.low is not None and claim.high is not None:
            axes.plot([claim.low, claim.high], [row, row], color=colour, linewidth=2, solid_capstyle="butt", zorder=2)
        marker = VERDICT_MARKERS[claim.verdict]
        axes.plot([value], [row], color=colour, marker=marker, markersize=6, markeredgecolor=PAPER, zorder=3)
    if any(claim.test in DIFFERENCES for claim in panel):
        axes.axvline(0, color=INK, linewidth=0.8, zorder=1)
    labels = [f"{shorten(claim.text, 64, placeholder=' …')}  {claim.id} {SYMBOLS[claim.verdict]}" for claim in panel]
    axes.set_yticks(range(len(panel)), labels)
    axes.set_ylim(len(panel) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    if panel[0].test in DIFFERENCES and max(abs(claim.value or 0.0) for claim in panel) > WIDE_DIFFERENCE:
        axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(*_forest_limits(panel))
    axes.xaxis.set_major_formatter(lambda x, _: rounded(x))


def _quantity(claim: ClaimRecord) -> str:
    """Return what the value of a claim is, with its unit; claims share a panel where that is the same."""
    if claim.test in DIFFERENCES:
        return f"difference ({unit(claim)})"
    return unit(claim) if claim.test in FIXED_LIMITS else f"mean ({unit(claim)})"


def _forest_limits(panel: Sequence[ClaimRecord]) -> tuple[float, float]:
    """Return limits that show every value, and intervals as long as they do not dwarf the values."""
    if panel[0].test in FIXED_LIMITS:
        return FIXED_LIMITS[panel[0].test]
    values = [claim.value or 0.0 for claim in panel]
    values += [0.0] if any(claim.test in DIFFERENCES for claim in panel) else []
    ends = [end for claim in panel for end in (claim.low, claim.high) if end is not None]
    halves = [(claim.high - claim.low) / 2 for claim in panel if claim.low is not None and claim.high is not None]
    spread = max(max(values) - min(values), float(np.median(halves)) if halves else 0.0)
    low = max(min([*values, *ends]), min(values) - 2 * spread)
    high = min(max([*values, *ends]), max(values) + 2 * spread)
    pad = 0.06 * (high - low) or 1.0
    return low - pad, high + pad


def _dense_line(axes: Axes, dense: Sequence[Point]) -> None:
    for point in dense:
        axes.axhline(point.accuracy, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=2)
        axes.annotate(
            "dense",
            (0.005, point.accuracy),
            xycoords=("axes fraction", "data"),
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=7,
        )


def _band(axes: Axes, x: Sequence[float], line: Sequence[Point], colour: str) -> None:
    known = [(at, *point.band) for at, point in zip(x, line, strict=True) if point.band is not None]
    if len(known) == 1:
        at, low, high = known[0]
        axes.plot([at, at], [low, high], color=colour, linewidth=0.8, alpha=0.6)
    elif known:
        at_all, low_all, high_all = zip(*known, strict=True)
        axes.fill_between(at_all, low_all, high_all, color=colour, alpha=0.13, linewidth=0)


def _errors(line: Sequence[Point]) -> list[list[float]]:
    bands = [point.band or (point.accuracy, point.accuracy) for point in line]
    return [
        [point.accuracy - low for point, (low, _) in zip(line, bands, strict=True)],
        [high - point.accuracy for point, (_, high) in zip(line, bands, strict=True)],
    ]


def _intervals(what: str, pruned: Sequence[Point]) -> str:
    seeds = min(len(point.by_seed) for point in pruned)
    if seeds == 1:
        return "One seed, so no interval."
    if seeds < 4:
        return f"{what} are the range of {seeds} seeds."
    return f"{what} are Student's 95 % intervals of the mean, cut at the plotted range."


def _density_axis(axes: Axes, sparsities: Sequence[float]) -> None:
    densities = [1 - sparsity for sparsity in sparsities]
    low, high = densities[-1] / 1.12, densities[0] * 1.12
    axes.set_xlim(high, low)
    axes.set_xscale("log")
    axes.set_xticks(_apart(densities, low, high), minor=False)
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter(lambda density, _: percent(round(1 - density, 9)))
    axes.set_xlabel("sparsity (density on a log scale)")


def _apart(ticks: Sequence[float], low: float, high: float, least: float = 0.07) -> list[float]:
    """Return the ticks whose labels do not overlap on a log axis from low to high; the sparsest is kept."""
    kept: list[float] = []
    for tick in sorted(ticks):
        if not kept or np.log(tick / kept[-1]) / np.log(high / low) >= least:
            kept.append(tick)
    return kept


def _accuracy_axis(axes: Axes, shown: Sequence[Point]) -> None:
    values = [accuracy for point in shown for accuracy in point.accuracies]
    low, high = min(values), max(values)
    if 0 < low < high - 30 and high < 100:
        # From collapsed to nearly perfect: a linear axis would squeeze together all methods that work.
        axes.set_yscale("function", functions=(_logit, _expit))
        pad = 0.06 * (_logit(high) - _logit(low))
        axes.set_ylim(_expit(_logit(low) - pad), _expit(_logit(high) + pad))
        axes.set_yticks([tick for tick in LOGIT_TICKS if axes.get_ylim()[0] <= tick <= axes.get_ylim()[1]])
        axes.yaxis.set_major_formatter(lambda y, _: rounded(y))
        axes.set_ylabel("test accuracy (%), logit scale")
        return
    pad = 0.06 * (high - low) or 1.0
    axes.set_ylim(low - pad, high + pad)
    axes.set_ylabel("test accuracy (%)")


def _logit(accuracy: Any) -> Any:
    return special.logit(np.clip(np.asarray(accuracy) / 100, 1e-5, 1 - 1e-5))


def _expit(y: Any) -> Any:
    return 100 * special.expit(y)


def _end_labels(axes: Axes, ends: Sequence[tuple[float, float, str, str]], gap: float = 0.058) -> None:
    """Write each method's name beside the end of its line, moved apart where names would overlap."""
    fraction = axes.transData + axes.transAxes.inverted()
    ordered = sorted(ends, key=lambda end: end[1])
    heights: list[float] = []
    for x, y, _, _ in ordered:
        heights.append(max(float(fraction.transform((x, y))[1]), heights[-1] + gap if heights else 0.0))
    for i in reversed(range(len(heights))):
        heights[i] = min(heights[i], 1.0 if i == len(heights) - 1 else heights[i + 1] - gap)
    for (x, y, method, colour), height in zip(ordered, heights, strict=True):
        axes.annotate(
            method,
            (x, y),
            xytext=(1.025, height),
            textcoords="axes fraction",
            va="center",
            color=colour,
            fontweight="bold",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "alpha": 0.6, "shrinkA": 1, "shrinkB": 3},
        )
