"""Front-loaded: rounds that remove much at first and less and less later."""

from fractions import Fraction

from pruneproof.api import Schedule, Source
from pruneproof.schedules.arguments import check_arguments


def front_loaded(target: float, steps: int) -> list[float]:
    """Return 1 - n(1 - p) / (i p + n(1 - p)) for i = 1 ... n, p the target and n the steps.

    The release of Lubana & Dick (2021), arXiv 2009.11839: round i removes the share p / (i p + n(1 - p)) of what is
    left.

    >>> [round(sparsity, 3) for sparsity in front_loaded(0.75, 5)]
    [0.375, 0.545, 0.643, 0.706, 0.75]

    Args:
        target: p in [0, 1).
        steps: number of rounds, at least 1.

    Raises:
        BadConfig: an argument is out of range.
    """
    check_arguments("front-loaded", target, steps)
    removed = Fraction(repr(target))  # exactly what is written, so that counts are those of exact arithmetic
    left = [steps * (1 - removed) / (step * removed + steps * (1 - removed)) for step in range(1, steps)]
    return [float(1 - each) for each in left] + [target]


FRONT_LOADED = Schedule(
    id="front-loaded",
    sparsities=front_loaded,
    source=Source(
        authors="Lubana, Dick",
        year=2021,
        title="A Gradient Flow Framework For Analyzing Network Pruning",
        arxiv="2009.11839",
        equation="code: main.py",
    ),
)
