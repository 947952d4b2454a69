"""Linear: the same number of weights at each step."""

from pruneproof.api import Schedule, Source
from pruneproof.schedules.arguments import check_arguments


def linear(target: float, steps: int) -> list[float]:
    """Return target · i/steps for i = 1 ... steps.

    >>> linear(0.5, 4)
    [0.125, 0.25, 0.375, 0.5]

    Args:
        target: final sparsity in [0, 1).
        steps: number of steps, at least 1.

    Raises:
        BadConfig: an argument is out of range.
    """
    check_arguments("linear", target, steps)
    return [min(target * step / steps, target) for step in range(1, steps)] + [target]


LINEAR = Schedule(
    id="linear",
    sparsities=linear,
    source=Source(
        authors="Tanaka, Kunin, Yamins, Ganguli",
        year=2020,
        title="Pruning neural networks without any data by iteratively conserving synaptic flow",
        arxiv="2006.05467",
        equation="the alternative schedule of the authors' code",
    ),
)
