"""A variant's methods against the paper's own, seed by seed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pruneproof.drawing.numbers import signed
from pruneproof.drawing.table import END, LEVEL, Group, Numbers, Quantity, Table
from pruneproof.report.table import BASE, OWN, TWIN
from pruneproof.statistics import Interval, t_interval


@dataclass(frozen=True)
class Comparison:
    """One of the paper's own methods and its twin, at one sparsity."""

    own: Group
    twin: Group
    suffix: str
    """What the twin's label adds to the own one's."""
    quantity: Quantity
    """What is compared."""

    @cached_property
    def seeds(self) -> list[int]:
        """Seeds for which both were measured."""
        return sorted({*self.own.values(self.quantity)} & {*self.twin.values(self.quantity)})

    @cached_property
    def both(self) -> tuple[list[float], list[float]]:
        """The numbers of the paper's own and of the twin, by seed."""
        own, twin = (group.numbers(self.quantity) or Numbers({}) for group in (self.own, self.twin))
        return [own.by_seed[seed] for seed in self.seeds], [twin.by_seed[seed] for seed in self.seeds]

    @cached_property
    def differences(self) -> list[float]:
        """The twin's number minus the paper's own, seed by seed: both start from the same networks."""
        own, twin = self.both
        return [b - a for a, b in zip(own, twin, strict=True)]

    @property
    def difference(self) -> float:
        """Mean difference."""
        return float(np.mean(self.differences))

    @cached_property
    def interval(self) -> Interval | None:
        """Student's 95 % interval of the mean difference; None for a single seed."""
        return t_interval(self.differences, LEVEL) if len(self.seeds) > 1 else None


def comparisons(table: Table) -> dict[str, list[Comparison]]:
    """Return the comparisons of each run in the first number of its last step, twins of one kind after the other.

    Runs without twins are left out.
    """
    found: dict[str, list[Comparison]] = {}
    for run in table.distinct("run"):
        rows = table.where({"run": run})
        quantity = rows.first(END)
        if quantity is None:
            continue
        own = {(group.method, group.sparsity): group for group in rows.groups if group.column(TWIN) == OWN}
        pairs = [
            Comparison(own[group.column(BASE), group.sparsity], group, str(suffix), quantity)
            for suffix in rows.distinct(TWIN)
            for group in rows.groups
            if group.column(TWIN) == suffix != OWN and (group.column(BASE), group.sparsity) in own
        ]
        pairs = [pair for pair in pairs if pair.seeds]
        if pairs:
            found[run] = pairs
    return found


def by_suffix(table: Table) -> dict[tuple[str, str], list[Comparison]]:
    """Return the comparisons by run and suffix."""
    found: dict[tuple[str, str], list[Comparison]] = {}
    for run, pairs in comparisons(table).items():
        for pair in pairs:
            found.setdefault((run, pair.suffix), []).append(pair)
    return found


def difference_of(x: float, unit: str = "") -> str:
    """Return a difference with its sign: of percentages to two decimals, of others rounded by size.

    >>> difference_of(0.167, "%"), difference_of(-0.001, "%"), difference_of(-0.00104, "nats")
    ('+0.17', '0.00', '-0.00104')
    """
    if unit != "%":
        return signed(x)
    return f"{x:+.2f}" if abs(x) >= 0.005 else "0.00"
