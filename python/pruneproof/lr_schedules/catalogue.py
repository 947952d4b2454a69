"""All built-in learning-rate schedules: closed formulas, so that any epoch can be resumed without a state."""

import math
from collections.abc import Sequence

from pruneproof.api import BadConfig, LRSchedule, Rate, Source


def constant(progress: float, epochs: float) -> float:
    """Return 1.

    >>> constant(3.0, 10.0)
    1.0
    """
    return 1.0


def cosine(progress: float, epochs: float) -> float:
    """Return (1 + cos(π p / E)) / 2, p the progress of E epochs (Loshchilov & Hutter 2017, eq. 5, without restarts).

    >>> [round(cosine(p, 4), 4) for p in range(4)]
    [1.0, 0.8536, 0.5, 0.1464]
    """
    return (1 + math.cos(math.pi * progress / epochs)) / 2


def step(progress: float, epochs: float, *, every: int = 30, factor: float = 0.1) -> float:
    """Return factor^floor(p / every): multiplied by `factor` each `every` epochs.

    >>> [round(step(p, 9, every=3), 4) for p in (0, 2, 3, 8)]
    [1.0, 1.0, 0.1, 0.01]

    Raises:
        BadConfig: an interval below 1 or a factor outside (0, 1].
    """
    if every < 1 or not 0 < factor <= 1:
        raise BadConfig(
            f"the schedule step multiplies by {factor} every {every} epochs: a factor in (0, 1] was expected."
        )
    return factor ** int(progress // every)


def milestones(progress: float, epochs: float, *, at: Sequence[float] = (), factor: float = 0.1) -> float:
    """Return factor^n, n the number of milestones that have passed.

    >>> [round(milestones(p, 90, at=(30, 60)), 4) for p in (0, 29, 30, 75)]
    [1.0, 1.0, 0.1, 0.01]

    Raises:
        BadConfig: a factor outside (0, 1], or milestones that do not rise.
    """
    if not 0 < factor <= 1 or sorted(set(at)) != list(at):
        raise BadConfig(
            f"milestones at {list(at)} with the factor {factor}: rising epochs and a factor in (0, 1] were expected."
        )
    return factor ** sum(progress >= each for each in at)


def linear_decay(progress: float, epochs: float, *, end: float = 0.0) -> float:
    """Return 1 - (1 - end) p / E: a straight line from 1 to `end`.

    >>> [linear_decay(p, 4) for p in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    return 1.0 - (1.0 - end) * progress / epochs


def one_cycle(progress: float, epochs: float, *, peak: float = 0.3, start: float = 0.04, end: float = 4e-6) -> float:
    """Return a half cosine from `start` up to 1 at the fraction `peak` of training, and one down to `end`.

    The policy of Smith & Topin (2018) as PyTorch draws it: start 1/25 of the largest rate, end 1/10,000 of the start.

    >>> [round(one_cycle(p, 10), 3) for p in (0, 3, 10)]
    [0.04, 1.0, 0.0]
    """
    rise = peak * epochs
    if progress < rise:
        return start + (1 - start) * (1 - math.cos(math.pi * progress / rise)) / 2
    return end + (1 - end) * (1 + math.cos(math.pi * (progress - rise) / max(epochs - rise, 1e-12))) / 2


def warm_up(progress: float, epochs: float, inner: Rate, *, length: float = 5.0) -> float:
    """Return min(1, (p + 1) / length) before epoch `length`, and the schedule `then` over the rest.

    >>> [warm_up(p, 8, lambda p, e: 1.0, length=4) for p in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    return min(1.0, (progress + 1) / length) if progress < length else inner(progress - length, epochs - length)


def suffix(progress: float, epochs: float, inner: Rate, *, skip: float = 0.0) -> float:
    """Return the schedule `then` from its epoch `skip` on: the end of a longer training.

    Learning-rate rewinding (Renda, Frankle & Carbin 2020) to epoch k of a training of E is the suffix that skips k. The
    inner schedule runs over `epochs` + skip epochs.

    >>> [suffix(p, 2, lambda p, e: e - p, skip=6) for p in range(2)]
    [2, 1]
    """
    return inner(progress + skip, epochs + skip)


LR_SCHEDULES: tuple[LRSchedule, ...] = (
    LRSchedule("constant", constant, "1: the base rate throughout."),
    LRSchedule(
        "cosine",
        cosine,
        "(1 + cos(π p / E)) / 2.",
        Source(
            "Loshchilov, Hutter", 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts", "1608.03983", "eq. 5"
        ),
    ),
    LRSchedule("step", step, "factor^floor(p / every)."),
    LRSchedule("milestones", milestones, "factor to the power of the milestones that have passed."),
    LRSchedule("linear", linear_decay, "1 - (1 - end) p / E."),
    LRSchedule(
        "one-cycle",
        one_cycle,
        "a half cosine up to 1 and one down to nearly 0.",
        Source(
            "Smith, Topin",
            2018,
            "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates",
            "1708.07120",
        ),
    ),
    LRSchedule(
        "warm-up",
        warm_up,
        "(p + 1) / length, then another schedule.",
        Source(
            "Goyal et al.",
            2017,
            "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour",
            "1706.02677",
            "section 2.2",
        ),
    ),
    LRSchedule(
        "suffix",
        suffix,
        "another schedule from its epoch `skip` on.",
        Source(
            "Renda, Frankle, Carbin",
            2020,
            "Comparing Rewinding and Fine-tuning in Neural Network Pruning",
            "2003.02389",
        ),
    ),
)
