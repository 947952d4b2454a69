"""Iterative: a fixed fraction of the survivors per round, until the target is reached."""

import math
from decimal import Decimal, localcontext

from pruneproof.api import BadConfig, Schedule, Source
from pruneproof.schedules.arguments import check_arguments


def iterative(target: float, steps: int, *, rate: float = 0.2) -> list[float]:
    """Return 1 - (1 - rate)^i for i = 1 ... steps - 1, then the target.

    Frankle & Carbin (2019), arXiv 1803.03635: each round removes the same fraction of the weights that survived the
    last, 20 % by default. The last round removes what is left to remove, at most that fraction. Target and rate decide
    the number of rounds; `steps` must agree with it. (`exponential` fixes the number and lets the rate follow.)

    >>> [round(sparsity, 4) for sparsity in iterative(0.5, 4)]
    [0.2, 0.36, 0.488, 0.5]
    >>> iterative(0.99999, 5, rate=0.9)
    [0.9, 0.99, 0.999, 0.9999, 0.99999]

    Args:
        target: final sparsity in [0, 1).
        steps: number of rounds, as `rounds(target, rate)` gives it.
        rate: fraction of the survivors removed per round, in (0, 1).

    Raises:
        BadConfig: an argument is out of range, or `steps` is not the number of rounds.
    """
    check_arguments("iterative", target, steps)
    needed = rounds(target, rate)
    if steps != needed:
        raise BadConfig(
            f'schedule "iterative" got {steps} steps: at the rate {rate}, the sparsity {target} takes {needed}. '
            f"Set steps to {needed}, change the rate, or take the schedule exponential."
        )
    with localcontext(prec=50):
        left = 1 - Decimal(repr(rate))
        return [min(float(1 - left**step), target) for step in range(1, steps)] + [target]


def rounds(target: float, rate: float) -> int:
    """Return how many rounds of `rate` it takes to reach the sparsity `target`, at least 1.

    >>> rounds(0.5, 0.2), rounds(0.36, 0.2), rounds(0.0, 0.2)
    (4, 2, 1)

    Raises:
        BadConfig: `target` lies outside [0, 1) or `rate` outside (0, 1).
    """
    check_arguments("iterative", target, steps=1)
    if not 0.0 < rate < 1.0:
        raise BadConfig(
            f'schedule "iterative" got the rate {rate}: a fraction of the survivors in (0, 1) was expected.'
        )
    # 1e-9: a target that a whole number of rounds hits up to rounding needs no further round.
    return max(1, math.ceil(math.log1p(-target) / math.log1p(-rate) - 1e-9))


ITERATIVE = Schedule(
    id="iterative",
    sparsities=iterative,
    source=Source(
        authors="Frankle, Carbin",
        year=2019,
        title="The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks",
        arxiv="1803.03635",
    ),
)
