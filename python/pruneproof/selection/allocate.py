"""How one budget is split over the tensors: uniform, uniform-plus, ERK, LAMP."""

from collections.abc import Mapping
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pruneproof import _engine
from pruneproof.api import Allocation, Source
from pruneproof.errors import InfeasibleSelection, UnknownName
from pruneproof.selection.arrays import Tensor, flatten
from pruneproof.selection.given import GIVEN
from pruneproof.selection.rounding import largest_remainder, proportional


def uniform(weights: Mapping[str, Tensor], keep: int) -> dict[str, int]:
    """Keep the same fraction of every tensor: n_l · keep / N (Zhu & Gupta 2017).

    n_l is the size of tensor l and N that of all; rounded by largest remainder, ties in name order.

    >>> uniform({"a": np.ones(3), "b": np.ones(7)}, 5)
    {'a': 2, 'b': 3}
    """
    return proportional(_sizes(weights), keep)


def uniform_plus(
    weights: Mapping[str, Tensor],
    keep: int,
    *,
    first: str | None = None,
    last: str | None = None,
    last_density: float = 0.2,
) -> dict[str, int]:
    """Keep the first tensor whole if it is a convolution, and at least a fifth of the last one.

    The heuristic of Gale, Elsen & Hooker (2019) as the LAMP code reads it: the other tensors keep one common fraction.
    If that leaves the last fewer than round(last_density · n_last), exactly so many are kept there and the others share
    the rest.

    >>> uniform_plus({"conv": np.ones((2, 1, 1, 1)), "fc": np.ones((10, 2)), "head": np.ones((2, 5))}, 8)
    {'conv': 2, 'fc': 4, 'head': 2}

    Args:
        weights: name -> weights.
        keep: survivors in all.
        first: name of the first tensor; the first of `weights` when None. Dense if it has three or more dimensions.
        last: name of the last tensor; the last of `weights` when None.
        last_density: least fraction of the last tensor, in [0, 1].

    Raises:
        UnknownName: `first` or `last` is not among `weights`.
        InfeasibleSelection: the first and last tensor alone exceed `keep`.
    """
    sizes = _sizes(weights)
    names = list(sizes)
    first, last = first or names[0], last or names[-1]
    for name in (first, last):
        if name not in sizes:
            raise UnknownName.among("tensor", name, sizes, where="allocation uniform-plus")
    fixed = {first: sizes[first]} if len(weights[first].shape) >= 3 else {}
    counts = _rest_proportional(sizes, fixed, keep)
    least = round(last_density * sizes[last])
    if last not in fixed and counts[last] < least:
        counts = _rest_proportional(sizes, {**fixed, last: least}, keep)
    return counts


def erk(weights: Mapping[str, Tensor], keep: int) -> dict[str, int]:
    """Keep a number of weights proportional to the sum of the tensor's dimensions: min(n_l, ε · Σ dims_l).

    Erdős-Rényi-Kernel of Evci et al. (2020). ε solves for the budget; when the densest tensor would exceed density 1 it
    becomes dense (all of equal density together) and ε is solved again for the others.

    >>> erk({"a": np.ones((4, 4)), "b": np.ones((16, 16))}, 60)
    {'a': 12, 'b': 48}
    >>> erk({"a": np.ones((4, 4)), "b": np.ones((16, 16))}, 100)
    {'a': 16, 'b': 84}
    """
    sizes = _sizes(weights)
    dims = {name: sum(weight.shape) for name, weight in weights.items() if sizes[name]}
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


def lamp(weights: Mapping[str, Tensor], keep: int) -> dict[str, int]:
    """Keep, in each tensor, as many weights as it has among the `keep` largest LAMP scores of all.

    Lee, Park, Mo, Ahn & Shin (2021). The score of w_u is w_u² / Σ w_v² over the v of its tensor that rank at or above u
    by magnitude. Weights of equal magnitude rank one after the other, so they score differently; which of them comes
    first does not change the counts. The best weight of a tensor scores exactly 1; ties between tensors
    break by name. A tensor of zeros scores 0. Computed in float64.

    >>> lamp({"a": np.array([0.9, 0.8, 0.7, 0.6]), "b": np.array([0.2, 0.1])}, 3)
    {'a': 2, 'b': 1}
    """
    scores = {name: lamp_scores(array) for name, array in flatten(weights).numbers().items()}
    _, counts, _ = _engine.select(scores, keep, dtype="float64")
    return dict(zip(scores, counts.tolist(), strict=True))


def lamp_scores(weights: NDArray[Any]) -> NDArray[np.float64]:
    """Return the LAMP scores of one flat tensor, in the order of its weights.

    >>> lamp_scores(np.array([0.9, -0.8, 0.7, 0.6])).round(4).tolist()
    [1.0, 0.4414, 0.2526, 0.1565]
    """
    squares: NDArray[np.float64] = np.square(weights, dtype=np.float64)
    descending = np.argsort(-squares, kind="stable")
    at_or_above = np.cumsum(squares[descending])
    scores: NDArray[np.float64] = np.zeros_like(squares)
    scores[descending] = squares[descending] / np.where(at_or_above > 0, at_or_above, 1.0)
    return scores


def _sizes(weights: Mapping[str, Tensor]) -> dict[str, int]:
    return {name: prod(weight.shape) for name, weight in weights.items()}


def _rest_proportional(sizes: Mapping[str, int], fixed: Mapping[str, int], keep: int) -> dict[str, int]:
    """Give `fixed` what it asks for and split the rest of `keep` over the other tensors by size."""
    others = {name: size for name, size in sizes.items() if name not in fixed}
    left = keep - sum(fixed.values())
    listed = ", ".join(f'{count} of "{name}"' for name, count in fixed.items())
    if not 0 <= left <= sum(others.values()):
        raise InfeasibleSelection(
            f"uniform-plus cannot keep {keep} of {sum(sizes.values())} weights: it keeps "
            f"{listed}, which leaves {left} for the "
            f"{sum(others.values())} weights of the other tensors. Lower the sparsity or choose another scope."
        )
    shared = proportional(others, left)
    return {name: fixed[name] if name in fixed else shared[name] for name in sizes}


ALLOCATIONS: tuple[Allocation, ...] = (
    Allocation(
        id="uniform",
        counts=uniform,
        source=Source(
            authors="Zhu, Gupta",
            year=2017,
            title="To prune, or not to prune: exploring the efficacy of pruning for model compression",
            arxiv="1710.01878",
        ),
    ),
    Allocation(
        id="uniform-plus",
        counts=uniform_plus,
        source=Source(
            authors="Gale, Elsen, Hooker",
            year=2019,
            title="The State of Sparsity in Deep Neural Networks",
            arxiv="1902.09574",
        ),
        expected_failures={"order-irrelevant": "the first and the last tensor are treated apart unless they are named"},
    ),
    Allocation(
        id="erk",
        counts=erk,
        source=Source(
            authors="Evci, Gale, Menick, Castro, Elsen",
            year=2020,
            title="Rigging the Lottery: Making All Tickets Winners",
            arxiv="1911.11134",
        ),
    ),
    Allocation(
        id="lamp",
        counts=lamp,
        source=Source(
            authors="Lee, Park, Mo, Ahn, Shin",
            year=2021,
            title="Layer-adaptive sparsity for the Magnitude-based Pruning",
            arxiv="2010.07611",
        ),
    ),
    GIVEN,
)
"""The built-in allocations."""
