import pytest

from pruneproof.allocations.uniform import uniform


def test_it_is_the_same_fraction_everywhere(densities):
    assert densities(uniform, 0.9)[0] == pytest.approx([0.1] * 4)
