import csv
import io

import numpy as np
import pytest

from pruneproof.report.results import result_tables, text_of, tidy_csv
from pruneproof.report.rows import cell_rows
from pruneproof.report.table import table_of


@pytest.fixture(scope="module")
def rows(record):
    return list(csv.DictReader(io.StringIO(tidy_csv(cell_rows(record)))))


def test_a_column_for_each_number_of_the_end_with_its_unit(table):
    end, *others = result_tables(table, "mlp")
    assert end.at == "end"
    assert {"accuracy (%)", "constant-output", "macs-pruned", "epochs"} <= set(end.heads)
    assert "densities" not in end.heads
    assert [each.at for each in others] == ["pruned"]


def test_cells_are_mean_and_deviation_over_seeds(record, table):
    [group] = [each for each in table.groups if (each.run, each.method, each.sparsity) == ("mlp", "snip", 0.95)]
    values = [
        cell.measured["end"]["accuracy"]
        for cell in record.cells
        if (cell.run, cell.method, cell.sparsity) == ("mlp", "snip", 0.95)
    ]
    assert text_of(group, table.quantity("accuracy")) == f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


def test_yes_and_no_are_counted(table):
    [collapsed] = [
        each for each in table.groups if (each.run, each.method, each.sparsity) == ("mobilenet", "global", 0.95)
    ]
    assert text_of(collapsed, table.quantity("constant-output")) == "11 of 11"
    assert (
        text_of(collapsed, table.quantity("loss-change" if "loss-change" in table.metrics else "diverged")) == "0 of 11"
    )


def test_what_all_methods_share_is_no_table_of_its_own(tiny_record):
    table = table_of(tiny_record)
    assert set(table.steps) == {"end", "dense", "pruned"}
    assert next(each.at for each in result_tables(table, "mlp")) == "end"
    [fresh] = result_tables(table, "fresh")
    assert fresh.at == "end"


def test_a_run_whose_methods_end_after_pruning_has_that_table(records):
    table = table_of(records("loss-modelling", "mini"))
    tables = result_tables(table, "mlp")
    assert [each.at for each in tables] == ["end", "pruned"]
    assert "loss-change (nats)" in tables[1].heads


def test_the_csv_has_one_row_per_network_with_what_was_measured(record, rows):
    assert len(rows) == len(record.cells)
    for row, cell in zip(rows, record.cells, strict=True):
        assert (row["run"], row["method"], int(row["seed"])) == (cell.run, cell.method, cell.seed)
        assert float(row["sparsity"]) == cell.sparsity
        assert float(row["accuracy"]) == cell.measured["end"]["accuracy"]
        assert row["stage"] == cell.stages[-1]
        before = cell.measured.get("pruned", {}).get("accuracy")
        assert row["pruned.accuracy"] == ("" if before is None else str(before))


def test_settings_are_columns_and_metrics_per_tensor_are_not(records):
    record = records("loss-modelling", "mini")
    rows = list(csv.DictReader(io.StringIO(tidy_csv(cell_rows(record)))))
    assert {"criterion", "iterations", "penalty", "pruned.loss-change", "error-gap"} <= set(rows[0])
    assert not any("densities" in name for name in rows[0])
    by_method = {row["method"]: row for row in rows}
    assert by_method["obd-14-0.01"]["penalty"] == "0.01"
    assert by_method["mp"]["penalty"] == ""


def test_a_metric_called_like_a_column_is_told_apart(record):
    cell = record.cells[-1]
    odd = cell.model_copy(update={"measured": {"end": {"sparsity": 0.123, "accuracy": 1.0}}})
    one = record.model_copy(update={"cells": (odd,)})
    [row] = csv.DictReader(io.StringIO(tidy_csv(cell_rows(one))))
    assert (float(row["sparsity"]), float(row["end.sparsity"])) == (cell.sparsity, 0.123)
