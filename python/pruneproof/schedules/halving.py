"""Halving: each step goes half of the way that is left to the target."""

from pruneproof.api import BadConfig, Schedule, Source
from pruneproof.schedules.arguments import check_arguments


def halving(target: float, steps: int, *, start: float = 0.5) -> list[float]:
    """Return target - (target - start) / 2^i for i = 0 ... n - 2, then the target.

    The code of Rachwan et al. (2022), arXiv 2206.10451 (EarlyCroP): it begins at a half and has 102 steps for EarlyCroP
    and 5 for CroP-it.

    >>> halving(0.9375, 4), halving(0.25, 2)
    ([0.5, 0.71875, 0.828125, 0.9375], [0.25, 0.25])

    Args:
        target: final sparsity in [0, 1).
        steps: number of steps, at least 1.
        start: sparsity after the first step, where the target is not lower, in [0, 1).

    Raises:
        BadConfig: an argument is out of range.
    """
    check_arguments("halving", target, steps)
    if not 0.0 <= start < 1.0:
        raise BadConfig(f'schedule "halving" got start = {start}: a fraction in [0, 1) was expected.')
    first = min(start, target)
    return [min(target - (target - first) * 0.5**step, target) for step in range(steps - 1)] + [target]


HALVING = Schedule(
    id="halving",
    sparsities=halving,
    source=Source(
        authors="Rachwan, Zügner, Charpentier, Geisler, Ayle, Günnemann",
        year=2022,
        title="Winning the Lottery Ahead of Time: Efficient Early Network Pruning",
        arxiv="2206.10451",
        equation="the authors' code",
    ),
)
