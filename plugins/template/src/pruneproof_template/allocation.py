"""An allocation: every tensor keeps the same number of weights, small tensors all of theirs."""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

from pruneproof.api import Allocation, Source, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_allocation(weights: Mapping[str, Any], keep: int) -> dict[str, int]:
    """Return min(n_l, floor(what is left / tensors that are left)) for each tensor l of n_l weights, smallest first.

    What a small tensor cannot use goes to the larger ones, so that the counts add up to `keep`.

    >>> import numpy as np
    >>> template_allocation({"a": np.ones(2), "b": np.ones((5, 5)), "c": np.ones((9, 9))}, 20)
    {'a': 2, 'b': 9, 'c': 9}

    Args:
        weights: name -> weights, numpy or torch. With a structure, one score for each of its units.
        keep: the number to keep in all. Keyword-only parameters after it would be options.
    """
    sizes = {name: prod(weight.shape) for name, weight in weights.items()}
    counts: dict[str, int] = {}
    for name in sorted(sizes, key=lambda name: (sizes[name], name)):
        left, tensors = keep - sum(counts.values()), len(sizes) - len(counts)
        counts[name] = min(sizes[name], left // tensors)
    return counts


TEMPLATE_ALLOCATION = Allocation(
    id="template-allocation",
    counts=template_allocation,
    source=Source(authors="A. Reader", year=2026, title="An example"),
)


@hookimpl
def pruneproof_allocations() -> Iterable[Allocation]:
    """Register the allocation."""
    return [TEMPLATE_ALLOCATION]
