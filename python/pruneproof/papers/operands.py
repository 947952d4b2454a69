"""What a claim's operand reads from the cells of a record: one number per seed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.metric import Metric
from pruneproof.papers.record import Cell
from pruneproof.papers.schema import Operand, Run
from pruneproof.registry.catalog import Catalog


def samples_of(operand: Operand, cells: Sequence[Cell]) -> list[dict[int, float]]:
    """Return seed -> number; for a metric with a number per tensor one such mapping per tensor.

    What has no number (the loss of a diverged network) is NaN; the test says so.
    """
    wanted = (operand.run, operand.method, operand.sparsity)
    found: dict[int, Any] = {
        cell.seed: cell.measured[operand.at][operand.metric]
        for cell in cells
        if (cell.run, cell.method, cell.sparsity) == wanted and operand.metric in cell.measured.get(operand.at, {})
    }
    if any(isinstance(value, Mapping) for value in found.values()):
        tensors = sorted({name for value in found.values() for name in value})
        return [{seed: _number(value[name]) for seed, value in found.items()} for name in tensors]
    return [{seed: _number(value) for seed, value in found.items()}]


def shared_seeds(values: Iterable[Mapping[int, float]]) -> list[int]:
    """Return the seeds that all values have, ascending: those on which a claim about them is judged."""
    return sorted(set.intersection(*(set(each) for each in values)))


def resolution_of(operands: Sequence[Operand], runs: Mapping[str, Run], catalog: Catalog) -> float:
    """Return the step in which what the operands measure comes, the largest of them; 0 unless each has one.

    A metric that counts test samples has steps of 100 / their number.
    """
    counted = [catalog.get(Metric, operand.metric).counts_test_samples for operand in operands]
    samples = [catalog.get(DataSet, runs[operand.run].data).test_samples for operand in operands]
    return max(100 / number for number in samples if number) if all(counted) and all(samples) else 0.0


def said(operand: Operand) -> str:
    """Return an operand in words."""
    at = "" if operand.at == "end" else f", {operand.at}"
    return f"{operand.run}/{operand.method} {operand.metric}{at} at sparsity {operand.sparsity:g}"


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
