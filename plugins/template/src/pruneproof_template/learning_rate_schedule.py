"""A learning-rate schedule: a power of what is left of the training."""

from collections.abc import Iterable

from pruneproof.api import LRSchedule, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_learning_rate_schedule(progress: float, epochs: float, *, power: float = 2.0) -> float:
    """Return (1 - progress / epochs)^power, the factor on the recipe's learning rate.

    >>> [template_learning_rate_schedule(progress, 4) for progress in range(4)]
    [1.0, 0.5625, 0.25, 0.0625]

    Args:
        progress: epochs that are done; a whole number unless the recipe updates the rate at each step.
        epochs: epochs in all.
        power: an option, at least 0. Keyword-only parameters with defaults become config keys.
    """
    return float((1 - progress / epochs) ** power)


TEMPLATE_LEARNING_RATE_SCHEDULE = LRSchedule(
    id="template-learning-rate-schedule",
    factor=template_learning_rate_schedule,
    about="(1 - progress / epochs)^power.",
)


@hookimpl
def pruneproof_lr_schedules() -> Iterable[LRSchedule]:
    """Register the learning-rate schedule."""
    return [TEMPLATE_LEARNING_RATE_SCHEDULE]
