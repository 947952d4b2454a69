"""The figures of a report: those that the paper declares, or a few that suit any paper."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pruneproof.contracts.choice import Choice
from pruneproof.contracts.figure import Figure
from pruneproof.drawing.canvas import Canvas, Plot
from pruneproof.drawing.style import house_style
from pruneproof.drawing.table import Table
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import Record
from pruneproof.papers.schema import FigureSpec
from pruneproof.registry.catalog import Catalog, blame_plugin
from pruneproof.report.table import BASE, TWIN, with_names

Plots = Mapping[str, Sequence[Plot]]
"""Run -> its figures; those of the whole record under the empty name."""


def _spec(kind: str, name: str, **options: Any) -> FigureSpec:
    return FigureSpec(kind=Choice(id=kind, options=options), name=name)


DEFAULT = (_spec("forest", "claims"), _spec("strip", "networks"), _spec("curves", "sparsity"))
"""Figures of a paper that declares none."""
OF_TWINS = (
    _spec("curves", "twins", panel=BASE, line=TWIN),
    _spec("strip", "twins", x=BASE, line=TWIN),
)
"""Figures of a run with twins, of which the first that has anything to show is drawn."""


def draw(record: Record, table: Table, paper: Paper, catalog: Catalog) -> Plots:
    """Return the figures of each run, and under the empty name those of the whole record.

    Raises:
        UnknownName: a figure names a metric, column or scale that does not exist; file and line are told.
        BadConfig: options that do not go together.
        BadPlugin: a kind of figure fails.
    """
    whole = with_names(table, catalog)
    pen = _Pen(catalog, whole, f"{record.paper} at {record.profile}")
    by_run = {run: whole.where({"run": run}) for run in dict.fromkeys(cell.run for cell in record.cells)}
    paired = [run for run, rows in by_run.items() if rows.distinct(TWIN)]
    found: dict[str, list[Plot]] = {"": [], **{run: [] for run in by_run}}
    with house_style():
        for run in paired:
            plots = (pen.draw(spec, by_run[run], run) for spec in OF_TWINS)
            found[run] += next(([plot] for plot in plots if plot is not None), [])
        for spec, where in _specs(paper):
            if catalog.get(Figure, spec.kind.id, where=where()).per == "record":
                found[""] += filter(None, [pen.draw(spec, whole, "", where)])
                continue
            for run in spec.run or by_run:
                if run in by_run and run not in paired:
                    found[run] += filter(None, [pen.draw(spec, by_run[run], run, where)])
    return found


def try_figures(paper: Paper, catalog: Catalog) -> None:
    """Check the figures that a paper declares, before anything is run.

    Raises:
        UnknownName: a run, metric, column or scale that does not exist; file and line are told.
        BadConfig: options that do not go together.
        BadPlugin: a kind of figure fails on a table without rows.
    """
    known = {run for profile in paper.runs.profiles for run in paper.runs.runs(profile)}
    empty = with_names(Table(()), catalog)
    pen = _Pen(catalog, empty, "")
    for spec, where in _specs(paper):
        for run in spec.run:
            if run not in known:
                raise UnknownName.among("run", run, known, where=where())
        pen.draw(spec, empty, "", where)


Where = Callable[[], str]
"""Says in which file and line a figure is declared; empty for one that no file declares."""


def _nowhere() -> str:
    return ""


def _specs(paper: Paper) -> Iterator[tuple[FigureSpec, Where]]:
    """Yield the figures of a paper with where they are declared."""
    for number, spec in enumerate(paper.figures.figure):
        yield spec, partial(paper.below, "figures.toml", "figure", number)
    if not paper.figures.figure:
        yield from ((spec, _nowhere) for spec in DEFAULT)


@dataclass
class _Pen:
    """Draws the figures of one record, each under a name of its own."""

    catalog: Catalog
    whole: Table
    record: str
    """What captions of figures of the whole record begin with."""
    taken: set[str] = field(default_factory=set)

    def draw(self, spec: FigureSpec, rows: Table, run: str, where: Where = _nowhere) -> Plot | None:
        """Return a figure of a run, or of the record for an empty run; None where it has nothing to show."""
        canvas = Canvas(self.whole, run, spec.title)
        entry = self.catalog.entry(Figure, spec.kind.id, where=where())
        try:
            with blame_plugin(entry):
                said = entry.value.draw(rows, canvas, **spec.kind.options)
        except (UnknownName, BadConfig) as problem:
            raise type(problem)(f"{place}: {problem}" if (place := where()) else str(problem)) from None
        if canvas.figure is None:
            return None
        caption = " ".join(filter(None, (f"{run or self.record}:", said, spec.caption)))
        return Plot(self._name(spec, run), caption, canvas.to_svg(), canvas.width)

    def _name(self, spec: FigureSpec, run: str) -> str:
        wanted = "-".join(filter(None, (run, spec.name or spec.kind.id)))
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}-{number}", number + 1
        self.taken.add(name)
        return name
