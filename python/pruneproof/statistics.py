"""Intervals for a handful of seeds, and how many seeds would settle a question."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

MOST_SEEDS = 1000
"""Beyond this many seeds, "run more seeds" is no advice."""

Sample = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval."""

    value: float
    low: float
    high: float
    level: float


def rounded(x: float) -> str:
    """Return a number to two decimals, or to three significant digits where it is below one.

    >>> rounded(95.126), rounded(0.04625), rounded(5.1), rounded(-0.0), rounded(1e-12)
    ('95.13', '0.0462', '5.1', '0', '0')
    """
    x = round(x, 9) + 0.0
    return f"{x:.3g}" if abs(x) < 1 else f"{x:.2f}".rstrip("0").rstrip(".")


def t_interval(sample: Sequence[float] | Sample, level: float) -> Interval:
    """Return Student's interval for a mean: x̄ ± t(n-1, (1 + level)/2) · s/√n (Student 1908).

    Exact for normal observations. `sample` holds n >= 2 finite numbers; `level` lies in (0, 1).

    >>> found = t_interval([1.0, 2.0, 3.0], 0.95)
    >>> found.value, round(found.low, 4), round(found.high, 4)
    (2.0, -0.4841, 4.4841)
    """
    x = np.asarray(sample, dtype=np.float64)
    mean, error = float(x.mean()), float(x.std(ddof=1)) / len(x) ** 0.5
    half = float(stats.t.ppf((1 + level) / 2, len(x) - 1)) * error
    return Interval(mean, mean - half, mean + half, level)


def welch_p(mean: float, spread: float, n: int, other_mean: float, other_spread: float, other_n: int) -> float:
    """Return the two-sided p value of Welch's test (1947) between two means of n runs, from their standard deviations.

    For printed tables, where nothing but mean and spread is left; it supposes normal runs. One spread may be 0.

    >>> round(welch_p(84.01, 0.23, 3, 83.31, 0.13, 3), 3)
    0.017
    """
    found = stats.ttest_ind_from_stats(mean, spread, n, other_mean, other_spread, other_n, equal_var=False)
    return float(found.pvalue)


def median_interval(sample: Sequence[float] | Sample, level: float, resolution: float = 0.0) -> Interval:
    """Return the order-statistic interval for a median, whatever the distribution: [x_(k) - r/2, x_(n+1-k) + r/2].

    k is the largest rank for which P(B < k) <= (1 - level)/2 with B binomial (n, 1/2): Thompson (1936). It never leaves
    the range of the observations, and is that of any monotone function of them, such as the logarithm. The level of the
    answer is the exact one, 1 - 2 P(B < k): at least `level`, save for fewer than `fewest_seeds` observations, where it
    is that of their whole range.

    Args:
        sample: n >= 1 finite numbers.
        level: wanted confidence, in (0, 1).
        resolution: r, the step of a discrete measurement, each value of which stands for half a step to either side; 0
            for a continuous one.

    >>> median_interval([1.0, 4.0, 2.0, 5.0, 3.0], 0.9)
    Interval(value=3.0, low=1.0, high=5.0, level=0.9375)
    >>> median_interval([1.0, 1.0, 1.0], 0.9, resolution=0.5)
    Interval(value=1.0, low=0.75, high=1.25, level=0.75)
    """
    x = np.sort(np.asarray(sample, dtype=np.float64))
    n = len(x)
    rank = max(1, n + 1 - critical_count(n, (1 + level) / 2))
    exact = 1 - 2 * float(stats.binom.cdf(rank - 1, n, 0.5))
    return Interval(
        float(np.median(x)), float(x[rank - 1]) - resolution / 2, float(x[n - rank]) + resolution / 2, exact
    )


@cache
def sign_p(successes: int, n: int, share: float = 0.5) -> float:
    """Return the exact P(B >= successes) for B binomial (n, share): the sign test, and McNemar's, at share 1/2.

    >>> sign_p(5, 5), sign_p(7, 8), sign_p(0, 3)
    (0.03125, 0.03515625, 1.0)
    """
    return float(stats.binom.sf(successes - 1, n, share))


@cache
def critical_count(n: int, level: float, share: float = 0.5) -> int:
    """Return the smallest count of n whose `sign_p` is at most 1 - level; n + 1 where no count is enough.

    >>> [critical_count(n, 0.95) for n in (4, 5, 8, 10)]
    [5, 5, 7, 9]
    """
    tails = stats.binom.sf(np.arange(-1, n + 1), n, share)
    return int(np.argmax(tails <= 1 - level)) if tails[n] <= 1 - level else n + 1


def attained_error(n: int, level: float, share: float = 0.5) -> float:
    """Return the error rate that a one-sided binomial test at 1 - level really has: the largest `sign_p` not above it.

    Counts are whole numbers, so that it is below 1 - level; 0 where no count of n is enough.

    >>> attained_error(5, 0.95), attained_error(8, 0.95), attained_error(4, 0.95)
    (0.03125, 0.03515625, 0.0)
    """
    return sign_p(critical_count(n, level, share), n, share)


@cache
def fewest_seeds(level: float, share: float = 0.5) -> int:
    """Return the fewest observations with which a one-sided binomial test can reject at error rate 1 - level.

    >>> fewest_seeds(0.95), fewest_seeds(0.975)
    (5, 6)
    """
    return math.ceil(math.log(1 - level) / math.log(share) - 1e-9)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number (Holm 1979): max over j <= i of min(1, (m - j) p_(j)), j from 0.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.minimum(1.0, (len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(steps)
    return [float(each) for each in adjusted]


@cache
def share_interval(successes: int, n: int, level: float) -> Interval:
    """Return the interval of Clopper and Pearson (1934) for a share, in [0, 1]; its coverage is at least `level`.

    >>> found = share_interval(3, 3, 0.95)
    >>> found.value, round(found.low, 4), found.high
    (1.0, 0.2924, 1.0)
    """
    found = stats.binomtest(successes, n).proportion_ci(level, method="exact")
    return Interval(successes / n, float(found.low), float(found.high), level)


@cache
def seeds_to_settle(successes: int, n: int, level: float, share: float = 0.5, power: float = 0.8) -> int | None:
    """Return the fewest seeds that may be expected to show a share above a bound; None where too little points there.

    Supposes the true share at the upper end of its interval, the largest effect that the seeds so far allow: a lower
    bound. There is no upper one, since an open question allows an effect of zero. None where the count is less than one
    standard deviation above n · share.

    Args:
        successes: of n seeds.
        n: seeds so far.
        level: 1 - error rate of the one-sided binomial test.
        share: the bound.
        power: wanted probability that the test rejects.

    >>> seeds_to_settle(6, 8, 0.95), seeds_to_settle(5, 8, 0.95) is None
    (9, True)
    """
    if successes - n * share < (n * share * (1 - share)) ** 0.5:
        return None
    best = share_interval(successes, n, 2 * level - 1).high
    size = np.arange(n + 1, MOST_SEEDS + 1)
    enough = stats.binom.sf(stats.binom.isf(1 - level, size, share), size, best) >= power
    return int(size[np.argmax(enough)]) if enough.any() else None
