import numpy as np
import pytest

from pruneproof.api import keep_count


@pytest.fixture(scope="session")
def lenet():
    """LeNet-5-Caffe: 430,500 weights in four tensors."""
    return {
        "conv1.weight": np.ones((20, 1, 5, 5)),
        "conv2.weight": np.ones((50, 20, 5, 5)),
        "fc1.weight": np.ones((500, 800)),
        "fc2.weight": np.ones((10, 500)),
    }


@pytest.fixture(scope="session")
def densities(lenet):
    """Return the densities that a rule gives LeNet-5-Caffe at a sparsity, and what one weight counts in each tensor."""

    def of(rule, sparsity):
        counts = rule(lenet, keep_count(430_500, sparsity))
        return [counts[name] / weight.size for name, weight in lenet.items()], [
            1 / each.size for each in lenet.values()
        ]

    return of
