from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import BadConfig, Selection, select_masks
from pruneproof.floors.share_of_tensor import share_of_tensor


@given(st.lists(st.integers(0, 10**6), max_size=4), st.integers(0, 999), st.integers(0, 3))
def test_each_tensor_keeps_a_share_of_its_own(sizes, thousandths, plus):
    named = {str(place): size for place, size in enumerate(sizes)}
    expected = {name: size * Fraction(thousandths, 1000) // 1 + plus for name, size in named.items()}
    assert share_of_tensor(named, share=thousandths / 1000, plus=plus) == expected


def test_of_filters_it_is_a_share_of_filters():
    # As Lubana and Dick (2021) protect a twentieth of each layer's filters and one more.
    scores = {"a": np.full((40, 2), 9.0) + np.arange(40.0)[:, None], "b": np.arange(80.0).reshape(20, 4) / 100}
    floor = {"id": "share-of-tensor", "share": 0.05, "plus": 1}
    masks = select_masks(scores, sparsity=0.5, selection=Selection(structure="filter", floor=floor))
    assert [int(masks.array(name).all(axis=1).sum()) for name in scores] == [28, 2]
    assert masks.array("b")[-2:].all()


@pytest.mark.parametrize(("share", "plus"), [(1.0, 0), (-0.1, 0), (0.5, -1), (float("nan"), 0)])
def test_a_share_out_of_range_is_refused(share, plus):
    with pytest.raises(BadConfig, match="is out of range: a share in"):
        share_of_tensor({"a": 9}, share=share, plus=plus)
