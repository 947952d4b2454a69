"""ERK and ER: densities by the dimensions of each tensor."""

from collections.abc import Mapping
from math import prod
from typing import Any

from pruneproof.allocations.capped import capped
from pruneproof.api import Allocation, Source


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
    sums = {name: sum(weight.shape) or 1 for name, weight in weights.items()}  # () counts as (1,)
    return capped(sums, sizes, keep)


def er(weights: Mapping[str, Any], keep: int) -> dict[str, int]:
    """Keep the density min(1, ε · (n_out + n_in) / (n_out · n_in)) of every tensor, whatever the size of its kernel.

    Erdős-Rényi of Mocanu et al. (2018) as Evci et al. (2020) carry it over to convolutions: only the first two
    dimensions count. On linear layers it is ERK. ε as there.

    >>> import numpy as np
    >>> er({"a": np.ones((4, 4, 2, 2)), "b": np.ones((16, 16))}, 64)
    {'a': 32, 'b': 32}

    Args:
        weights: name -> weights, (outputs, inputs, kernel...).
        keep: survivors in all.
    """
    sizes = {name: prod(weight.shape) for name, weight in weights.items()}
    wanted = {name: (sum(weight.shape[:2]) or 1) * max(prod(weight.shape[2:]), 1) for name, weight in weights.items()}
    return capped(wanted, sizes, keep)


EVCI = Source(
    authors="Evci, Gale, Menick, Castro, Elsen",
    year=2020,
    title="Rigging the Lottery: Making All Tickets Winners",
    arxiv="1911.11134",
)
ERK = Allocation(id="erk", counts=erk, source=EVCI)
ER = Allocation(
    id="er",
    counts=er,
    source=Source(
        authors="Mocanu, Mocanu, Stone, Nguyen, Gibescu, Liotta",
        year=2018,
        title="Scalable Training of Artificial Neural Networks with Adaptive Sparse Connectivity inspired by Network "
        "Science",
        arxiv="1707.04780",
        equation="for convolutions as in arXiv 1911.11134",
    ),
)
