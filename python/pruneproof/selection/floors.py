"""Minimum survivors of each tensor: feasibility, floors under an allocation, and Global MP's released loop.

Global MP (Gupta et al. 2022, arXiv 2209.14624) calls the floor Minimum Threshold: in every tensor the `floor` largest
weights survive, and a tensor with fewer is kept whole.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pruneproof.errors import InfeasibleSelection
from pruneproof.selection.presets import at_least_kth, global_mp_released
from pruneproof.selection.rounding import proportional


def limit_floors(floor: int, available: Mapping[str, int], keep: int, size: int) -> dict[str, int]:
    """Return min(`floor`, available) of each tensor, once it is sure that together they fit into `keep`.

    >>> limit_floors(2, {"a": 4, "b": 1}, keep=3, size=5)
    {'a': 2, 'b': 1}

    Args:
        floor: minimum survivors of each tensor.
        available: name -> weights that can survive.
        keep: survivors in all.
        size: prunable weights in all, for the message.

    Raises:
        InfeasibleSelection: the floors exceed `keep`; the message gives the sparsity and the floor that would do.
    """
    floors = {name: min(floor, most) for name, most in available.items()}
    needed = sum(floors.values())
    if needed <= keep:
        return floors
    feasible = floor
    while sum(min(feasible, most) for most in available.values()) > keep:
        feasible -= 1
    listed = ", ".join(f'"{name}" {least}' for name, least in list(floors.items())[:6])
    more = f" and {len(floors) - 6} more" if len(floors) > 6 else ""
    raise InfeasibleSelection(
        f"a floor of {floor} protects {needed} weights ({listed}{more}) but only {keep} of {size} may be kept. "
        f"Lower the sparsity to at most {(size - needed) / size:.6g}, or the floor to at most {feasible}."
    )


def fit(
    counts: Mapping[str, int], floors: Mapping[str, int], available: Mapping[str, int], keep: int
) -> dict[str, int]:
    """Move an allocation between the floors and what is available, and keep its total.

    Counts outside the bounds go to the nearest bound. What that takes too much (too little) is given back by (to) all
    tensors in proportion to their distance from the floor (from what is available), by largest remainder.

    >>> fit({"a": 0, "b": 6, "c": 3}, {"a": 2, "b": 2, "c": 2}, {"a": 9, "b": 9, "c": 9}, keep=9)
    {'a': 2, 'b': 4, 'c': 3}
    """
    inside = {name: min(max(count, floors[name]), available[name]) for name, count in counts.items()}
    surplus = sum(inside.values()) - keep
    if surplus >= 0:
        cuts = proportional({name: count - floors[name] for name, count in inside.items()}, surplus)
        return {name: count - cuts[name] for name, count in inside.items()}
    gains = proportional({name: available[name] - count for name, count in inside.items()}, -surplus)
    return {name: count + gains[name] for name, count in inside.items()}


def released_masks(
    scores: Mapping[str, NDArray[Any]], sparsity: float, floor: int, *, passes: int = 10_000
) -> dict[str, NDArray[np.bool_]]:
    """Return the masks of Global MP's released Minimum Threshold script, odd counts included.

    Three stages. (1) The preset `global-mp-released` gives each tensor a sparsity s_l. (2) s_l = 0 where the tensor is
    smaller than the floor, then s ← s · κ / total; tensors that would keep fewer than the floor are set to
    1 - floor / n_l, and both steps repeat until the total reaches κ. A tensor whose sparsity is 0 can never be scaled,
    so it stays dense. (3) Each tensor keeps its scores >= its k-th smallest, k = max(1, int(s_l · n_l)).

    The count is therefore not exact: a tensor loses k - 1 weights. Tensors of exactly `floor` weights are neither
    zeroed nor clamped. Deviations: the script never stops where the total cannot reach κ, here it stops after `passes`;
    a k beyond the tensor's size is cut to it where torch would raise; the stray scalar of stage 1 is left out.

    Args:
        scores: name -> flat scores (the paper: magnitudes).
        sparsity: κ in [0, 1).
        floor: minimum survivors of each tensor.
        passes: rescalings after which to give up.

    Raises:
        InfeasibleSelection: the loop does not terminate.
    """
    scores = {name: array for name, array in scores.items() if array.size}
    names = list(scores)
    sizes = np.array([scores[name].size for name in names], dtype=np.float64)
    kept = global_mp_released(scores, sparsity)
    start = np.array([1.0 - kept[name].mean() for name in names])
    final, _ = rescale(start, sizes, sparsity, floor, passes)
    quotas = np.clip((final * sizes).astype(np.int64), 1, sizes.astype(np.int64))
    return {name: at_least_kth(scores[name], scores[name], int(k)) for name, k in zip(names, quotas, strict=True)}


def rescale(
    start: NDArray[np.float64], sizes: NDArray[np.float64], sparsity: float, floor: int, passes: int
) -> tuple[NDArray[np.float64], int]:
    """Return the sparsities that stage 2 of the released script ends with, and how many rescalings that took."""

    def total(sparsities: NDArray[np.float64]) -> float:
        return float((sizes * sparsities).sum() / sizes.sum())

    def clamp(sparsities: NDArray[np.float64]) -> NDArray[np.float64]:
        below = ((1.0 - sparsities) * sizes < floor) & (sizes > floor)
        return np.where(below, 1.0 - floor / sizes, sparsities)

    sparsities = np.where(sizes < floor, 0.0, start)
    if sparsity == 0.0 or not sparsities.any():
        return _stuck(sparsities, sparsity, total(sparsities), 0)
    sparsities = sparsities / total(sparsities) * sparsity
    if not np.any((1.0 - sparsities) * sizes < floor):
        return sparsities, 0
    sparsities = clamp(sparsities)
    for done in range(passes):
        reached = total(sparsities)
        if reached >= sparsity:
            return sparsities, done
        sparsities = clamp(sparsities / reached * sparsity)
    return _stuck(sparsities, sparsity, total(sparsities), passes)


def _stuck(
    sparsities: NDArray[np.float64], sparsity: float, reached: float, passes: int
) -> tuple[NDArray[np.float64], int]:
    if reached >= sparsity:
        return sparsities, passes
    raise InfeasibleSelection(
        f"the released re-allocation of Global MP does not terminate here: after {passes} rescalings the sparsity is "
        f"{reached:.6g} and {sparsity:.6g} was asked for; {int((sparsities == 0).sum())} tensors have sparsity 0, "
        'which cannot be scaled. Use floor_mode = "protect", a lower floor or a lower sparsity.'
    )
