"""A variant's arms against the paper's own, seed by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pruneproof.papers.record import Record
from pruneproof.report.results import LEVEL, Point, points
from pruneproof.statistics import Interval, t_interval


@dataclass(frozen=True)
class Comparison:
    """One of the paper's own arms and its twin, at one sparsity."""

    own: Point
    twin: Point
    suffix: str
    """What the twin's label adds to the own one's."""

    @cached_property
    def seeds(self) -> list[int]:
        """Seeds that both were run with."""
        return [seed for seed in self.own.by_seed if seed in self.twin.by_seed]

    @cached_property
    def differences(self) -> list[float]:
        """Accuracy of the twin minus the paper's own, in points, seed by seed: both prune the same dense network."""
        return [self.twin.by_seed[seed].accuracy - self.own.by_seed[seed].accuracy for seed in self.seeds]

    @property
    def difference(self) -> float:
        """Mean difference, in points."""
        return float(np.mean(self.differences))

    @cached_property
    def interval(self) -> Interval | None:
        """Student's 95 % interval of the mean difference; None for a single seed."""
        return t_interval(self.differences, LEVEL) if len(self.seeds) > 1 else None


def comparisons(record: Record) -> dict[str, list[Comparison]]:
    """Return the comparisons of each run, by suffix, then in the order of its points; runs without any are out."""
    found: dict[str, list[Comparison]] = {}
    for run, of_run in points(record).items():
        by_place = {(point.method, point.sparsity): point for point in of_run}
        pairs = [
            Comparison(own, by_place[twin], suffix)
            for suffix in record.twins
            for own in of_run
            if (twin := (f"{own.method}-{suffix}", own.sparsity)) in by_place
        ]
        pairs = [pair for pair in pairs if pair.seeds]
        if pairs:
            found[run] = pairs
    return found


def by_suffix(record: Record) -> dict[tuple[str, str], list[Comparison]]:
    """Return the comparisons by run and suffix."""
    found: dict[tuple[str, str], list[Comparison]] = {}
    for run, pairs in comparisons(record).items():
        for pair in pairs:
            found.setdefault((run, pair.suffix), []).append(pair)
    return found


def in_points(x: float) -> str:
    """Return a difference of accuracies with its sign, to two decimals.

    >>> in_points(0.167), in_points(-0.001), in_points(-12.0)
    ('+0.17', '0.00', '-12.00')
    """
    return f"{x:+.2f}" if abs(x) >= 0.005 else "0.00"


def mean_and_spread(accuracies: Sequence[float]) -> str:
    """Return mean and standard deviation over seeds; the mean alone for a single one.

    >>> mean_and_spread([95.0, 96.0, 97.0]), mean_and_spread([95.0])
    ('96.00 ± 1.00', '95.00')
    """
    mean = f"{np.mean(accuracies):.2f}"
    return f"{mean} ± {np.std(accuracies, ddof=1):.2f}" if len(accuracies) > 1 else mean
