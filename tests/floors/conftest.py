import numpy as np
import pytest


@pytest.fixture(scope="session")
def toy():
    """A network of 20 weights whose every case can be worked out by hand."""
    return {
        "A": np.array([0.9, 0.8, 0.7, 0.6]),
        "B": np.array([0.5, 0.45, 0.4, 0.35, 0.3, 0.25]),
        "C": np.arange(10, 0, -1) / 100,
    }
