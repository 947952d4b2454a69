"""Uniform: the same fraction of every tensor."""

from collections.abc import Mapping
from math import prod
from typing import Any

from pruneproof.api import Allocation, Source, proportional


def uniform(weights: Mapping[str, Any], keep: int) -> dict[str, int]:
    """Keep the same fraction of every tensor: n_l · keep / N (Zhu & Gupta 2017).

    n_l is the size of tensor l and N that of all; rounded by largest remainder, ties in name order.

    >>> import numpy as np
    >>> uniform({"a": np.ones(3), "b": np.ones(7)}, 5)
    {'a': 2, 'b': 3}
    """
    return proportional({name: prod(weight.shape) for name, weight in weights.items()}, keep)


UNIFORM = Allocation(
    id="uniform",
    counts=uniform,
    source=Source(
        authors="Zhu, Gupta",
        year=2017,
        title="To prune, or not to prune: exploring the efficacy of pruning for model compression",
        arxiv="1710.01878",
    ),
)
