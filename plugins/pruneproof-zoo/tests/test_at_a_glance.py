"""Pruning at a Glance needs nothing new: magnitude over filters, by the mean, in one scope."""

import torch

from pruneproof.api import select


def test_filters_of_other_sizes_and_equal_weights_tie_by_the_mean_and_do_not_by_the_sum():
    # 4 and 400 weights of 0.1 each
    weights = {"a": torch.full((2, 4), 0.1), "b": torch.full((2, 400), 0.1)}
    weights["a"][1] += 0.01
    weights["b"][1] -= 0.01
    by_mean = select(weights, structure="filter", reduce="mean", keep=3)
    assert [by_mean["b"][row].any().item() for row in range(2)] == [True, False]
    by_sum = select(weights, structure="filter", reduce="l1", keep=2)
    assert not by_sum["a"].any()
