"""Global MP's released Minimum Threshold: layer sparsities are rescaled until the total is met."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pruneproof.api import Floor, InfeasibleSelection, Source, drop_count
from pruneproof.floors.share_of_all import percent_of

MOST_RESCALINGS = 100_000
"""After so many the loop counts as endless, should it go round in circles by rounding."""


def released(
    scores: Mapping[str, NDArray[Any]],
    sparsity: float,
    *,
    least: int = 0,
    percent: float | None = None,
) -> dict[str, int]:
    """Return how many weights of each tensor Global MP's released script keeps, odd counts included.

    Three stages. (1) Every score >= the k-th smallest of all, k = max(1, int(κ N)), survives, which gives each tensor a
    sparsity s_l, logged in percent. (2) s_l = 0 where the tensor is smaller than the floor, then s ← s · κ / total;
    tensors that would keep fewer than the floor are set to 1 - floor / n_l, and both steps repeat until the total
    reaches κ. A tensor whose sparsity is 0 can never be scaled, so it stays dense. (3) Each tensor keeps its scores >=
    its k-th smallest, k = max(1, int(s_l · n_l)).

    The count is therefore not exact: a tensor loses k - 1 weights. Tensors of exactly the floor's size are neither
    zeroed nor clamped. Every step rounds as the script's does, for one rounding decides whether its loop ends.
    Deviations: tensors come by name; where the total cannot reach κ the script never stops, and this is refused as soon
    as a rescaling changes nothing; a k beyond the tensor's size is cut to it where torch would raise; the uninitialised
    scalar of stage 1 is left out.

    >>> released({"a": np.arange(8.0), "b": np.arange(5.5, 16.0)}, 0.5, least=4)
    {'a': 5, 'b': 7}

    Args:
        scores: name -> flat scores (the paper: magnitudes), without the tensors that hold none.
        sparsity: κ in [0, 1).
        least: minimum survivors of each tensor.
        percent: the same in percent of all weights, of which the script counts one more; replaces `least`.

    Raises:
        InfeasibleSelection: the loop does not terminate.
        BadConfig: a sparsity or percentage out of range.
    """
    drop_count(1, sparsity)  # refuses a sparsity out of range
    # By name: in another order the totals, which are sums of fractions, may round to the other side of the target.
    filled = {name: scores[name] for name in sorted(scores) if scores[name].size}
    if not filled:
        return dict.fromkeys(scores, 0)
    sizes = np.array([array.size for array in filled.values()], dtype=np.float64)
    floor = least if percent is None else _count_of(int(sizes.sum()) + 1, percent)
    pool = np.concatenate(list(filled.values()))
    lowest = _kth(pool, max(1, int(sparsity * pool.size)))
    # Through percent, as the script's log has them: by another rounding its loop may never reach the target.
    start = np.array([100 * int(np.count_nonzero(array < lowest)) / array.size / 100 for array in filled.values()])
    final, _ = rescale(start, sizes, sparsity, floor)
    quotas = np.clip((final * sizes).astype(np.int64), 1, sizes.astype(np.int64))
    kept = {
        name: int(np.count_nonzero(array >= _kth(array, int(k))))
        for (name, array), k in zip(filled.items(), quotas, strict=True)
    }
    return {name: kept.get(name, 0) for name in scores}


def _count_of(size: int, percent: float) -> int:
    """Return int(percent% of `size`), the product taken in floating point as in the script."""
    percent_of(size, percent)  # refuses a percentage out of range
    return int(size * percent / 100)


def _kth(scores: NDArray[Any], k: int) -> Any:
    """Return the k-th smallest score, k counted from 1."""
    return np.partition(scores, k - 1)[k - 1]


def rescale(
    start: NDArray[np.float64], sizes: NDArray[np.float64], sparsity: float, floor: int
) -> tuple[NDArray[np.float64], int]:
    """Return the sparsities that stage 2 of the released script ends with, and how many rescalings that took."""

    def total(sparsities: NDArray[np.float64]) -> float:
        return float((sizes * sparsities).sum() / sizes.sum())

    def clamp(sparsities: NDArray[np.float64]) -> NDArray[np.float64]:
        below = ((1.0 - sparsities) * sizes < floor) & (sizes > floor)
        return np.where(below, 1.0 - floor / sizes, sparsities)

    sparsities = np.where(sizes < floor, 0.0, start)
    if sparsity == 0.0:
        return sparsities, 0
    if not sparsities.any():
        raise _endless(sparsities, sparsity, 0.0, 0)
    sparsities = sparsities / total(sparsities) * sparsity
    if not np.any((1.0 - sparsities) * sizes < floor):
        return sparsities, 0
    sparsities = clamp(sparsities)
    for done in range(MOST_RESCALINGS):
        reached = total(sparsities)
        if reached >= sparsity:
            return sparsities, done
        scaled = clamp(sparsities / reached * sparsity)
        if np.array_equal(scaled, sparsities):
            raise _endless(sparsities, sparsity, reached, done)
        sparsities = scaled
    raise _endless(sparsities, sparsity, total(sparsities), MOST_RESCALINGS)


def _endless(sparsities: NDArray[np.float64], sparsity: float, reached: float, done: int) -> InfeasibleSelection:
    return InfeasibleSelection(
        f"the released re-allocation of Global MP does not terminate here: after {done} rescalings the sparsity stays "
        f"at {reached:.6g} and {sparsity:.6g} was asked for; {int((sparsities == 0).sum())} tensors have sparsity 0, "
        'which cannot be scaled. Use the floor "share-of-all", a lower floor or a lower sparsity.'
    )


GLOBAL_MP_RELEASED = Floor(
    id="global-mp-released",
    least=released,
    source=Source(
        "Gupta, Camci, Keneta, Vaidyanathan, Kanodia, Foo, Min, Jie",
        2022,
        "Is Complexity Required for Neural Network Pruning? A Case Study on Global Magnitude Pruning",
        "2209.14624",
        "code: GlobalMP, prune.py",
    ),
    about="Layer sparsities are rescaled until the floors and the total are met; the count is not exact.",
    final=True,
)
