from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import Selection, select_masks
from pruneproof.counting.ceil_keep_one import ceil_keep_one


@given(st.integers(0, 2000), st.integers(0, 9999))
def test_the_next_whole_number_goes_but_never_the_last_unit(size, ten_thousandths):
    sparsity = ten_thousandths / 10_000
    removed = min(ceil(Fraction(ten_thousandths, 10_000) * size), size - 1) if size else 0
    assert ceil_keep_one(size, sparsity) == size - removed


@pytest.mark.parametrize(("sparsity", "kept"), [(0.0, [4, 10]), (0.3, [2, 7]), (0.31, [2, 6]), (0.99, [1, 1])])
def test_each_layer_counts_its_own_filters(sparsity, kept):
    scores = {"a": np.arange(12.0).reshape(4, 3), "b": np.arange(20.0).reshape(10, 2)}
    selection = Selection(structure="filter", scope="tensor", count="ceil-keep-one")
    masks = select_masks(scores, sparsity=sparsity, selection=selection)
    assert [masks.array(name).any(axis=1).sum() for name in scores] == kept
