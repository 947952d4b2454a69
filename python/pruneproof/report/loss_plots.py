"""Figures of runs that measure the loss: what steps and penalties do to it, and what it says about retraining."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from scipy import stats

from pruneproof.drawing.canvas import GRID, INK, LINE, MARKERS, MUTED, PALETTE, PAPER, WIDTH, Plot, new_figure, to_svg
from pruneproof.report.results import LEVEL, Point
from pruneproof.report.wording import percent
from pruneproof.statistics import rounded, t_interval

PENALTY = "penalty"
"""The option that models of the loss share."""


def draw_losses(run: str, pruned: Sequence[Point]) -> list[Plot]:
    """Return the figures that the arms of a run allow."""
    colours = _colours(pruned)
    return [*_steps(run, pruned, colours), *_penalties(run, pruned, colours), *_before_after(run, pruned, colours)]


Colours = Mapping[str, tuple[str, str]]


def _colours(pruned: Sequence[Point]) -> Colours:
    """Return colour and marker of each criterion, in the order of the arms."""
    criteria = dict.fromkeys(_criterion(point) for point in pruned)
    return {name: (PALETTE[place % len(PALETTE)], MARKERS[place % len(MARKERS)]) for place, name in enumerate(criteria)}


def _steps(run: str, pruned: Sequence[Point], colours: Colours) -> list[Plot]:
    """Draw the loss change against the number of steps: without penalty, and with the best one; a panel a sparsity."""
    grid = [point for point in pruned if _in_grid(point)]
    if len({point.arm["steps"] for point in grid}) < 2:
        return []
    sparsities = sorted({point.sparsity for point in grid})
    figure = new_figure(3.2, WIDTH if len(sparsities) == 1 else 1.6 * WIDTH)
    panels = figure.subplots(1, len(sparsities), squeeze=False)[0]
    for axes, sparsity in zip(panels, sparsities, strict=True):
        here = [point for point in grid if point.sparsity == sparsity]
        _levels(axes, pruned, sparsity, colours)
        for criterion in dict.fromkeys(map(_criterion, here)):
            colour, marker = colours[criterion]
            of = [point for point in here if _criterion(point) == criterion]
            plain = sorted((point for point in of if not _penalty(point)), key=_number_of_steps)
            _line(axes, [_number_of_steps(point) for point in plain], plain, colour, marker, criterion)
            best = [
                min((each for each in of if _number_of_steps(each) == steps), key=_loss)
                for steps in sorted({*map(_number_of_steps, of)})
            ]
            axes.plot(
                [*map(_number_of_steps, best)],
                [*map(_loss, best)],
                color=colour,
                linewidth=1,
                linestyle=(0, (2, 2)),
                zorder=2,
            )
        steps = sorted({*map(_number_of_steps, here)})
        axes.set_xscale("log")
        axes.set_xticks(steps, [str(each) for each in steps])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("pruning steps")
        axes.set_title(f"{run}: {percent(sparsity)} sparsity")
    panels[0].set_ylabel("change of the training loss (nats)")
    _legend(panels[-1])
    caption = (
        "Change of the training loss right after pruning against the number of steps, scored anew at each. Solid: "
        f"without penalty, {_bands(grid)} Dashed: the penalty with the smallest mean here, chosen on the seeds shown "
        "and so somewhat flattered. Horizontal: methods whose steps do not matter."
    )
    return [Plot(f"{run}-loss-steps", caption, to_svg(figure))]


def _penalties(run: str, pruned: Sequence[Point], colours: Colours) -> list[Plot]:
    """Draw the loss change against the penalty, a panel a number of steps, at the sparsity with most arms."""
    grid = [point for point in pruned if _in_grid(point)]
    if len({_penalty(point) for point in grid}) < 2:
        return []
    sparsities = [point.sparsity for point in grid]
    sparsity = max(sorted(set(sparsities)), key=sparsities.count)
    grid = [point for point in grid if point.sparsity == sparsity]
    numbers = sorted({*map(_number_of_steps, grid)})
    figure = new_figure(3.2, 1.6 * WIDTH)
    panels = figure.subplots(1, len(numbers), squeeze=False, sharey=True)[0]
    smallest = min(_penalty(point) for point in grid if _penalty(point))
    for axes, steps in zip(panels, numbers, strict=True):
        here = [point for point in grid if _number_of_steps(point) == steps]
        _levels(axes, pruned, sparsity, colours)
        for criterion in dict.fromkeys(map(_criterion, here)):
            line = sorted((point for point in here if _criterion(point) == criterion), key=_penalty)
            colour, marker = colours[criterion]
            _line(axes, [_penalty(point) or smallest / 30 for point in line], line, colour, marker, criterion)
        axes.set_xscale("log")
        ticks = sorted({_penalty(point) for point in here})
        shown = [tick for place, tick in enumerate(ticks) if len(ticks) < 7 or place % 2 == 0]
        axes.set_xticks([tick or smallest / 30 for tick in shown], [f"{tick:g}" for tick in shown])
        axes.set_xticks([], minor=True)
        axes.axvline(smallest / 30**0.5, color=GRID, linewidth=0.8)
        axes.set_xlabel("penalty λ")
        axes.set_title(f"{steps} step{'s' if steps > 1 else ''}")
    panels[0].set_ylabel("change of the training loss (nats)")
    _legend(panels[-1])
    caption = (
        f"{run}: change of the training loss right after pruning at {percent(sparsity)} sparsity against the penalty "
        f"on the step; the leftmost is none. Solid: {_bands(grid)} A large penalty turns loss models into magnitude."
    )
    return [Plot(f"{run}-loss-penalty", caption, to_svg(figure))]


def _before_after(run: str, pruned: Sequence[Point], colours: Colours) -> list[Plot]:
    """Draw the error after retraining against the loss change before it, one dot an arm, with their correlation."""
    shown = [point for point in pruned if point.loss_change is not None and point.error_gap is not None]
    if len(shown) < 3:
        return []
    figure = new_figure(3.6)
    axes = figure.subplot_mosaic([["only"]])["only"]
    for criterion in reversed(dict.fromkeys(map(_criterion, shown))):  # the first ones on top
        colour, marker = colours[criterion]
        of = [point for point in shown if _criterion(point) == criterion]
        x, y = [*map(_loss, of)], [point.error_gap or 0.0 for point in of]
        size = [14 + 22 * np.log10(_number_of_steps(point)) for point in of]
        axes.scatter(x, y, s=size, color=colour, marker=marker, alpha=0.8, linewidths=0.5, edgecolors=PAPER)
        axes.plot([], [], color=colour, marker=marker, linestyle="", label=criterion)
    _gap_axis(axes, [point.error_gap or 0.0 for point in shown])
    axes.set_xlabel("change of the training loss at pruning (nats)")
    axes.set_ylabel("test error after retraining - dense (points)")
    axes.set_title(f"{run}: before and after retraining")
    axes.text(0.02, 0.98, _correlation(shown), transform=axes.transAxes, va="top", color=MUTED)
    _legend(axes)
    caption = (
        "One mark per arm, mean over seeds; larger marks took more steps. τ is Kendall's, taken among the arms of each "
        "seed; its interval is over seeds."
    )
    return [Plot(f"{run}-before-after", caption, to_svg(figure))]


def _gap_axis(axes: Axes, gaps: Sequence[float]) -> None:
    """Scale the axis of error gaps: by decades where one arm would else press the others together."""
    if min(gaps) <= 0 or max(gaps) < 10 * min(gaps):
        axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _correlation(shown: Sequence[Point]) -> str:
    """Say how loss change and error after retraining are rank-correlated over arms."""
    seeds = sorted(set.intersection(*(set(point.by_seed) for point in shown)))
    taus = []
    for seed in seeds:
        x, y = zip(*((point.by_seed[seed].loss_change, point.by_seed[seed].error_gap) for point in shown), strict=True)
        taus.append(float(stats.kendalltau(np.array(x, dtype=float), np.array(y, dtype=float)).statistic))
    taus = [tau for tau in taus if np.isfinite(tau)]
    if len(taus) < 2:
        return f"τ = {rounded(taus[0])}, one seed" if taus else ""
    found = t_interval(taus, LEVEL)
    return f"τ = {rounded(found.value)} [{rounded(found.low)}, {rounded(found.high)}], n = {len(taus)}"


def _line(axes: Axes, x: Sequence[float], line: Sequence[Point], colour: str, marker: str, label: str) -> None:
    axes.plot(x, [*map(_loss, line)], color=colour, marker=marker, label=label, zorder=3, **LINE)
    spans = [(at, t_interval(point.loss_changes, LEVEL)) for at, point in zip(x, line, strict=True) if _many(point)]
    if spans:
        low, high = [span.low for _, span in spans], [span.high for _, span in spans]
        axes.fill_between([at for at, _ in spans], low, high, color=colour, alpha=0.13, linewidth=0)


def _levels(axes: Axes, pruned: Sequence[Point], sparsity: float, colours: Colours) -> None:
    """Draw methods that have neither steps nor a penalty as horizontal lines."""
    varied = {_criterion(point) for point in pruned if _in_grid(point)}
    for point in pruned:
        if point.sparsity == sparsity and point.loss_change is not None and _criterion(point) not in varied:
            colour, _ = colours[_criterion(point)]
            style = (0, (5, 2))
            axes.axhline(_loss(point), color=colour, linewidth=1, linestyle=style, label=_criterion(point), zorder=2)


def _legend(axes: Axes) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), handlelength=1.6, borderaxespad=0)


def _bands(grid: Sequence[Point]) -> str:
    if not all(map(_many, grid)):
        return "means over seeds."
    return "means with Student's 95 % interval."


def _many(point: Point) -> bool:
    return len(point.loss_changes) > 1


def _in_grid(point: Point) -> bool:
    """Whether an arm differs from others in criterion, steps and penalty alone; controls differ in more."""
    return PENALTY in point.arm.get("options", {}) and point.loss_change is not None


def _criterion(point: Point) -> str:
    return str(point.arm.get("criterion", point.method))


def _loss(point: Point) -> float:
    return point.loss_change or 0.0


def _number_of_steps(point: Point) -> int:
    return int(point.arm.get("steps", 1))


def _penalty(point: Point) -> float:
    return float(point.arm.get("options", {}).get(PENALTY, 0.0))
