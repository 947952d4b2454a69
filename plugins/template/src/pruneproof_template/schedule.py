"""A schedule: sparsity grows slowly, then fast, then slowly again."""

import math
from collections.abc import Iterable

from pruneproof.api import BadConfig, Schedule, Source, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_schedule(target: float, steps: int) -> list[float]:
    """Return target (1 - cos(pi i / steps)) / 2 for i = 1 ... steps, the last exactly `target`.

    >>> [round(each, 3) for each in template_schedule(0.8, 4)]
    [0.117, 0.4, 0.683, 0.8]

    Args:
        target: final sparsity in [0, 1).
        steps: number of pruning steps, at least 1. Keyword-only parameters after it would be options.

    Raises:
        BadConfig: an argument is out of range.
    """
    if not 0 <= target < 1 or steps < 1:
        raise BadConfig(f"target {target} in {steps} steps; a target in [0, 1) and at least 1 step were expected.")
    return [target * (1 - math.cos(math.pi * step / steps)) / 2 for step in range(1, steps)] + [target]


TEMPLATE_SCHEDULE = Schedule(
    id="template-schedule",
    sparsities=template_schedule,
    source=Source(authors="A. Reader", year=2026, title="An example"),
)


@hookimpl
def pruneproof_schedules() -> Iterable[Schedule]:
    """Register the schedule."""
    return [TEMPLATE_SCHEDULE]
