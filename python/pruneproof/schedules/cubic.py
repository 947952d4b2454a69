"""Cubic: fast at first, while weights are plenty, and slow at the end."""

from pruneproof.api import BadConfig, Schedule, Source
from pruneproof.schedules.arguments import check_arguments


def cubic(target: float, steps: int, *, initial: float = 0.0) -> list[float]:
    """Return s_f + (s_i - s_f)(1 - i/n)³ for i = 1 ... n.

    Zhu & Gupta (2017), arXiv 1710.01878, with s_f the target, s_i the initial sparsity and n the steps. Their sequence
    begins with s_i itself, before the first step; this one begins after it.

    >>> cubic(0.875, 2), cubic(0.5, 2, initial=0.5)
    ([0.765625, 0.875], [0.5, 0.5])

    Args:
        target: final sparsity in [0, 1).
        steps: number of steps, at least 1.
        initial: sparsity before the first step, in [0, target].

    Raises:
        BadConfig: an argument is out of range.
    """
    check_arguments("cubic", target, steps)
    if not 0.0 <= initial <= target:
        raise BadConfig(f'schedule "cubic" got the initial sparsity {initial}: one in [0, {target}] was expected.')
    grown = [target + (initial - target) * (1.0 - step / steps) ** 3 for step in range(1, steps)]
    # Rounding can leave [initial, target] by one unit in the last place.
    return [min(max(sparsity, initial), target) for sparsity in grown] + [target]


CUBIC = Schedule(
    id="cubic",
    sparsities=cubic,
    source=Source(
        authors="Zhu, Gupta",
        year=2017,
        title="To prune, or not to prune: exploring the efficacy of pruning for model compression",
        arxiv="1710.01878",
        equation="the gradual sparsity function",
    ),
)
