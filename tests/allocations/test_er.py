"""ER counts kernels as if they were one weight; on linear layers it is ERK."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.allocations.erk import er, erk
from pruneproof.api import keep_count

LENET_300_100 = {"fc1": np.ones((300, 784)), "fc2": np.ones((100, 300)), "fc3": np.ones((10, 100))}


def densities(counts, weights):
    return [counts[name] / weight.size for name, weight in weights.items()]


def test_lenet_300_100_at_95_and_99_percent():
    for sparsity, expected in ((0.95, (0.0385, 0.1113, 0.919)), (0.99, (0.0077, 0.0223, 0.184))):
        keep = keep_count(266_200, sparsity)
        for rule in (er, erk):
            found = densities(rule(LENET_300_100, keep), LENET_300_100)
            assert np.allclose(found, expected, atol=6e-4)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4), st.floats(0, 1))
def test_a_kernel_changes_no_density(shapes, share):
    flat = {f"w{place}": np.ones((*shape, 1, 1)) for place, shape in enumerate(shapes)}
    tall = {name: np.ones((*weight.shape[:2], 3, 3)) for name, weight in flat.items()}
    keep = round(share * sum(weight.size for weight in flat.values()))
    once, nine = er(flat, keep), er(tall, 9 * keep)
    assert all(abs(nine[name] / 9 - once[name]) <= 1 for name in flat)
