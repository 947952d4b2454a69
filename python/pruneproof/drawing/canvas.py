"""`Canvas`: where a kind of figure draws, and the way from there to SVG."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pruneproof.drawing.panel import Panel, handle
from pruneproof.drawing.style import WIDTH, Style, styles
from pruneproof.drawing.table import Table
from pruneproof.statistics import rounded
from pruneproof.values.visible import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_COLUMNS = 3
"""Panels side by side."""
_LETTERS, _MARK = 15, 4
"""Letters of a legend on an inch, and how many its mark and gap take."""


@dataclass(frozen=True)
class Plot:
    """A figure as it is shown: file stem, caption, SVG document and width in points."""

    name: str
    caption: str
    svg: str
    width: float = 72 * WIDTH


@dataclass
class Canvas:
    """An empty figure, until a kind of figure asks it for panels; one that asks for none has nothing to show.

    Args:
        whole: all that was measured, so that a series has the same colour in every figure.
        run: stands before the title; empty where a figure is of a whole record.
        title: stands above the panels, in place of what the kind of figure would write there.
    """

    whole: Table = field(default_factory=lambda: Table(()))
    run: str = ""
    title: str = ""
    figure: "Figure | None" = None
    panels: list[Panel] = field(default_factory=list)
    across: int = 1
    """Panels side by side."""

    def new_panels(
        self,
        titles: Sequence[str] = ("",),
        *,
        title: str = "",
        height: float = 3.2,
        width: float | None = None,
        columns: int | None = None,
        heights: Sequence[float] | None = None,
        share: str = "",
    ) -> list[Panel]:
        """Return one panel for each title, row by row.

        Args:
            titles: above the panels; empty for none.
            title: above the figure, unless the paper gives one.
            height: of a row, in inches.
            width: of the figure, in inches; as fits the columns where it is None.
            columns: side by side; as many as there are titles up to three where it is None.
            heights: of each row relative to the others, for panels one below the other.
            share: axes that all panels have in common: `x`, `y` or `xy`.
        """
        from matplotlib.figure import Figure

        across = self.across = min(len(titles), columns or MOST_COLUMNS)
        down = -(-len(titles) // across)
        natural = WIDTH * {1: 1.0, 2: 1.25}.get(across, 1.6)
        self.figure = Figure(figsize=(width or natural, height * down + 0.25), layout="constrained")
        grid = self.figure.subplots(
            down, across, squeeze=False, sharex="x" in share, sharey="y" in share, height_ratios=heights
        ).flatten()
        self.panels = [Panel(axes, title) for axes, title in zip(grid, titles, strict=False)]
        for panel in self.panels:
            if panel.title:
                panel.axes.set_title(panel.title)
        for axes in grid[len(titles) :]:
            axes.set_axis_off()
        above = ": ".join(filter(None, (self.run, self.title or title)))
        if above:
            self.figure.suptitle(above, x=0.01, ha="left", fontsize=9, fontweight="bold")
        return self.panels

    def name_series(self, *, apart: bool = False) -> None:
        """Name lines and levels: beside a single panel, or in one legend beside several.

        Panels `apart` stand below each other, with lines and y axes of their own; each has its names beside it.
        """
        if apart or len(self.panels) == 1:
            for panel in self.panels:
                panel.name_ends()
            for panel in self.panels[:-1]:
                panel.axes.set_xlabel("")
            return
        series = {name: each for panel in self.panels for name, each in panel.series.items()}
        self.panels[min(self.across, len(self.panels)) - 1].legend(series)
        for place, panel in enumerate(self.panels):
            panel.axes.set_ylabel(panel.axes.get_ylabel() if place % self.across == 0 else "")
            panel.axes.set_xlabel(panel.axes.get_xlabel() if place + self.across >= len(self.panels) else "")

    def legend(self, styles: Mapping[str, Style], *, place: str = "upper right") -> None:
        """Write a legend of marks outside of the panels: `upper right`, `lower left`, ..."""
        if self.figure is not None:
            handles = [handle(name, style, linestyle="") for name, style in styles.items()]
            letters = sum(len(name) + _MARK for name in styles)
            lines = -(-letters // int(_LETTERS * self.figure.get_figwidth()))
            options: dict[str, Any] = {"ncols": -(-len(handles) // lines), "handletextpad": 0.2, "columnspacing": 1.2}
            options["loc"] = f"outside {place}"
            self.figure.legend(handles=handles, **options)

    def colour_bar(self, mesh: Any, label: str, *, shrink: float = 1.0) -> None:
        """Say what the colours of a mesh mean, beside all panels."""
        if self.figure is None:
            return
        bar = self.figure.colorbar(
            mesh, ax=[panel.axes for panel in self.panels], shrink=shrink, aspect=18, pad=0.01, label=label
        )
        bar.ax.yaxis.set_major_formatter(lambda x, _: rounded(x))
        bar.outline.set_visible(False)
        bar.ax.minorticks_off()

    def styles(self, column: str, shown: Sequence[Any]) -> Mapping[Any, Style]:
        """Return the look of each value of a column: the same in every figure of a record."""
        pruned = [row for row in self.whole.rows if row.sparsity > 0]
        order = list(dict.fromkeys(str(each) for row in pruned if (each := row.column(column)) is not None))
        found = styles(order, [*map(str, shown)])
        return {each: found[str(each)] for each in shown}

    def to_svg(self) -> str:
        """Return what was drawn as an SVG document without a date; the same drawing gives the same bytes.

        Characters that XML does not allow, or that a reader would not see, are written by number.
        """
        if self.figure is None:
            return ""
        out = io.StringIO()
        self.figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        return visible(out.getvalue())

    @property
    def width(self) -> float:
        """The figure's width, in points."""
        return 72 * float(self.figure.get_figwidth()) if self.figure is not None else 0.0
