"""Monotone trend: operands that rise or fall in their order."""

import functools
import itertools
import math
from typing import Literal

import numpy as np
from scipy import stats

from pruneproof.api import MOST_SEEDS, Outcome, ValueScale, rounded
from pruneproof.claim_tests.deciding import Level, Samples, advice, claim_test, verdict_of

FEWEST = 3
"""Fewer seeds decide nothing, however many operands they order alike."""

EXACT = (8, 12)
"""Up to so many operands and seeds the null distribution is the exact one."""


def _spends(count: int, seeds: int, *, level: float, **_: object) -> float:
    """Return the largest tail of Page's L that is not above 1 - level; beyond the exact distribution 1 - level."""
    if seeds < FEWEST or count > EXACT[0] or seeds > EXACT[1]:
        return 0.0 if seeds < FEWEST else 1 - level
    tails = _tails(count, seeds)
    return float(tails[np.argmax(tails <= 1 - level)]) if tails[-1] <= 1 - level else 0.0


@functools.cache
def _tails(operands: int, seeds: int) -> Samples:
    """Return P(L >= l) for l from the least to the largest: one seed's L is a sum over ranks in a random order."""
    ranks = np.array(list(itertools.permutations(range(operands))))
    counts = np.bincount(ranks @ np.arange(operands))
    of_one = counts[np.argmax(counts > 0) :] / len(ranks)
    chances = functools.reduce(np.convolve, [of_one] * seeds)
    found: Samples = chances[::-1].cumsum()[::-1]
    return found


@claim_test(
    "monotone-trend",
    "operands rise or fall in their order",
    operands=3,
    more=True,
    value=ValueScale(unit="rank correlation", range=(-1, 1)),
    fewest=lambda **_: FEWEST,
    spends=_spends,
)
def monotone_trend(samples: Samples, *, direction: Literal["increasing", "decreasing"], level: Level = 0.95) -> Outcome:
    """Judge a claim of a trend along the operands, in their order: Page's test of ordered alternatives (Page 1963).

    Holds when L is significant in the claimed direction at error rate 1 - level (one-sided; exact null distribution up
    to 8 operands and 12 seeds, normal beyond), fails when significant in the other. Ties take mean ranks, which makes
    the test conservative. The value is the mean over seeds of Spearman's rank correlation with the order, in [-1, 1];
    it has no interval. Two seeds decide nothing. A trend is a tendency: single neighbours may swap.
    """
    operands, n = samples.shape
    rise, fall = (float(stats.page_trend_test(ordered.T).pvalue) for ordered in (samples, samples[::-1]))
    claimed, other = (rise, fall) if direction == "increasing" else (fall, rise)
    # Page's L is a linear function of this mean, so it is the effect that the test is about.
    correlation = float(np.mean(_rank_correlations(samples)))
    verdict, p = "inconclusive" if n < FEWEST else verdict_of(claimed, other, level), min(claimed, other)
    needed = _seeds_needed(correlation, n, operands, level) if verdict == "inconclusive" else None
    reason = (
        f"Mean rank correlation with the order {rounded(correlation)} over n = {n} seeds and {operands} operands, "
        f"p = {claimed:.2g} for {direction}, p = {other:.2g} for the opposite, at error rate "
        f"{1 - level:.2g}{advice(needed)}."
    )
    return Outcome(verdict, reason, correlation, n=n, seeds_needed=needed, p=p)


def _seeds_needed(correlation: float, n: int, operands: int, level: float) -> int | None:
    """Return the fewest seeds that may decide, were the correlation at the far end of its interval; None if unclear.

    L is about normal with z = correlation · √(n (operands - 1)).
    """
    z = abs(correlation) * math.sqrt(n * (operands - 1))
    if z < 1:
        return None
    wanted = float(stats.norm.ppf(level) + stats.norm.ppf(0.8))
    largest = min(1.0, (z + float(stats.norm.ppf(level))) / math.sqrt(n * (operands - 1)))
    needed = max(math.ceil((wanted / largest) ** 2 / (operands - 1)), n + 1)
    return needed if needed <= MOST_SEEDS else None


def _rank_correlations(samples: Samples) -> Samples:
    """Return Spearman's correlation of each seed's operands with their order; 0 for equal operands."""
    ranks = stats.rankdata(samples, axis=0)
    order, ranks = np.arange(len(ranks)) - (len(ranks) - 1) / 2, ranks - ranks.mean(axis=0)
    lengths = np.sqrt((ranks**2).sum(axis=0) * (order**2).sum())
    found: Samples = (order @ ranks) / np.where(lengths == 0, 1.0, lengths)
    return found
