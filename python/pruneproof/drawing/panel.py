"""`Panel`: one set of axes, and what is drawn on it by name: lines with bands, levels, marks, labels."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pruneproof.drawing.scales import fitting_scale, set_scale
from pruneproof.drawing.style import DASHED, DOTTED, GRID, LINE, LONG_DASHES, MUTED, PAPER, PLAIN, Style
from pruneproof.drawing.table import Numbers, Quantity
from pruneproof.errors import UnknownName

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

BANDS = ("auto", "interval", "range", "seeds", "none")
"""What is drawn around means: Student's 95 % interval, the range of the seeds, or a dot for each of them."""
FEW = 4
"""Seeds below which an interval is mostly width, so that `auto` shows their range."""
_LABEL_GAP = 0.058
"""Between two names beside lines, as a share of the panel."""


def check_band(name: str) -> None:
    """Check the name of a kind of band.

    Raises:
        UnknownName: there is no such kind.
    """
    if name not in BANDS:
        raise UnknownName.among("band", name, BANDS)


def choose_band(name: str, samples: Sequence[Numbers], quantity: Quantity) -> str:
    """Return what is drawn around means; `auto` is the interval where there are seeds enough, else their range.

    An interval of percentages that leaves 0 to 100 tells of a mixture, whose mean says little: then it is the seeds.

    Raises:
        UnknownName: there is no such kind of band.
    """
    check_band(name)
    if name != "auto":
        return name
    if any(len(each.values) < FEW for each in samples):
        return "range"
    spans = [each.interval for each in samples if each.interval is not None]
    is_percent = quantity.info.unit == "%"
    return "seeds" if is_percent and any(span.low < 0 or span.high > 100 for span in spans) else "interval"


def band_words(name: str, samples: Sequence[Numbers]) -> str:
    """Say what the bands of a figure are."""
    most = max((len(each.values) for each in samples), default=0)
    if most < 2:
        return "One seed, so no interval."
    seeds = sorted({len(each.values) for each in samples})
    n = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return {
        "none": f"Means over {n} seeds.",
        "range": f"Means over {n} seeds; bands are their range.",
        "seeds": f"Means over {n} seeds; small dots are single networks, of which some differ wholly from the others.",
        "interval": f"Means over {n} seeds; bands are Student's 95 % intervals of the mean, cut at the panel.",
    }[name]


def band_of(sample: Numbers, band: str) -> tuple[float, float] | None:
    """Return the ends of a band at one point; None for a single seed."""
    if band in ("none", "seeds") or sample.interval is None:
        return None
    if band == "range":
        return min(sample.values), max(sample.values)
    return sample.interval.low, sample.interval.high


