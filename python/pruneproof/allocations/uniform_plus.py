"""Uniform plus: uniform, but the first convolution is dense and the last layer keeps at least a fifth."""

from collections.abc import Mapping
from math import prod
from typing import Any

from pruneproof.api import Allocation, InfeasibleSelection, Source, UnknownName, proportional


def uniform_plus(
    weights: Mapping[str, Any],
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

    >>> import numpy as np
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
    sizes = {name: prod(weight.shape) for name, weight in weights.items()}
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


UNIFORM_PLUS = Allocation(
    id="uniform-plus",
    counts=uniform_plus,
    source=Source(
        authors="Gale, Elsen, Hooker",
        year=2019,
        title="The State of Sparsity in Deep Neural Networks",
        arxiv="1902.09574",
    ),
    expected_failures={"order-irrelevant": "the first and the last tensor are treated apart unless they are named"},
)
