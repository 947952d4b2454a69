"""Comparisons that no claim makes though the seeds decide them: exploratory, so that no result hides.

In each run and at each sparsity every method is compared with the one that most claims read there, by each metric that
claims of the run read.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pruneproof.contracts.metric import Metric
from pruneproof.papers.operands import resolution_of
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import Cell, Record
from pruneproof.papers.registration import registrable
from pruneproof.papers.schema import Operand
from pruneproof.registry.catalog import Catalog
from pruneproof.statistics import fewest_seeds, median_interval

LEVEL = 0.95
"""1 - error rate on either side, the default of claim tests."""
FEW = 4
"""A claim over more methods (a rank correlation, the best of a grid) says nothing of two of them."""

Step = tuple[str, str]
"""A step that measures, and a metric."""


@dataclass(frozen=True)
class Uncompared:
    """A difference that is clear of zero and that no claim is about."""

    run: str
    sparsity: float
    method: str
    reference: str
    """The method that most claims read there."""
    at: str
    metric: str
    unit: str
    value: float
    """Median over seeds of method - reference."""
    low: float
    high: float
    level: float
    n: int
    is_better: bool
    """Whether the method does better than the reference."""

    @property
    def distance(self) -> float:
        """How many widths of the interval lie between it and zero."""
        gap, width = min(abs(self.low), abs(self.high)), self.high - self.low
        return gap / width if width else float("inf")


def uncompared(paper: Paper, record: Record, catalog: Catalog) -> list[Uncompared]:
    """Return the differences that no judged claim is about and whose interval is clear of zero.

    Intervals are those of `paired-difference`, uncorrected. Methods that do better than their reference come first,
    then the others, each the most extreme first.

    Args:
        paper: its claims and runs.
        record: its measurements and metrics, and which claims were judged; a variant has none, nothing is returned.
        catalog: data sets and metrics, for the step in which accuracies come.
    """
    if record.is_variant:
        return []
    claims = _judged(paper, record)
    runs = [run for run in paper.runs.runs(record.profile) if any(cell.run == run for cell in record.cells)]
    found = [each for run in runs for each in _of_run(run, claims, paper, record, catalog)]
    return sorted(found, key=lambda each: (not each.is_better, -each.distance, -abs(each.value)))


def _judged(paper: Paper, record: Record) -> list[Sequence[Operand]]:
    """Return the operands of each claim that was judged."""
    judged = {claim.id for claim in record.claims if claim.verdict != "not-run"}
    claims = registrable(paper, record.profile).items()
    return [claim.evidence[record.profile].operands for name, claim in claims if name in judged]


def _of_run(
    run: str, claims: Sequence[Sequence[Operand]], paper: Paper, record: Record, catalog: Catalog
) -> list[Uncompared]:
    cells = [cell for cell in record.cells if cell.run == run]
    here = [[operand for operand in operands if operand.run == run] for operands in claims]
    of_run = Counter(method for operands in here for method in {each.method for each in operands})
    found = []
    for at, metric in _steps(here, record, catalog):
        values = _values(cells, at, metric)
        for sparsity in dict.fromkeys(sparsity for _, sparsity in values):
            methods = [method for method, other in values if other == sparsity]
            there = _readers(here, sparsity, metric), _readers(here, sparsity)
            reference = max(methods, key=lambda name: (*(each[name] for each in there), of_run[name]))
            for method in methods:
                if method != reference and not _compares(claims, run, sparsity, {method, reference}, metric):
                    operand = Operand(run=run, method=method, sparsity=sparsity, metric=metric, at=at)
                    resolution = resolution_of([operand], paper.runs.runs(record.profile), catalog)
                    pair = values[method, sparsity], values[reference, sparsity]
                    found += _clear(operand, reference, pair, resolution, record)
    return found


def _readers(here: Sequence[Sequence[Operand]], sparsity: float, metric: str | None = None) -> Counter[str]:
    """Return how many claims read each method at a sparsity, by a metric or by any."""
    return Counter(
        name
        for operands in here
        for name in {each.method for each in operands if each.sparsity == sparsity and metric in (None, each.metric)}
    )


def _steps(here: Sequence[Sequence[Operand]], record: Record, catalog: Catalog) -> list[Step]:
    """Return the steps and metrics of one number, of which more or less is better, that claims of a run read.

    Where none reads any, those that are measured at its end.
    """
    registered = catalog.entries(Metric)
    known = [
        name
        for name, each in record.metrics.items()
        if each.per == "network" and each.better is not None and name in registered
    ]
    read = dict.fromkeys((each.at, each.metric) for operands in here for each in operands if each.metric in known)
    return list(read) or [("end", name) for name in known]


def _values(cells: Sequence[Cell], at: str, metric: str) -> dict[tuple[str, float], dict[int, float]]:
    """Return (method, sparsity) -> seed -> number."""
    found: dict[tuple[str, float], dict[int, float]] = {}
    for cell in cells:
        value: Any = cell.measured.get(at, {}).get(metric)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found.setdefault((cell.method, cell.sparsity), {})[cell.seed] = float(value)
    return found


def _compares(claims: Sequence[Sequence[Operand]], run: str, sparsity: float, pair: set[str], metric: str) -> bool:
    """Say whether a claim over a few methods reads both of a pair by a metric."""
    return any(
        pair <= {each.method for each in operands if (each.run, each.sparsity, each.metric) == (run, sparsity, metric)}
        for operands in claims
        if len({each.method for each in operands}) <= FEW
    )


def _clear(
    operand: Operand,
    reference: str,
    pair: tuple[Mapping[int, float], Mapping[int, float]],
    resolution: float,
    record: Record,
) -> list[Uncompared]:
    """Return the difference of a pair if the seeds decide on which side of zero it lies."""
    method, other = pair
    difference = [round(method[seed] - other[seed], 9) for seed in sorted(method.keys() & other.keys())]
    if len(difference) < fewest_seeds(LEVEL):
        return []
    found = median_interval(difference, 2 * LEVEL - 1, resolution)
    if found.low <= 0 <= found.high:
        return []
    metric = record.metrics[operand.metric]
    return [
        Uncompared(
            run=operand.run,
            sparsity=operand.sparsity,
            method=operand.method,
            reference=reference,
            at=operand.at,
            metric=operand.metric,
            unit=metric.unit,
            value=found.value,
            low=found.low,
            high=found.high,
            level=found.level,
            n=len(difference),
            is_better=(found.value > 0) == (metric.better == "larger"),
        )
    ]
