"""`LRSchedule`: the learning rate over the course of a training."""

from collections.abc import Callable
from dataclasses import dataclass

from pruneproof.contracts.source import Source

Rate = Callable[[float], float]
"""progress in epochs -> factor on the recipe's learning rate."""


@dataclass(frozen=True)
class LRSchedule:
    """A named factor on the base learning rate.

    `factor(progress, epochs, **options)` returns the factor after `progress` of `epochs` epochs; progress is a whole
    number unless the recipe updates by step. A schedule whose function also takes `inner` wraps another one, which the
    config names as its option `then`.
    """

    id: str
    factor: Callable[..., float]
    about: str
    """The formula, in one sentence."""
    source: Source | None = None
