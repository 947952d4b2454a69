import numpy as np
import pytest
from matplotlib.colors import to_hex

from pruneproof.drawing import MetricInfo, Row, Table
from pruneproof.errors import UnknownName
from pruneproof.figures.signs import BETTER, OPEN, SIGNS, WORSE

SEEDS = range(8)


def colours(drawn):
    """Return the colour of each cell by method and sparsity, rows first."""
    [panel] = drawn.panels
    return [to_hex(each.get_facecolor()) for each in panel.axes.patches]


@pytest.fixture
def signed():
    """`above` and `below` differ from `scratch` in every seed, `mixed` in both directions."""
    gains = {("scratch", 0.9): [0] * 8, ("above", 0.9): [1.5] * 8, ("above", 0.5): [9] * 8}
    gains |= {("below", 0.9): [-2 - 0.1 * seed for seed in SEEDS], ("mixed", 0.9): [(-1) ** seed for seed in SEEDS]}
    rows = [
        Row("mlp", method, sparsity, seed, "end", {}, {"accuracy": 80.0 + seed + gain[seed]})
        for (method, sparsity), gain in gains.items()
        for seed in SEEDS
    ]
    return Table(tuple(rows), {"accuracy": MetricInfo("%", better="larger")})


def test_a_cell_is_coloured_where_the_seeds_decide_its_sign(draw, signed):
    drawn = draw(SIGNS, signed, against="scratch")
    assert colours(drawn) == [BETTER, WORSE, OPEN]
    assert {"+1.5", "above", "below", "mixed", "90 %"} <= set(drawn.words)


def test_a_sparsity_at_which_the_other_method_was_not_measured_is_left_out(draw, signed):
    assert "50 %" not in draw(SIGNS, signed, against="scratch").words


def test_the_number_is_the_median_of_paired_differences(draw, accuracies):
    drawn = draw(SIGNS, accuracies, against="random", where={"method": "global"})
    quantity = accuracies.quantity("accuracy")
    groups = {(group.method, group.sparsity): group.numbers(quantity) for group in accuracies.groups}
    pairs = np.subtract(groups["global", 0.9].values, groups["random", 0.9].values)
    assert f"+{np.median(pairs):.2f}".rstrip("0").rstrip(".") in drawn.words
    assert set(colours(drawn)) == {BETTER}


def test_without_the_other_method_there_is_no_figure(draw, accuracies):
    assert draw(SIGNS, accuracies, against="nothing") is None


def test_an_unknown_metric_is_refused(draw, accuracies):
    with pytest.raises(UnknownName, match='"nothing" is not known'):
        draw(SIGNS, accuracies, y="nothing", against="global")
