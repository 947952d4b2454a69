"""ERK: densities by the sum of the dimensions of each tensor."""

from collections.abc import Mapping
from fractions import Fraction
from math import prod
from typing import Any

from pruneproof.api import Allocation, Source, largest_remainder


def erk(weights: Mapping[str, Any], keep: int) -> dict[str, int]:
    """Keep a number of weights proportional to the sum of the tensor's dimensions: min(n_l, ε · Σ dims_l).

    Erdős-Rényi-Kernel of Evci et al. (2020). ε solves for the budget; when the densest tensor would exceed density 1 it
    becomes dense (all of equal density together) and ε is solved again for the others.

    >>> import numpy as np
    >>> erk({"a": np.ones((4, 4)), "b": np.ones((16, 16))}, 60)
    {'a': 12, 'b': 48}
    >>> erk({"a": np.ones((4, 4)), "b": np.ones((16, 16))}, 100)
    {'a': 16, 'b': 84}
    """
    sizes = {name: prod(weight.shape) for name, weight in weights.items()}
    dims = {name: sum(weight.shape) or 1 for name, weight in weights.items() if sizes[name]}  # () counts as (1,)
    shares = {name: Fraction(0) for name in sizes}
    budget = keep
    while dims:
        epsilon = Fraction(budget, sum(dims.values()))
        steepest = max(Fraction(dims[name], sizes[name]) for name in dims)
        if epsilon * steepest <= 1:
            shares |= {name: epsilon * side for name, side in dims.items()}
            break
        for name in [name for name in dims if Fraction(dims[name], sizes[name]) == steepest]:
            shares[name] = Fraction(sizes[name])
            budget -= sizes[name]
            del dims[name]
    return largest_remainder(shares, keep)


ERK = Allocation(
    id="erk",
    counts=erk,
    source=Source(
        authors="Evci, Gale, Menick, Castro, Elsen",
        year=2020,
        title="Rigging the Lottery: Making All Tickets Winners",
        arxiv="1911.11134",
    ),
)
