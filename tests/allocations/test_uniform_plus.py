import numpy as np
import pytest

from pruneproof.allocations.uniform_plus import uniform_plus
from pruneproof.api import InfeasibleSelection, UnknownName


@pytest.mark.parametrize(
    ("sparsity", "pruned"), [(0.90, [0, 0.90224, 0.90224, 0.8]), (0.98, [0, 0.98327, 0.98327, 0.8])]
)
def test_prune_fractions_of_lenet_5_caffe(densities, sparsity, pruned):
    found, one_weight = densities(uniform_plus, sparsity)
    assert all(abs(1 - a - b) < unit + 1e-5 for a, b, unit in zip(found, pruned, one_weight, strict=True))


def test_a_linear_first_layer_stays_prunable():
    counts = uniform_plus({"fc1": np.ones((10, 10)), "fc2": np.ones((10, 10))}, 100)
    assert counts == {"fc1": 50, "fc2": 50}


def test_it_knows_its_first_and_last_by_name():
    weights = {"head": np.ones((2, 5)), "fc": np.ones((10, 2)), "conv": np.ones((2, 1, 1, 1))}
    assert uniform_plus(weights, 8, first="conv", last="head") == {"head": 2, "fc": 4, "conv": 2}
    with pytest.raises(UnknownName, match='tensor "stem"'):
        uniform_plus(weights, 8, first="stem")


def test_a_budget_below_its_exceptions_is_refused(lenet):
    with pytest.raises(InfeasibleSelection, match=r'500 of "conv1\.weight", 1000 of "fc2\.weight", which leaves -500'):
        uniform_plus(lenet, 1000)
