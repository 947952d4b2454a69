"""Balanced: the same number of weights in every tensor."""

from collections.abc import Mapping
from math import prod
from typing import Any

from pruneproof.allocations.capped import capped
from pruneproof.api import Allocation, Source


def balanced(weights: Mapping[str, Any], keep: int) -> dict[str, int]:
    """Keep the same number of weights in every tensor: min(n_l, ε).

    A tensor that is too small for its share becomes dense, and the others share what it leaves. The opposite of
    uniform: the smaller a tensor, the denser it is. Named beside ER and ERK in the literature on random pruning (from
    memory, unverified); the rounding is ours.

    >>> import numpy as np
    >>> balanced({"a": np.ones(2), "b": np.ones(50), "c": np.ones(90)}, 20)
    {'a': 2, 'b': 9, 'c': 9}

    Args:
        weights: name -> weights; only their sizes matter.
        keep: survivors in all.
    """
    sizes = {name: prod(weight.shape) for name, weight in weights.items()}
    return capped(dict.fromkeys(sizes, 1), sizes, keep)


BALANCED = Allocation(
    id="balanced",
    counts=balanced,
    source=Source(
        authors="Liu, Chen, Chen, Shen, Mocanu, Wang, Pechenizkiy",
        year=2022,
        title="The Unreasonable Effectiveness of Random Pruning: Return of the Most Naive Baseline for Sparse Training",
        arxiv="2202.02643",
    ),
)
