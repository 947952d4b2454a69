import numpy as np
import pytest

from pruneproof.allocations.given import given
from pruneproof.api import BadConfig, Selection, UnknownName, select_masks

WEIGHTS = {"a": np.arange(1.0, 5.0), "b": np.arange(1.0, 7.0)}


def test_each_tensor_keeps_what_was_written():
    selection = Selection(scope={"id": "given", "counts": {"a": 1, "b": 4}})
    masks = select_masks(WEIGHTS, keep=5, selection=selection)
    assert masks.array("a").tolist() == [False, False, False, True]
    assert masks.array("b").tolist() == [False, False, True, True, True, True]


def test_a_total_that_is_not_the_sparsitys_says_which_sparsity_would_be():
    with pytest.raises(BadConfig, match=r"add up to 5, but the sparsity keeps 6 of 10 weights.*0\.500000"):
        given(WEIGHTS, 6, counts={"a": 1, "b": 4})


@pytest.mark.parametrize("counts", [{"a": 5, "b": 0}, {"a": -1, "b": 6}, {"a": 1.0, "b": 4}, {"b": 5}, None])
def test_a_count_that_a_tensor_cannot_have_is_refused(counts):
    with pytest.raises(BadConfig, match='for "a"; a whole number from 0 to 4 was expected'):
        given(WEIGHTS, 5, counts=counts)


def test_a_count_for_an_absent_tensor_names_the_nearest():
    with pytest.raises(UnknownName, match='Nearest: "a"'):
        given(WEIGHTS, 5, counts={"aa": 1, "b": 4})
