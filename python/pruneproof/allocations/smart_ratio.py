"""Smart ratio: densities that fall with depth, the same whatever the data."""

from collections.abc import Mapping
from fractions import Fraction
from math import prod
from typing import Any

from pruneproof.api import Allocation, BadConfig, InfeasibleSelection, Source, largest_remainder


def smart_ratio(
    weights: Mapping[str, Any],
    keep: int,
    *,
    linear_density: float = 0.3,
    linear_apart: bool = True,
    by_square: bool = False,
) -> dict[str, int]:
    """Keep densities in proportion to (L - l + 1)² + (L - l + 1) for tensor l of L, linear layers a fixed share.

    Su et al. (2020), arXiv 2009.11094, and their code: the densities of convolutions are scaled so that the budget is
    met; what exceeds a tensor goes to the next ones. Linear layers count as positions and keep `linear_density`. A
    random mask with these counts is their random ticket; the largest weights of a trained network within them are their
    hybrid ticket.

    Deviation: their code rounds each tensor down, and loses what exceeds the last one. Here the total is exact, by
    largest remainder, and what exceeds the last tensor goes to the first ones with room.

    >>> import numpy as np
    >>> weights = {"a": np.ones((10, 1, 3, 3)), "b": np.ones((10, 10, 3, 3)), "fc": np.ones((10, 10))}
    >>> smart_ratio(weights, 330)  # 12 : 6, and 30 of 100
    {'a': 50, 'b': 250, 'fc': 30}
    >>> smart_ratio({"a": np.ones((2, 1, 1, 1)), "b": np.ones((8, 1, 1, 1))}, 5)  # 6 : 2 overflows the first
    {'a': 2, 'b': 3}

    Args:
        weights: name -> weights in the order of the network; those of two dimensions or fewer are linear layers.
        keep: survivors in all.
        linear_density: share of each linear layer, in [0, 1].
        linear_apart: whether linear layers have that share; otherwise the rule holds for them too, which is ours, for
            networks without convolutions.
        by_square: whether densities are divided by l² besides, as the authors do for VGG.

    Raises:
        BadConfig: a density outside [0, 1].
        InfeasibleSelection: linear layers alone exceed the budget, or all else together falls short of it.
    """
    if not 0 <= linear_density <= 1:
        raise BadConfig(f'scope "smart-ratio" has linear_density = {linear_density}; a number in [0, 1] was expected.')
    sizes = {name: prod(weight.shape) for name, weight in weights.items()}
    apart = [name for name, weight in weights.items() if linear_apart and len(weight.shape) <= 2]
    shares = {name: Fraction(round(linear_density * sizes[name])) for name in apart}
    budget = keep - sum(shares.values())
    room = sum(size for name, size in sizes.items() if name not in apart)
    if not 0 <= budget <= room:
        raise InfeasibleSelection(
            f'scope "smart-ratio" cannot keep {keep} of {sum(sizes.values())} weights: linear layers keep '
            f"{sum(shares.values())}, which leaves {budget} for the {room} others. Change the sparsity or "
            "linear_density, or set linear_apart to false."
        )
    amounts = {
        name: sizes[name] * _density(place, len(sizes), by_square=by_square)
        for place, name in enumerate(sizes, start=1)
        if name not in apart
    }
    total = sum(amounts.values())
    carried = Fraction(0)
    for name, amount in amounts.items():
        asked = carried + (amount * budget / total if total else 0)
        shares[name] = min(asked, Fraction(sizes[name]))
        carried = asked - shares[name]
    for name in amounts:
        added = min(carried, sizes[name] - shares[name])
        shares[name] += added
        carried -= added
    return largest_remainder({name: shares[name] for name in weights}, keep)


def _density(place: int, layers: int, *, by_square: bool) -> Fraction:
    ahead = layers - place + 1
    return Fraction(ahead**2 + ahead, place**2 if by_square else 1)


def _example(weights: Mapping[str, Any], keep: int) -> Mapping[str, Any]:
    return {"linear_apart": False}


SMART_RATIO = Allocation(
    id="smart-ratio",
    counts=smart_ratio,
    example=_example,
    source=Source(
        authors="Su, Chen, Cai, Wu, Gao, Wang, Lee",
        year=2020,
        title="Sanity-Checking Pruning Methods: Random Tickets can Win the Jackpot",
        arxiv="2009.11094",
        equation="smart ratio",
    ),
    expected_failures={"order-irrelevant": "densities fall with a tensor's depth, which is its place in the order"},
)
