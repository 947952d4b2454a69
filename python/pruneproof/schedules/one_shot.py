"""One-shot: the whole target at once."""

from pruneproof.api import BadConfig, Schedule, Source
from pruneproof.schedules.arguments import check_arguments


def one_shot(target: float, steps: int) -> list[float]:
    """Return [target].

    >>> one_shot(0.9, 1)
    [0.9]

    Args:
        target: sparsity in [0, 1).
        steps: 1.

    Raises:
        BadConfig: `target` lies outside [0, 1), or `steps` is not 1.
    """
    check_arguments("one-shot", target, steps)
    if steps != 1:
        raise BadConfig(
            f'schedule "one-shot" got {steps} steps: it has exactly 1. Set steps to 1 or take another schedule.'
        )
    return [target]


ONE_SHOT = Schedule(
    id="one-shot",
    sparsities=one_shot,
    source=Source(
        authors="Lee, Ajanthan, Torr",
        year=2019,
        title="SNIP: Single-shot Network Pruning based on Connection Sensitivity",
        arxiv="1810.02340",
    ),
)
