import numpy as np
import pytest
import torch

from pruneproof.errors import InfeasibleSelection, UnknownName
from pruneproof.selection.allocate import ALLOCATIONS, erk, lamp, lamp_scores, uniform, uniform_plus
from pruneproof.units import keep_count

LENET_5_CAFFE = {
    "conv1.weight": np.ones((20, 1, 5, 5)),
    "conv2.weight": np.ones((50, 20, 5, 5)),
    "fc1.weight": np.ones((500, 800)),
    "fc2.weight": np.ones((10, 500)),
}
SIZE = 430_500
TOY = {
    "A": np.array([0.9, 0.8, 0.7, 0.6]),
    "B": np.array([0.5, 0.45, 0.4, 0.35, 0.3, 0.25]),
    "C": np.arange(10, 0, -1) / 100,
}


def densities(rule, sparsity, **options):
    counts = rule(LENET_5_CAFFE, keep_count(SIZE, sparsity), **options)
    return [counts[name] / weight.size for name, weight in LENET_5_CAFFE.items()]


@pytest.mark.parametrize(
    ("sparsity", "expected"),
    [
        (0.90, [1, 0.08707, 0.08843, 1]),
        (0.95, [0.72612, 0.03748, 0.03806, 1]),
        (0.98, [0.27789, 0.01434, 0.01457, 0.45717]),
    ],
)
def test_erk_densities_of_lenet_5_caffe(sparsity, expected):
    # Shares are rounded to whole weights: within one weight of the real-valued density.
    one_weight = [1 / weight.size for weight in LENET_5_CAFFE.values()]
    found = densities(erk, sparsity)
    assert all(abs(a - b) < unit + 1e-5 for a, b, unit in zip(found, expected, one_weight, strict=True))


@pytest.mark.parametrize(
    ("sparsity", "pruned"), [(0.90, [0, 0.90224, 0.90224, 0.8]), (0.98, [0, 0.98327, 0.98327, 0.8])]
)
def test_uniform_plus_prune_fractions_of_lenet_5_caffe(sparsity, pruned):
    one_weight = [1 / weight.size for weight in LENET_5_CAFFE.values()]
    found = densities(uniform_plus, sparsity)
    assert all(abs(1 - a - b) < unit + 1e-5 for a, b, unit in zip(found, pruned, one_weight, strict=True))


def test_erk_makes_layers_of_equal_density_dense_together():
    counts = erk({"a": np.ones((2, 2)), "b": np.ones((2, 2)), "c": np.ones((40, 40))}, 200)
    assert counts == {"a": 4, "b": 4, "c": 192}


def test_uniform_is_the_same_fraction_everywhere():
    assert densities(uniform, 0.9) == pytest.approx([0.1] * 4)


def test_uniform_plus_leaves_a_linear_first_layer_prunable():
    counts = uniform_plus({"fc1": np.ones((10, 10)), "fc2": np.ones((10, 10))}, 100)
    assert counts == {"fc1": 50, "fc2": 50}


def test_uniform_plus_knows_its_first_and_last_by_name():
    weights = {"head": np.ones((2, 5)), "fc": np.ones((10, 2)), "conv": np.ones((2, 1, 1, 1))}
    assert uniform_plus(weights, 8, first="conv", last="head") == {"head": 2, "fc": 4, "conv": 2}
    with pytest.raises(UnknownName, match='tensor "stem"'):
        uniform_plus(weights, 8, first="stem")


def test_uniform_plus_refuses_a_budget_below_its_exceptions():
    with pytest.raises(InfeasibleSelection, match=r'500 of "conv1\.weight", 1000 of "fc2\.weight", which leaves -500'):
        uniform_plus(LENET_5_CAFFE, 1000)


@pytest.mark.parametrize(("keep", "expected"), [(6, [2, 2, 2]), (8, [2, 3, 3])])
def test_lamp_counts_of_the_toy_network(keep, expected):
    assert list(lamp(TOY, keep).values()) == expected


def test_lamp_scores_of_the_toy_layer():
    assert sorted(lamp_scores(TOY["A"])) == pytest.approx([0.1565, 0.2526, 0.4414, 1.0], abs=5e-5)


def test_lamp_scores_match_their_definition():
    weights = torch.randn(50, generator=torch.Generator().manual_seed(1), dtype=torch.float64).numpy()
    squares = weights**2
    expected = [square / squares[squares >= square].sum() for square in squares]
    assert lamp_scores(weights) == pytest.approx(expected)


def test_lamp_ranks_equal_magnitudes_one_after_the_other():
    assert lamp_scores(np.array([1.0, -1.0, 1.0])).tolist() == [1.0, 1 / 2, 1 / 3]
    assert lamp_scores(np.zeros(2)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("rule", [rule for rule in ALLOCATIONS if rule.id != "given"], ids=lambda rule: rule.id)
def test_every_budget_is_spent_exactly(rule):
    weights = {"a": np.arange(8.0).reshape(2, 2, 2), "empty": np.ones((0, 3)), "b": np.ones((3, 5)), "c": np.ones(4)}
    for keep in range(28):
        try:
            counts = rule.counts(weights, keep)
        except InfeasibleSelection:
            assert rule.id == "uniform-plus"
            assert keep < 8 + 1
            continue
        assert sum(counts.values()) == keep
        assert all(0 <= counts[name] <= weight.size for name, weight in weights.items())
