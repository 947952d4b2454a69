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


def halved_steps(progress: float, epochs: float, *, stages: int = 4, longest: int = 30, factor: float = 0.1) -> float:
    """Return factor^n, n the number of stages that have passed, each half of what is left and at most `longest` epochs.

    With R epochs and two or more stages left, a stage takes min(longest, ceil(R / 2)) epochs; the last takes the rest.
    The rules of Wang et al. (2023), arXiv 2301.05219, section 4: both sides of a comparison end at the same rate (so a
    retraining from 10⁻² to 10⁻⁵ has 4 stages), each stage takes half of the remaining epochs, and none more than 30.
    The rounding is ours; it gives every schedule that they print in full. Their rows that start late (from epoch 15, 45
    or 75 of the scratch schedule) are this schedule's `suffix` instead, which these rules do not give.

    >>> [round(halved_steps(p, 90, stages=5), 4) for p in (0, 29, 30, 60, 75, 83)]
    [1.0, 1.0, 0.1, 0.01, 0.001, 0.0001]

    Raises:
        BadConfig: fewer than one stage, a longest one below 1, or a factor outside (0, 1].
    """
    return factor ** sum(progress >= end for end in stage_ends(epochs, stages=stages, longest=longest, factor=factor))


def stage_ends(epochs: float, *, stages: int, longest: int, factor: float) -> list[float]:
    """Return the epochs at which the stages of `halved-steps` end, but for the last.

    >>> stage_ends(60, stages=4, longest=30, factor=0.1)
    [30.0, 45.0, 53.0]
    """
    if stages < 1 or longest < 1 or not 0 < factor <= 1:
        raise BadConfig(
            f"halved-steps got {stages} stages of at most {longest} epochs and the factor {factor}: at least one stage "
            "of at least one epoch and a factor in (0, 1] were expected."
        )
    ends: list[float] = []
    done = 0.0
    for _ in range(stages - 1):
        done += min(longest, math.ceil((epochs - done) / 2))
        ends.append(done)
    return ends


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


def slr(
    progress: float,
    epochs: float,
    *,
    warm: float = 0.1,
    start: float = 0.01,
    at: Sequence[float] = (0.5, 0.75),
    factor: float = 0.1,
) -> float:
    """Return a half cosine from `start` up to 1 over the fraction `warm` of training, then factor^n.

    n is the number of the fractions `at` of the rest that have passed. Scaled learning-rate restarting of Le and Hua
    (2021), arXiv 2105.03193, with the numbers of their code for CIFAR: from 10⁻³ to 10⁻¹, divided by 10 at 50 % and
    75 % of the rest; for ImageNet at 33 % and 66 %. Their cyclic restarting (CLR) is `one-cycle` with peak = 0.1, start
    = 0.01 and end = 10⁻⁴; it leaves momentum alone here, while PyTorch's scheduler, which they use, cycles it too.

    >>> [round(slr(p, 20), 3) for p in (0, 1, 2, 10, 11, 15.5)]
    [0.01, 0.505, 1.0, 1.0, 0.1, 0.01]

    Raises:
        BadConfig: a fraction outside [0, 1), a start or factor outside (0, 1], or fractions that do not rise.
    """
    if not 0 <= warm < 1 or not 0 < start <= 1 or not 0 < factor <= 1 or sorted({*at}) != [*at]:
        raise BadConfig(
            f"slr got warm = {warm}, start = {start}, at = {list(at)} and factor = {factor}: a fraction in [0, 1), "
            "rising fractions, and a start and a factor in (0, 1] were expected."
        )
    rise = warm * epochs
    if progress < rise:
        return start + (1 - start) * (1 - math.cos(math.pi * progress / rise)) / 2
    return factor ** sum(progress >= rise + each * (epochs - rise) for each in at)


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
    LRSchedule(
        "halved-steps",
        halved_steps,
        "factor to the power of the stages that have passed, each half of the epochs that are left.",
        Source(
            "Wang, Qin, Bai, Fu",
            2023,
            "Why is the State of Neural Network Pruning so Confusing? On the Fairness, Comparison Setup, and "
            "Trainability in Network Pruning",
            "2301.05219",
            "section 4",
        ),
    ),
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
        "slr",
        slr,
        "a half cosine up to 1, then factor to the power of the fractions that have passed.",
        Source("Le, Hua", 2021, "Network Pruning That Matters: A Case Study on Retraining Variants", "2105.03193"),
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
