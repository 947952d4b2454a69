"""The cells of a record as points over seeds, and as tidy rows."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from pruneproof.papers.record import Cell, Record
from pruneproof.statistics import Interval, t_interval

LEVEL = 0.95
DENSE = "dense"
"""The method label of the unpruned network."""


@dataclass(frozen=True)
class Point:
    """One method of one run at one sparsity: a measurement per seed."""

    run: str
    method: str
    sparsity: float
    by_seed: Mapping[int, "Measured"]
    arm: Mapping[str, Any] = field(default_factory=dict)
    """How the weights were picked, as the record tells it."""

    @cached_property
    def accuracies(self) -> list[float]:
        """Accuracy of each seed, in percent."""
        return [each.accuracy for each in self.by_seed.values()]

    @property
    def accuracy(self) -> float:
        """Mean accuracy over seeds, in percent."""
        return float(np.mean(self.accuracies))

    @cached_property
    def interval(self) -> Interval | None:
        """Student's 95 % interval of the mean accuracy; None for a single seed."""
        return t_interval(self.accuracies, LEVEL) if len(self.accuracies) > 1 else None

    @property
    def band(self) -> tuple[float, float] | None:
        """What a figure shows as spread: the interval, or below four seeds (where it is mostly width) their range."""
        if self.interval is None:
            return None
        if len(self.accuracies) < 4:
            return min(self.accuracies), max(self.accuracies)
        return self.interval.low, self.interval.high

    @cached_property
    def loss_changes(self) -> list[float]:
        """Change of the training loss at pruning of each seed that has one."""
        return [each.loss_change for each in self.by_seed.values() if each.loss_change is not None]

    @property
    def loss_change(self) -> float | None:
        """Its mean over seeds; None where it was not measured."""
        return _mean(self.loss_changes)

    @property
    def error_gap_before(self) -> float | None:
        """Mean test error right after pruning above that of the dense network, in points; None where not measured."""
        return _mean(each.error_gap_before for each in self.by_seed.values())

    @property
    def error_gap(self) -> float | None:
        """The same after retraining; None where it was not measured or nothing was retrained."""
        return _mean(each.error_gap for each in self.by_seed.values() if each.loss is not None)

    @property
    def macs_kept(self) -> float:
        """Mean fraction of multiply-adds that is left, in [0, 1]."""
        return float(np.mean([1.0 - each.macs_pruned for each in self.by_seed.values()]))

    @property
    def collapsed(self) -> int:
        """Seeds whose network gives one output for every input."""
        return sum(each.constant_output for each in self.by_seed.values())

    @property
    def diverged(self) -> int:
        """Seeds whose loss became infinite or NaN."""
        return sum(each.diverged for each in self.by_seed.values())

    @cached_property
    def densities(self) -> dict[str, float]:
        """Mean density of each tensor over seeds."""
        names = next(iter(self.by_seed.values())).densities
        return {name: float(np.mean([each.densities.get(name, 0.0) for each in self.by_seed.values()])) for name in names}

    @cached_property
    def emptied(self) -> set[str]:
        """Tensors that are empty in at least one seed."""
        return {name for each in self.by_seed.values() for name in each.empty_tensors}


def _mean(values: Iterable[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return float(np.mean(known)) if known else None


@dataclass(frozen=True)
class Measured:
    """What was measured on one network at the end of its method, and right after pruning."""

    end: Mapping[str, Any]
    pruned: Mapping[str, Any]

    @property
    def accuracy(self) -> float:
        return float(self.end.get("accuracy") or 0.0)

    @property
    def loss_change(self) -> float | None:
        found = self.pruned.get("loss-change")
        return None if found is None else float(found)

    @property
    def error_gap_before(self) -> float | None:
        return self.pruned.get("error-gap")

    @property
    def error_gap(self) -> float | None:
        return self.end.get("error-gap")

    @property
    def loss(self) -> float | None:
        return self.end.get("last-epoch-loss", self.end.get("train-loss"))

    @property
    def macs_pruned(self) -> float:
        return float(self.end.get("macs-pruned") or 0.0)

    @property
    def constant_output(self) -> bool:
        return bool(self.end.get("constant-output"))

    @property
    def diverged(self) -> bool:
        return bool(self.end.get("diverged"))

    @property
    def densities(self) -> Mapping[str, float]:
        found: Mapping[str, float] = self.end.get("densities", {})
        return found

    @property
    def empty_tensors(self) -> list[str]:
        return [name for name, density in self.densities.items() if density == 0]


def _measured(cell: Cell) -> Measured:
    pruned = cell.measured.get("pruned", {})
    return Measured(cell.measured.get("end", pruned), pruned)


def _arm(settings: Mapping[str, Any]) -> dict[str, Any]:
    plain = ("criterion", "scope", "structure", "schedule", "iterations", "rounds")
    options = {name: value for name, value in settings.items() if name not in plain}
    return {**settings, "steps": settings.get("iterations", 1), "options": options} if settings else {}


def points(record: Record) -> dict[str, list[Point]]:
    """Return the points of each run, methods in the order of their first cell, sparsities rising."""
    groups: dict[tuple[str, str, float], dict[int, Measured]] = {}
    arms: dict[tuple[str, str, float], Mapping[str, Any]] = {}
    for cell in record.cells:
        arms[cell.run, cell.method, cell.sparsity] = _arm(cell.settings)
        by_seed = groups.setdefault((cell.run, cell.method, cell.sparsity), {})
        by_seed[cell.seed] = _measured(cell)
    runs = dict.fromkeys(cell.run for cell in record.cells)
    order = {method: place for place, method in enumerate(methods(record))}
    found = [Point(*key, by_seed, arms[key]) for key, by_seed in groups.items()]
    found.sort(key=lambda point: (order.get(point.method, -1), point.sparsity))
    return {run: [point for point in found if point.run == run] for run in runs}


def methods(record: Record) -> list[str]:
    """Return all methods but the dense network, in the order of their first cell."""
    return [method for method in dict.fromkeys(cell.method for cell in record.cells) if method != DENSE]


def tidy_csv(record: Record) -> str:
    """Return one row per network and step that measures; an empty field is a value that was not measured."""
    metrics = list(dict.fromkeys(each for cell in record.cells for of in cell.measured.values() for each in of))
    flat = [each for each in metrics if not _is_table(record, each)]
    out = io.StringIO()
    writer = csv.DictWriter(
        out, ["run", "method", "sparsity", "seed", "step", *flat], extrasaction="ignore", lineterminator="\n"
    )
    writer.writeheader()
    for cell in record.cells:
        named = {"run": cell.run, "method": cell.method, "sparsity": cell.sparsity, "seed": cell.seed}
        writer.writerows(values | named | {"step": step} for step, values in cell.measured.items())
    return out.getvalue()


def _is_table(record: Record, metric: str) -> bool:
    found = (of.get(metric) for cell in record.cells for of in cell.measured.values())
    return any(isinstance(each, Mapping | list) for each in found)
