"""Exponential: the same fraction of the survivors at each step."""

from decimal import Decimal, localcontext
from functools import cache

from pruneproof.api import Schedule, Source
from pruneproof.schedules.arguments import check_arguments


def exponential(target: float, steps: int) -> list[float]:
    """Return 1 - (1 - target)^(i/steps) for i = 1 ... steps.

    Tanaka, Kunin, Yamins, Ganguli (2020), arXiv 2006.05467: the density after step i of n is ρ^(-i/n), ρ the
    compression ratio; SynFlow uses n = 100.

    >>> [round(sparsity, 4) for sparsity in exponential(0.9375, 4)]
    [0.5, 0.75, 0.875, 0.9375]
    >>> exponential(0.999, 3), exponential(0.99999999, 2)
    ([0.9, 0.99, 0.999], [0.9999, 0.99999999])

    Args:
        target: final sparsity in [0, 1).
        steps: number of steps, at least 1.

    Raises:
        BadConfig: an argument is out of range.
    """
    check_arguments("exponential", target, steps)
    return [_after(target, step, steps) for step in range(1, steps)] + [target]


@cache  # the cells of a run share their course, and fifty digits take their time
def _after(target: float, step: int, steps: int) -> float:
    """Return the sparsity after a step, computed in decimal where it is short or 1 - target is too coarse a float."""
    found: float = min(1.0 - (1.0 - target) ** (step / steps), target)
    with localcontext(prec=50):
        exact = 1 - (1 - Decimal(repr(target))) ** (Decimal(step) / steps)
        short = round(exact, 20)
        is_decimal = short != 0 and abs(exact - short) < Decimal("1e-40")
        return float(exact) if is_decimal or abs(exact - Decimal(found)) > Decimal("5e-16") else found


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
