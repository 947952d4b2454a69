"""The figures of a report: those that the paper declares, or a few that suit any paper."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from textwrap import fill
from typing import Any

from pruneproof.contracts.choice import Choice
from pruneproof.contracts.figure import Figure
from pruneproof.drawing.canvas import Canvas, Plot
from pruneproof.drawing.style import house_style
from pruneproof.drawing.table import Table
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.findings import matches
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import Record
from pruneproof.papers.schema import FigureSpec
from pruneproof.registry.catalog import Catalog, blame_plugin
from pruneproof.report.table import BASE, TWIN, with_names

Plots = Mapping[str, Sequence[Plot]]
"""Run -> its figures; those of the whole record, and of its questions, under the empty name."""


def _spec(kind: str, name: str, **options: Any) -> FigureSpec:
    return FigureSpec(kind=Choice(id=kind, options=options), name=name)


DEFAULT = (_spec("forest", "claims"), _spec("strip", "networks"), _spec("curves", "sparsity"))
"""Figures of a paper that declares none."""
TITLE = 52
"""Letters of a question on one line of a title."""
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
    whole = _all_named(table, paper, catalog)
    pen = _Pen(catalog, whole, f"{record.paper} at {record.profile}")
    by_run = {run: whole.where({"run": run}) for run in dict.fromkeys(cell.run for cell in record.cells)}
    paired = [run for run, rows in by_run.items() if rows.distinct(TWIN)]
    found: dict[str, list[Plot]] = {"": [], **{run: [] for run in by_run}}
    with house_style():
        for run in paired:
            plots = (pen.draw(spec, by_run[run], run) for spec in OF_TWINS)
            found[run] += next(([plot] for plot in plots if plot is not None), [])
        for spec, where in _specs(paper):
            per = catalog.get(Figure, spec.kind.id, where=where()).per
            if per == "record":
                found[""] += filter(None, [pen.draw(spec, whole, "", where)])
                continue
            if per == "question":
                for part, title, short, rows in _by_question(whole, paper):
                    named = spec.model_copy(update={"name": f"{spec.name or spec.kind.id}{part}", "title": title})
                    found[""] += filter(None, [pen.draw(named, rows, "", where, short)])
                continue
            for run in spec.run or by_run:
                if run in by_run and run not in paired:
                    found[run] += filter(None, [pen.draw(spec, by_run[run], run, where)])
    return found


def question_part(number: int) -> str:
    """Return what the name of a figure about the question of this number, from 0, ends with."""
    return f"-{number + 1}"


def _by_question(table: Table, paper: Paper) -> Iterator[tuple[str, str, str, Table]]:
    """Yield the claims of each question, then those of none.

    With them come an end for the figure's name, its title, and what it is about in short.
    """
    left = {claim.id for claim in table.claims}
    for number, finding in enumerate(paper.claims.finding):
        chosen = [claim for claim in table.claims if matches(claim.id, finding.claims)]
        left -= {claim.id for claim in chosen}
        title = fill(finding.question, TITLE)
        yield question_part(number), title, finding.short, replace(table, claims=tuple(chosen))
    rest = replace(table, claims=tuple(claim for claim in table.claims if claim.id in left))
    yield ("-other", "other claims", "other claims", rest) if paper.claims.finding else ("", "", "", rest)


def try_figures(paper: Paper, catalog: Catalog) -> None:
    """Check the figures that a paper declares, before anything is run.

    Raises:
        UnknownName: a run, metric, column or scale that does not exist; file and line are told.
        BadConfig: options that do not go together.
        BadPlugin: a kind of figure fails on a table without rows.
    """
    empty = _all_named(Table(()), paper, catalog)
    pen = _Pen(catalog, empty, "")
    for spec, where in _specs(paper):
        for run in spec.run:
            if run not in empty.runs:
                raise UnknownName.among("run", run, empty.runs, where=where())
        pen.draw(spec, empty, "", where)


def _all_named(table: Table, paper: Paper, catalog: Catalog) -> Table:
    """Return a table in which all metrics, options, runs and printed tables may be named."""
    runs = frozenset(run for profile in paper.runs.profiles for run in paper.runs.runs(profile))
    return replace(with_names(table, catalog), runs=runs, printed=paper.tables)


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

    def draw(self, spec: FigureSpec, rows: Table, run: str, where: Where = _nowhere, about: str = "") -> Plot | None:
        """Return a figure of a run, or of the record for an empty run; None where it has nothing to show.

        The caption begins with the run, or with the record and what of it the figure is about.
        """
        canvas = Canvas(self.whole, run, spec.title)
        entry = self.catalog.entry(Figure, spec.kind.id, where=where())
        try:
            with blame_plugin(entry):
                said = entry.value.draw(rows, canvas, **spec.kind.options)
        except (UnknownName, BadConfig) as problem:
            raise type(problem)(f"{place}: {problem}" if (place := where()) else str(problem)) from None
        if canvas.figure is None:
            return None
        subject = run or ", ".join(filter(None, (self.record, about)))
        caption = " ".join(filter(None, (f"{subject}:", said, spec.caption)))
        return Plot(self._name(spec, run), caption, canvas.to_svg(), canvas.width)

    def _name(self, spec: FigureSpec, run: str) -> str:
        wanted = "-".join(filter(None, (run, spec.name or spec.kind.id)))
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}-{number}", number + 1
        self.taken.add(name)
        return name