@dataclass
class Panel:
    """One set of axes. `axes` are matplotlib's, for whatever has no method here."""

    axes: "Axes"
    title: str = ""
    ends: list[tuple[float, float, str, Style]] = field(default_factory=list)
    """Where lines end, for their names."""
    series: dict[str, "Line2D"] = field(default_factory=dict)
    """Name -> what a legend shows."""

    def line(
        self,
        points: Sequence[tuple[float, Numbers]],
        style: Style,
        name: str,
        *,
        band: str = "interval",
        skipped: Collection[float] = (),
    ) -> None:
        """Draw means over seeds as a line with markers and bands; dotted across values of x that it lacks."""
        x, y = [at for at, _ in points], [each.mean for _, each in points]
        for (left, right), (low, high) in zip(pairwise(x), pairwise(y), strict=True):
            across = any(min(left, right) < each < max(left, right) for each in skipped)
            self.axes.plot(
                [left, right],
                [low, high],
                color=style.colour,
                linewidth=LINE["linewidth"],
                linestyle=DOTTED if across else "-",
                zorder=3,
            )
        marks = LINE | {"linestyle": ""}
        self.axes.plot(x, y, color=style.colour, marker=style.marker, zorder=3, **marks)
        self._band(points, style, band)
        self.series[name] = handle(name, style, **LINE)
        self.ends.append((x[-1], y[-1], name, style))

    def best(self, points: Sequence[tuple[float, float]], style: Style) -> None:
        """Draw a thin dashed line without a name: a series at its best setting."""
        self.axes.plot(
            [at for at, _ in points],
            [y for _, y in points],
            color=style.colour,
            linewidth=1,
            linestyle=DASHED,
            zorder=2,
        )

    def printed(self, points: Sequence[tuple[float, float]], style: Style, name: str) -> None:
        """Draw a dashed line with hollow marks: numbers that were not measured here."""
        hollow = LINE | {"linewidth": 1.1, "markerfacecolor": PAPER, "markeredgecolor": style.colour}
        hollow |= {"markeredgewidth": 1.1, "linestyle": DASHED}
        x, y = [at for at, _ in points], [each for _, each in points]
        self.axes.plot(x, y, color=style.colour, marker=style.marker, zorder=3, **hollow)
        self.series[name] = handle(name, style, **hollow)
        self.ends.append((x[-1], y[-1], name, style))

    def level(self, y: float, name: str, style: Style = PLAIN) -> None:
        """Draw a horizontal line with a name: what does not depend on x."""
        self.axes.axhline(y, color=style.colour, linewidth=1, linestyle=LONG_DASHES, zorder=2)
        self.series[name] = handle(name, style, marker="", linewidth=1, linestyle=LONG_DASHES)
        self.ends.append((np.nan, y, name, style))

    def marks(self, x: Sequence[float], y: Sequence[float], style: Style, name: str, **options: Any) -> None:
        """Draw one mark for each pair."""
        given: dict[str, Any] = {"s": 13, "linewidths": 0, "alpha": 0.85} | options
        self.axes.scatter(x, y, color=style.colour, marker=style.marker, zorder=3, **given)
        self.series.setdefault(name, handle(name, style, linestyle=""))

    def x_axis(self, quantity: Quantity, values: Sequence[float], *, scale: str = "auto", label: str = "") -> str:
        """Scale and label the x axis for some values of a quantity; return the name of the scale.

        Raises:
            UnknownName: there is no such scale.
        """
        return self._axis("x", quantity, values, scale, label)

    def y_axis(self, quantity: Quantity, values: Sequence[float], *, scale: str = "auto", label: str = "") -> str:
        """Scale and label the y axis for some values of a quantity; return the name of the scale.

        Raises:
            UnknownName: there is no such scale.
        """
        return self._axis("y", quantity, values, scale, label)

    def name_ends(self) -> None:
        """Write the name of each line beside the panel, at the height of its end, apart from the others."""
        to_share = self.axes.transData + self.axes.transAxes.inverted()
        right = self.axes.get_xlim()[1]
        placed = [
            (float(to_share.transform((right if np.isnan(x) else x, y))[1]), x, y, name, style)
            for x, y, name, style in self.ends
        ]
        placed.sort(key=lambda each: each[0])
        heights: list[float] = []
        for height, *_ in placed:
            heights.append(max(height, heights[-1] + _LABEL_GAP if heights else 0.0))
        for i in reversed(range(len(heights))):
            heights[i] = min(heights[i], 1.0 if i == len(heights) - 1 else heights[i + 1] - _LABEL_GAP)
        for (_, x, y, name, style), height in zip(placed, heights, strict=True):
            self.axes.annotate(
                name,
                (right if np.isnan(x) else x, y),
                xytext=(1.025, height),
                textcoords="axes fraction",
                va="center",
                color=style.text,
                fontweight="bold",
                annotation_clip=False,
                arrowprops=dict(_LEADER, color=style.colour) if _is_near(to_share.transform((x, y))[0]) else None,
            )

    def legend(self, series: Mapping[str, "Line2D"] | None = None) -> None:
        """Write a legend to the right of the panel."""
        found = list((self.series if series is None else series).values())
        place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
        self.axes.legend(handles=found, handlelength=1.6, handletextpad=0.5, borderaxespad=0, **place)

    def categories(self, names: Sequence[str], label: str) -> None:
        """Put names side by side on the x axis, at 0, 1, 2, ..., with a line between two of them."""
        self.axes.set_xticks(range(len(names)), names)
        self.axes.set_xlim(-0.5, len(names) - 0.5)
        self.axes.grid(visible=False, axis="x")
        for edge in range(1, len(names)):
            self.axes.axvline(edge - 0.5, color=GRID, linewidth=0.6)
        self.axes.set_xlabel(label)

    def corner(self, text: str) -> None:
        """Write into the upper left corner."""
        self.axes.text(0.02, 0.98, text, transform=self.axes.transAxes, va="top", color=MUTED)

    def _axis(self, which: Any, quantity: Quantity, values: Sequence[float], scale: str, label: str) -> str:
        found = fitting_scale(scale, quantity, values)
        set_scale(self.axes, which, found, values, label or quantity.label)
        return found.name

    def _band(self, points: Sequence[tuple[float, Numbers]], style: Style, band: str) -> None:
        if band == "seeds":
            dots = [(at, value) for at, each in points for value in each.values]
            x, y = [at for at, _ in dots], [value for _, value in dots]
            self.axes.scatter(x, y, s=9, color=style.colour, marker=style.marker, linewidths=0, alpha=0.45, zorder=2)
        known = [(at, *ends) for at, each in points if (ends := band_of(each, band)) is not None]
        if len(known) == 1:
            at, low, high = known[0]
            self.axes.plot([at, at], [low, high], color=style.colour, linewidth=0.8, alpha=0.6)
        elif known:
            places, lows, highs = zip(*known, strict=True)
            self.axes.fill_between(places, lows, highs, color=style.colour, alpha=0.13, linewidth=0)


def _is_near(share: float) -> bool:
    """Say whether a line ends so near the edge that a stroke may lead from there to its name; levels reach it."""
    return not share < 0.8


_LEADER: Any = {"arrowstyle": "-", "linewidth": 0.5, "alpha": 0.6, "shrinkA": 1, "shrinkB": 3}
EDGE: Any = {"linewidths": 0.5, "edgecolors": PAPER}
"""A thin rim around marks that may lie on each other."""


def handle(name: str, style: Style, **options: Any) -> "Line2D":
    """Return what a legend shows of a series."""
    from matplotlib.lines import Line2D

    return Line2D([], [], color=style.colour, label=name, **({"marker": style.marker} | options))
