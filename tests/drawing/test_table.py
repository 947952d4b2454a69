import numpy as np
import pytest
from scipy import stats

from pruneproof.drawing.table import Group, MetricInfo, Numbers, Row, Table
from pruneproof.errors import BadConfig, UnknownName

METRICS = {
    "accuracy": MetricInfo("%", better="larger"),
    "dead": MetricInfo(better="smaller"),
    "loss.v2": MetricInfo("nats", better="smaller"),
    "densities": MetricInfo(per="tensor"),
}


def row(method, sparsity, seed, at="end", **values):
    settings = {"criterion": method.split("-")[0], "iterations": len(method)} if sparsity else {}
    return Row("mlp", method, sparsity, seed, at, settings, {name.replace("_", "."): v for name, v in values.items()})


@pytest.fixture(scope="module")
def table():
    rows = [row("dense", 0.0, seed, accuracy=97.0 + seed, dead=False) for seed in (3, 1)]
    for method in ("snip", "magnitude"):
        for sparsity in (0.98, 0.9):
            for seed in (3, 1):
                densities = {"fc1": 0.1 * seed, "fc2": 0.0}
                rows.append(row(method, sparsity, seed, dead=seed == 1, accuracy=90.0 + seed, densities=densities))
                rows.append(row(method, sparsity, seed, at="pruned", accuracy=50.0, loss_v2=None))
    return Table(tuple(rows), METRICS, frozenset({"criterion", "iterations"}))


def test_every_row_belongs_to_one_group_and_sparsities_rise(table):
    assert sum(len(group.rows) for group in table.groups) == len(table.rows)
    places = [(group.method, group.sparsity) for group in table.groups]
    assert places == [("dense", 0.0), ("snip", 0.9), ("snip", 0.98), ("magnitude", 0.9), ("magnitude", 0.98)]


def test_a_quantity_is_a_metric_after_a_step_or_a_column(table):
    group = table.groups[1]
    assert group.numbers(table.quantity("accuracy")).by_seed == {1: 91.0, 3: 93.0}
    assert group.numbers(table.quantity("pruned.accuracy")).mean == 50.0
    assert group.numbers(table.quantity("accuracy", "pruned")).mean == 50.0
    assert group.numbers(table.quantity("iterations")).mean == 4
    assert table.quantity("pruned.accuracy").label == "accuracy, pruned (%)"
    assert table.quantity("pruned.loss.v2").name == "loss.v2"


def test_yes_counts_as_one_and_what_has_no_number_is_left_out(table):
    group = table.groups[1]
    assert group.numbers(table.quantity("dead")).by_seed == {1: True, 3: False}
    assert group.numbers(table.quantity("dead")).mean == 0.5
    assert group.numbers(table.quantity("pruned.loss.v2")) is None
    assert group.numbers(table.quantity("densities")) is None
    assert group.numbers(table.quantity("criterion")) is None


def test_a_metric_per_tensor_is_read_tensor_by_tensor(table):
    found = table.groups[1].by_tensor(table.quantity("densities"))
    assert found["fc1"].values == pytest.approx([0.1, 0.3])
    assert found["fc2"].mean == 0.0


def test_the_interval_is_students_and_a_single_seed_has_none():
    values = {1: 95.0, 2: 96.5, 3: 97.1}
    expected = stats.ttest_1samp(list(values.values()), 0.0).confidence_interval(0.95)
    found = Numbers(values)
    assert found.mean == pytest.approx(np.mean(list(values.values())))
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high))
    assert Numbers({1: 95.0}).interval is None


def test_rows_are_chosen_by_columns_with_values_lists_and_patterns(table):
    assert {row.method for row in table.where({"method": "s*"}).rows} == {"snip"}
    assert {row.method for row in table.where({"sparsity": [0.0, 0.9]}, {"method": ["snip"]}).rows} == {
        "dense",
        "magnitude",
    }
    assert table.where(None, None).rows == table.rows
    assert table.where({"iterations": 4}).distinct("method") == ["snip"]
    assert table.where({"criterion": "*"}).distinct("method") == ["snip", "magnitude"]


def test_measured_metrics_come_in_the_order_of_their_rows_by_what_they_are_per(table):
    assert [each.name for each in table.measured()] == ["accuracy", "dead"]
    assert [each.name for each in table.measured(per="tensor")] == ["densities"]
    assert [each.name for each in table.measured("pruned")] == ["accuracy"]
    assert table.steps == ("end", "pruned")


def test_the_first_number_is_no_yes_or_no(table):
    rows = tuple(row("a", 0.5, seed, dead=True, accuracy=90.0) for seed in (0, 1))
    assert Table(rows, METRICS).first().name == "accuracy"
    assert Table(tuple(row("a", 0.5, 0, dead=True) for _ in "a"), METRICS).first() is None
    assert table.first("nowhere") is None


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda table: table.quantity("acuracy"), 'metric or column "acuracy" is not known. Nearest: "accuracy"'),
        (lambda table: table.where({"metod": "a"}), 'column "metod" is not known. Nearest: "method"'),
        (lambda table: table.check_column("penalty"), 'column "penalty" is not known'),
    ],
    ids=["quantity", "where", "column"],
)
def test_unknown_names_are_refused_with_the_nearest(table, ask, said):
    with pytest.raises(UnknownName, match=said):
        ask(table)


def test_rows_cannot_be_chosen_by_a_word(table):
    with pytest.raises(BadConfig, match="columns with values were expected"):
        table.where("snip")


def test_an_empty_table_has_no_groups_and_knows_its_names():
    empty = Table((), METRICS)
    assert empty.groups == ()
    assert empty.first() is None
    assert empty.quantity("accuracy").info.unit == "%"
    assert Group((row("a", 0.5, 2), row("a", 0.5, 0))).seeds == [0, 2]
