"""`Table`: everything that was measured as tidy rows, and as groups of networks over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from statistics import fmean
from typing import Any, Literal

from pruneproof.contracts.claims import ValueScale
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.statistics import Interval, t_interval

LEVEL = 0.95
END = "end"
"""The step that is read where nobody names another."""
COLUMNS = ("run", "method", "sparsity", "seed")
"""What every row has beside its settings and metrics."""


@dataclass(frozen=True)
class Claim:
    """What figures show of a judged claim."""

    id: str
    text: str
    verdict: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    """Of `value`, unless the scale has one."""
    scale: ValueScale = field(default_factory=ValueScale)
    bounds: tuple[float, ...] = ()
    """What `value` was judged against; zero is left out."""


@dataclass(frozen=True)
class MetricInfo:
    """What a metric is, as its passport says."""

    unit: str = ""
    per: str = "network"
    better: Literal["larger", "smaller"] | None = None
    about: str = ""


@dataclass(frozen=True)
class Row:
    """One network after one step that measures."""

    run: str
    method: str
    sparsity: float
    seed: int
    at: str
    """The name of the step."""
    settings: Mapping[str, Any]
    """What the method chose: criterion and its options, scope, schedule, iterations."""
    values: Mapping[str, Any]
    """Metric -> what was measured."""

    def column(self, name: str) -> Any:
        """Return run, method, sparsity, seed or a setting; None where the row has no such setting."""
        return getattr(self, name) if name in COLUMNS else self.settings.get(name)


@dataclass(frozen=True)
class Quantity:
    """A metric after a step, or a column: what an axis shows."""

    name: str
    """The column or the metric."""
    at: str
    """The step after which a metric is read; empty for a column."""
    info: MetricInfo = MetricInfo()

    @property
    def is_column(self) -> bool:
        """Whether it is a column."""
        return not self.at

    @property
    def words(self) -> str:
        """Its name in words: `loss change, pruned`."""
        words = self.name.replace("-", " ").replace("_", " ")
        return f"{words}, {self.at}" if self.at not in ("", END) else words

    @property
    def label(self) -> str:
        """Its name with its unit, as on an axis: `loss change, pruned (nats)`."""
        return f"{self.words} ({self.info.unit})" if self.info.unit else self.words


@dataclass(frozen=True)
class Numbers:
    """One number per seed."""

    by_seed: Mapping[int, float]

    @cached_property
    def values(self) -> list[float]:
        """The numbers, by seed."""
        return [self.by_seed[seed] for seed in sorted(self.by_seed)]

    @cached_property
    def mean(self) -> float:
        """Their mean."""
        return fmean(self.values)

    @cached_property
    def interval(self) -> Interval | None:
        """Student's 95 % interval of the mean; None for a single seed."""
        return t_interval([float(value) for value in self.values], LEVEL) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Group:
    """The networks of one run, method and sparsity: one per seed."""

    rows: tuple[Row, ...]

    @property
    def run(self) -> str:
        """Their run."""
        return self.rows[0].run

    @property
    def method(self) -> str:
        """Their method."""
        return self.rows[0].method

    @property
    def sparsity(self) -> float:
        """The sparsity that was asked for."""
        return self.rows[0].sparsity

    @cached_property
    def seeds(self) -> list[int]:
        """Their seeds."""
        return sorted({row.seed for row in self.rows})

    def column(self, name: str) -> Any:
        """Return a column that all seeds share; None where there is none."""
        return self.rows[0].column(name)

    def values(self, quantity: Quantity) -> dict[int, Any]:
        """Return seed -> what was measured, of those seeds for which it was."""
        if quantity.is_column:
            found = {row.seed: row.column(quantity.name) for row in self.rows}
        else:
            found = {row.seed: row.values.get(quantity.name) for row in self.rows if row.at == quantity.at}
        return {seed: value for seed, value in sorted(found.items()) if value is not None}

    def numbers(self, quantity: Quantity) -> Numbers | None:
        """Return a quantity over seeds, true as 1; None where it was not measured or is no number."""
        found = {seed: value for seed, value in self.values(quantity).items() if isinstance(value, bool | int | float)}
        return Numbers(found) if found else None

    def by_tensor(self, quantity: Quantity) -> dict[str, Numbers]:
        """Return tensor -> numbers of a metric that has one per tensor."""
        found: dict[str, dict[int, float]] = {}
        for seed, value in self.values(quantity).items():
            for tensor, number in value.items() if isinstance(value, Mapping) else ():
                if isinstance(number, int | float):
                    found.setdefault(tensor, {})[seed] = number
        return {tensor: Numbers(by_seed) for tensor, by_seed in found.items()}


