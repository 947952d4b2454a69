"""Exponential: the same fraction of the survivors at each step."""

from pruneproof.api import Schedule, Source
from pruneproof.schedules.arguments import check_arguments


def exponential(target: float, steps: int) -> list[float]:
    """Return 1 - (1 - target)^(i/steps) for i = 1 ... steps.

    Tanaka, Kunin, Yamins, Ganguli (2020), arXiv 2006.05467: the density after step i of n is ρ^(-i/n), ρ the
    compression ratio; SynFlow uses n = 100.

    >>> [round(sparsity, 4) for sparsity in exponential(0.9375, 4)]
    [0.5, 0.75, 0.875, 0.9375]

    Args:
        target: final sparsity in [0, 1).
        steps: number of steps, at least 1.

    Raises:
        BadConfig: an argument is out of range.
    """
    check_arguments("exponential", target, steps)
    return [min(1.0 - (1.0 - target) ** (step / steps), target) for step in range(1, steps)] + [target]


EXPONENTIAL = Schedule(
    id="exponential",
    sparsities=exponential,
    source=Source(
        authors="Tanaka, Kunin, Yamins, Ganguli",
        year=2020,
        title="Pruning neural networks without any data by iteratively conserving synaptic flow",
        arxiv="2006.05467",
        equation="density ρ^(-i/n) after step i of n",
    ),
)
