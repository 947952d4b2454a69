from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import BadConfig, Selection, select_masks
from pruneproof.floors.share_of_all import percent_of, share_of_all


@given(st.integers(0, 10**8), st.integers(0, 9999))
def test_the_product_is_taken_in_decimal(size, hundredths):
    assert percent_of(size, hundredths / 100) == size * Fraction(hundredths, 10_000) // 1


def test_every_tensor_gets_the_share_of_all(toy):
    assert share_of_all({"a": 900, "b": 100}, percent=0.5) == {"a": 5, "b": 5}
    masks = select_masks(toy, sparsity=0.6, selection=Selection(floor={"id": "share-of-all", "percent": 10}))
    assert [masks.count(name) for name in toy] == [4, 2, 2]


@pytest.mark.parametrize("percent", [-0.1, 100.0, float("nan")])
def test_a_percentage_out_of_range_is_refused(percent):
    with pytest.raises(BadConfig, match=r"% of all weights is out of range"):
        share_of_all({"a": 9}, percent=percent)
