"""Intervals for a handful of seeds, and how many seeds would settle a question."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RESAMPLES = 20_000
"""Bootstrap samples; the interval ends then move by about 1 % of its width with another random stream."""

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


def bootstrap_interval(sample: Sequence[float] | Sample, level: float) -> Interval:
    """Return the smoothed, studentised bootstrap interval for a mean, made for 2 to about 20 observations.

    A bootstrap sample is x*_i = x_j(i) + (s/√n) ε_i with j(i) uniform and ε_i standard normal: the smoothing restores
    the variance that resampling n values loses, (n-1)/n s² + s²/n = s², and keeps the denominator of
    t* = (x̄* - x̄)/(s*/√n) away from zero. The interval is [x̄ - q_hi s/√n, x̄ - q_lo s/√n] with the (1 ± level)/2
    quantiles q of t* (bootstrap-t: Efron & Tibshirani 1993, section 12.5).

    It was chosen by its coverage: how often (%) a nominal 95 % interval contained the true mean, 3,000 samples each.

    | n | differences | percentile | expanded percentile | Student's t | bootstrap-t    | this |
    |---|-------------|------------|---------------------|-------------|----------------|------|
    | 3 | normal      | 75.2       | 75.2                | 95.6        | 100 (infinite) | 96.4 |
    | 3 | exponential | 67.7       | 67.7                | 88.6        | 100 (infinite) | 90.6 |
    | 5 | normal      | 84.0       | 92.5                | 95.7        | 95.3           | 95.6 |
    | 5 | exponential | 79.2       | 87.4                | 88.7        | 92.6           | 91.1 |
    | 8 | normal      | 89.3       | 94.6                | 94.8        | 95.6           | 95.1 |
    | 8 | exponential | 84.5       | 90.1                | 89.4        | 93.7           | 92.9 |

    Percentile intervals, expanded (Hesterberg 2015) or not, never leave the range of the data, which contains the mean
    of three symmetric observations in only 75 % of cases; plain bootstrap-t has no finite 95 % interval at n = 3,
    because one resample in 27 repeats the largest observation three times. No interval of so few observations is exact
    under strong skew; of those that stay finite at n = 3 this one falls short least.

    The random stream is fixed and used together with its mirror image, so the interval is deterministic, does not
    depend on the order of the sample, moves with a shift and mirrors under a change of sign.

    >>> bootstrap_interval([1.0, 1.0, 1.0], 0.95)
    Interval(value=1.0, low=1.0, high=1.0, level=0.95)
    """
    x = np.sort(np.asarray(sample, dtype=np.float64))
    n, mean, deviation = len(x), float(x.mean()), float(x.std(ddof=1))
    if x[0] == x[-1]:
        return Interval(mean, mean, mean, level)
    stream = np.random.Generator(np.random.PCG64(n))
    pick = stream.integers(0, n, (RESAMPLES // 2, n))
    noise = stream.standard_normal((RESAMPLES // 2, n)) / n**0.5
    z = (x - mean) / deviation
    draws = np.concatenate([z[pick] + noise, z[n - 1 - pick] - noise])
    t = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / n**0.5)
    below, above = np.quantile(t, [(1 - level) / 2, (1 + level) / 2])
    error = deviation / n**0.5
    return Interval(mean, mean - float(above) * error, mean - float(below) * error, level)


def share_interval(successes: int, n: int, level: float) -> Interval:
    """Return the interval of Clopper and Pearson (1934) for a share, in [0, 1]; its coverage is at least `level`.

    >>> found = share_interval(3, 3, 0.95)
    >>> found.value, round(found.low, 4), found.high
    (1.0, 0.2924, 1.0)
    """
    found = stats.binomtest(successes, n).proportion_ci(level, method="exact")
    return Interval(successes / n, float(found.low), float(found.high), level)


def seeds_to_exclude_half(share: float, n: int, level: float) -> int | None:
    """Return the smallest number of seeds above n at which the same share excludes 1/2; None for none up to 1000.

    >>> seeds_to_exclude_half(0.8, 5, 0.95)
    12
    >>> seeds_to_exclude_half(0.5, 4, 0.95) is None
    True
    """
    size = np.arange(n + 1, MOST_SEEDS + 1)
    count = np.round(share * size)
    low = stats.beta.ppf((1 - level) / 2, count, size - count + 1)
    high = stats.beta.ppf((1 + level) / 2, count + 1, size - count)
    enough = np.flatnonzero((low > 0.5) | (high < 0.5)) if share != 0.5 else np.array([], dtype=np.intp)
    return int(size[enough[0]]) if len(enough) else None


def seeds_to_clear(gaps: Sequence[float], deviation: float, level: float, power: float = 0.8) -> int | None:
    """Return about how many seeds put a t interval beyond every edge with probability `power`; None for none.

    Supposes that the true mean and standard deviation are those seen so far: after three seeds a rough guess. With gap
    g to an edge, t is noncentral with parameter g √n / s, and the interval clears the edge where t exceeds its critical
    value.

    Args:
        gaps: distance of the mean from each edge that the interval has to clear, > 0.
        deviation: standard deviation over seeds, same unit.
        level: confidence level of the two-sided interval.
        power: wanted probability that all edges are cleared.

    >>> seeds_to_clear([1.0], 1.0, 0.95)  # the textbook answer: paired t test, effect of one standard deviation
    10
    >>> seeds_to_clear([0.0], 1.0, 0.95) is None
    True
    """
    if deviation == 0 or min(gaps) <= 0:
        return None
    n = np.arange(2, MOST_SEEDS + 1)
    critical = stats.t.ppf((1 + level) / 2, n - 1)
    missed = np.zeros(len(n))
    for gap in gaps:
        missed += stats.nct.cdf(critical, n - 1, gap / deviation * np.sqrt(n))
    enough = np.flatnonzero(1 - missed >= power)
    return int(n[enough[0]]) if len(enough) else None
