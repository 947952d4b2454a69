import csv
import io

import numpy as np
import pytest
from scipy import stats

from pruneproof.papers.record import Record
from pruneproof.report.results import COLUMNS, methods, points, tidy_csv


def _cells(record: Record, run: str, method: str, sparsity: float) -> list[float]:
    return [
        cell.measurement["accuracy"]
        for cell in record.cells
        if (cell.run, cell.method, cell.sparsity) == (run, method, sparsity)
    ]


def test_every_cell_belongs_to_one_point(record: Record) -> None:
    found = [point for group in points(record).values() for point in group]
    assert sum(len(point.by_seed) for point in found) == len(record.cells)
    assert len({(point.run, point.method, point.sparsity) for point in found}) == len(found)


def test_a_point_is_the_mean_and_t_interval_over_seeds(record: Record) -> None:
    point = next(each for each in points(record)["mlp"] if (each.method, each.sparsity) == ("snip", 0.95))
    values = _cells(record, "mlp", "snip", 0.95)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert point.accuracy == pytest.approx(np.mean(values))
    assert point.interval is not None
    assert (point.interval.low, point.interval.high) == pytest.approx((expected.low, expected.high))


def test_sparsities_rise_within_a_method_and_the_dense_network_comes_first(record: Record) -> None:
    for group in points(record).values():
        assert group[0].method == "dense"
        for method in methods(record):
            line = [point.sparsity for point in group if point.method == method]
            assert line == sorted(line)


def test_collapse_divergence_and_empty_tensors_are_counted(record: Record) -> None:
    collapsed = next(point for point in points(record)["mobilenet"] if point.method == "global")
    assert collapsed.collapsed == 3
    assert len(collapsed.emptied) == 4
    diverged = next(point for point in points(record)["mlp"] if point.method == "random" and point.sparsity == 0.99)
    assert diverged.diverged == 1


def test_a_single_seed_has_no_interval(record: Record) -> None:
    single = record.model_copy(update={"cells": tuple(cell for cell in record.cells if cell.seed == 0)})
    assert all(point.interval is None for group in points(single).values() for point in group)


def test_a_figure_shows_the_range_below_four_seeds_and_the_interval_from_there(record: Record) -> None:
    eight, three = points(record)["mlp"][1], points(record)["mobilenet"][-1]
    assert eight.interval is not None
    assert eight.band == (eight.interval.low, eight.interval.high)
    assert three.band == (min(three.accuracies), max(three.accuracies))


def test_the_csv_has_one_row_per_cell_with_what_was_measured(record: Record) -> None:
    rows = list(csv.DictReader(io.StringIO(tidy_csv(record))))
    assert len(rows) == len(record.cells)
    assert list(rows[0]) == list(COLUMNS)
    for row, cell in zip(rows, record.cells, strict=True):
        assert (row["run"], row["method"], int(row["seed"])) == (cell.run, cell.method, cell.seed)
        assert float(row["sparsity"]) == cell.sparsity
        assert float(row["accuracy"]) == cell.measurement["accuracy"]
        assert row["stage"] == cell.stages[-1]
        assert int(row["empty_tensors"]) == list(cell.measurement["densities"].values()).count(0.0)
        assert (row["accuracy_before"] == "") == (cell.method == "dense")
