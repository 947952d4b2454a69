"""Monotone trend: operands that rise or fall in their order."""

import math
from typing import Literal

import numpy as np
from scipy import stats

from pruneproof.api import Outcome, ValueScale, Verdict, rounded
from pruneproof.claim_tests.deciding import MOST_SEEDS, Level, Samples, advice, claim_test


@claim_test(
    "monotone-trend",
    "operands rise or fall in their order",
    operands=3,
    more=True,
    value=ValueScale(unit="rank correlation", range=(-1, 1)),
)
def monotone_trend(samples: Samples, *, direction: Literal["increasing", "decreasing"], level: Level = 0.95) -> Outcome:
    """Judge a claim of a trend along the operands, in their order: Page's test of ordered alternatives (Page 1963).

    Holds when L is significant in the claimed direction at error rate 1 - level (one-sided; exact null distribution up
    to 8 operands and 12 seeds, normal beyond), fails when significant in the other. Ties take mean ranks, which makes
    the test conservative. The value is the mean over seeds of Spearman's rank correlation with the order, in [-1, 1];
    it has no interval. A trend is a tendency: single neighbours may swap.
    """
    operands, n = samples.shape
    rise, fall = (float(stats.page_trend_test(ordered.T).pvalue) for ordered in (samples, samples[::-1]))
    claimed, other = (rise, fall) if direction == "increasing" else (fall, rise)
    # Page's L is a linear function of this mean, so it is the effect that the test is about.
    correlation = float(np.mean([_rank_correlation(row) for row in samples.T]))
    verdict: Verdict = "holds" if claimed <= 1 - level else "fails" if other <= 1 - level else "inconclusive"
    needed, tail = None, ""
    if verdict == "inconclusive":
        # L is about normal with z = rho sqrt(n (operands - 1)).
        wanted = float(stats.norm.ppf(level) + stats.norm.ppf(0.8))
        size = (wanted / correlation) ** 2 / (operands - 1) if abs(correlation) > 1e-9 else math.inf
        needed = max(math.ceil(size), n + 1) if size <= MOST_SEEDS else None
        tail = f"; {advice(needed)}"
    reason = (
        f"Mean rank correlation with the order {rounded(correlation)} over n = {n} seeds and {operands} operands, "
        f"p = {claimed:.3g} for {direction}, p = {other:.3g} for the opposite{tail}."
    )
    return Outcome(verdict, reason, correlation, n=n, seeds_needed=needed)


def _rank_correlation(row: Samples) -> float:
    """Return Spearman's correlation of a row with its own order; 0 for a constant row."""
    return 0.0 if np.ptp(row) == 0 else float(stats.spearmanr(np.arange(len(row)), row)[0])
