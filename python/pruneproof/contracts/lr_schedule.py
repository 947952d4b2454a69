"""`LRSchedule`: the learning rate over the course of a training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pruneproof.contracts.source import Source

Rate = Callable[[float, float], float]
"""(progress in epochs, epochs in all) -> factor on the recipe's learning rate."""


@dataclass(frozen=True)
class LRSchedule:
    """A named factor on the base learning rate.

    `factor(progress, epochs, **options)` returns the factor after `progress` of `epochs` epochs; progress is a whole
    number unless the recipe updates by step. A schedule whose function also takes `inner` (a `Rate`) wraps another
    one, which the config names as its option `then`.
    """

    id: str
    factor: Callable[..., float]
    about: str
    """The formula, in one sentence."""
    source: Source | None = None
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this schedule cannot obey it. Obeying it all the same is a failure too."""