@dataclass(frozen=True)
class Table:
    """Rows of a record, what their metrics are, and the claims that were judged on them."""

    rows: tuple[Row, ...]
    metrics: Mapping[str, MetricInfo] = field(default_factory=dict)
    """All that may be named, measured here or not."""
    settings: frozenset[str] = frozenset()
    """All columns that may be named beside `COLUMNS`."""
    claims: tuple[Claim, ...] = ()
    runs: frozenset[str] = frozenset()
    """All runs that may be named, measured here or not."""
    printed: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    """The tables that the paper comes with, as printed: id -> rows, column -> text."""

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The networks by run, method and sparsity: methods in the order of their first row, sparsities rising."""
        found: dict[tuple[str, str, float], list[Row]] = {}
        for row in self.rows:
            found.setdefault((row.run, row.method, row.sparsity), []).append(row)
        runs, methods = (list(dict.fromkeys(key[place] for key in found)) for place in (0, 1))
        order = sorted(found, key=lambda key: (runs.index(key[0]), methods.index(key[1]), key[2]))
        return tuple(Group(tuple(found[key])) for key in order)

    def over_seeds(self, quantity: Quantity) -> list[tuple[Group, Numbers]]:
        """Return the groups for which a quantity was measured, with its numbers."""
        found = ((group, group.numbers(quantity)) for group in self.groups)
        return [(group, numbers) for group, numbers in found if numbers is not None]

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """The steps that measure, the end first, then in the order of their first row."""
        return tuple(sorted(dict.fromkeys(row.at for row in self.rows), key=lambda step: step != END))

    def distinct(self, column: str) -> list[Any]:
        """Return the values of a column, in the order of their first row."""
        return list(dict.fromkeys(each for row in self.rows if (each := row.column(column)) is not None))

    def where(self, keep: Mapping[str, Any] | None = None, drop: Mapping[str, Any] | None = None) -> "Table":
        """Return the table of the rows whose columns have all values of `keep` and of no column one of `drop`.

        A value is one value or a list of them; text may have `*`.

        Raises:
            UnknownName: there is no such column.
            BadConfig: something that is no table of columns.
        """
        for wanted in (keep or {}, drop or {}):
            if not isinstance(wanted, Mapping):
                raise BadConfig(
                    f"rows are chosen by {wanted!r}; columns with values were expected. "
                    'Write for example { method = ["global", "uniform"] }.'
                )
            for column in wanted:
                self.check_column(column)
        rows = tuple(
            row
            for row in self.rows
            if all(_is_among(row.column(name), wanted) for name, wanted in (keep or {}).items())
            and not any(_is_among(row.column(name), wanted) for name, wanted in (drop or {}).items())
        )
        return replace(self, rows=rows)

    def check_column(self, name: str) -> str:
        """Return the name of a column.

        Raises:
            UnknownName: there is no such column.
        """
        known = {*COLUMNS, *self.settings}
        if name not in known:
            raise UnknownName.among("column", name, known)
        return name

    def printed_rows(self, name: str, where: Mapping[str, Any], columns: Sequence[str] = ()) -> list[Mapping[str, str]]:
        """Return the rows of a printed table in which each column of `where` has its text, or one of several.

        `columns` are others that it must have.

        Raises:
            UnknownName: there is no such table or column.
        """
        if name not in self.printed:
            raise UnknownName.among("printed table", name, self.printed)
        for column in (*where, *columns):
            if any(column not in row for row in self.printed[name][:1]):
                raise UnknownName.among("column", column, self.printed[name][0])
        wanted = {
            column: [*map(str, each)] if isinstance(each, list) else [str(each)] for column, each in where.items()
        }
        return [row for row in self.printed[name] if all(row[column] in texts for column, texts in wanted.items())]

    def quantity(self, name: str, at: str = END) -> Quantity:
        """Return what is called `column`, `metric` (after the step `at`) or `step.metric`.

        Raises:
            UnknownName: nothing is called so.
        """
        if name in COLUMNS or name in self.settings:
            return Quantity(name, "")
        if name in self.metrics:
            return Quantity(name, at, self.metrics[name])
        for place, character in enumerate(name):
            if character == "." and name[place + 1 :] in self.metrics:
                return Quantity(name[place + 1 :], name[:place], self.metrics[name[place + 1 :]])
        raise UnknownName.among("metric or column", name, [*COLUMNS, *self.settings, *self.metrics])

    def measured(self, at: str = END, *, per: str = "network") -> list[Quantity]:
        """Return the metrics of one kind that were measured after a step, in the order of their first row.

        Of those per network, only numbers and yes or no.
        """
        fits = (bool, int, float) if per == "network" else Mapping
        found = dict.fromkeys(
            metric
            for row in self.rows
            if row.at == at
            for metric, value in row.values.items()
            if isinstance(value, fits) and self.metrics.get(metric, MetricInfo()).per == per
        )
        return [Quantity(metric, at, self.metrics.get(metric, MetricInfo(per=per))) for metric in found]

    def first(self, at: str = END) -> Quantity | None:
        """Return the first metric after a step that is a number, rather than yes or no."""
        for quantity in self.measured(at):
            values = (row.values.get(quantity.name) for row in self.rows if row.at == at)
            if any(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
                return quantity
        return None


def _is_among(value: Any, wanted: Any) -> bool:
    options: Sequence[Any] = wanted if isinstance(wanted, list | tuple) else (wanted,)
    return any(
        fnmatchcase(value, each) if isinstance(value, str) and isinstance(each, str) else value == each
        for each in options
    )
