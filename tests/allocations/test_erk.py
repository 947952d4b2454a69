import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.allocations.erk import erk

SHAPE = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("sparsity", "expected"),
    [
        (0.90, [1, 0.08707, 0.08843, 1]),
        (0.95, [0.72612, 0.03748, 0.03806, 1]),
        (0.98, [0.27789, 0.01434, 0.01457, 0.45717]),
    ],
)
def test_densities_of_lenet_5_caffe(densities, sparsity, expected):
    # Shares are rounded to whole weights: within one weight of the real-valued density.
    found, one_weight = densities(erk, sparsity)
    assert all(abs(a - b) < unit + 1e-5 for a, b, unit in zip(found, expected, one_weight, strict=True))


def test_layers_of_equal_density_become_dense_together():
    counts = erk({"a": np.ones((2, 2)), "b": np.ones((2, 2)), "c": np.ones((40, 40))}, 200)
    assert counts == {"a": 4, "b": 4, "c": 192}


@given(st.lists(SHAPE, min_size=1, max_size=4), st.floats(0, 1))
def test_what_is_not_dense_keeps_in_proportion_to_the_sum_of_its_dimensions(shapes, portion):
    weights = {f"w{place}": np.ones(shape) for place, shape in enumerate(shapes)}
    sizes = {name: weight.size for name, weight in weights.items()}
    keep = round(portion * sum(sizes.values()))
    counts = erk(weights, keep)

    def total(scale):
        return sum(min(sizes[name], scale * sum(weight.shape)) for name, weight in weights.items())

    low, high = 0.0, float(max(sizes.values()))
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if total(middle) < keep else (low, middle)
    assert math.isclose(total(high), keep, abs_tol=1e-6)
    for name, weight in weights.items():
        assert abs(counts[name] - min(sizes[name], high * sum(weight.shape))) < 1 + 1e-6
