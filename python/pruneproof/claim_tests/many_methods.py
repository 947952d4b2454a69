"""Tests over many methods at once: rank correlations between two measurements, and ratios of spreads."""

import math
from typing import Annotated

import numpy as np
from pydantic import Field
from scipy import stats

from pruneproof.api import Outcome, ValueScale, rounded
from pruneproof.claim_tests.deciding import Level, Positive, Samples, claim_test, inside, one_sided, ordinal

Share = Annotated[float, Field(gt=0, le=1)]


def _odd(count: int, **_: object) -> str:
    return f"got {count} operands; two measurements of each method, an even number, were expected" if count % 2 else ""


@claim_test(
    "rank-correlation",
    "two measurements of the same methods rank them alike, or not",
    operands=6,
    more=True,
    refuse=_odd,
    value=ValueScale(unit="rank correlation", range=(-1, 1)),
)
def rank_correlation(
    samples: Samples, *, within: Share, best: Share = 1.0, below: float | None = None, level: Level = 0.95
) -> Outcome:
    """Judge a claim of weak correlation over methods: |median of Kendall's τ| <= within.

    The first half of the operands are one measurement of the methods, the second half another of the same methods in
    the same order. τ (Kendall's τ-b 1945, which allows for ties) is taken for each seed, whose methods share one dense
    network; its median is judged over seeds, which are independent, as methods are not. Only methods whose first
    measurement is at most `below`, and of those the share `best` with the smallest, count.
    """
    x, y = np.split(samples, 2)
    taus = []
    for seed in range(x.shape[1]):
        order = np.argsort(x[:, seed], kind="stable")
        order = order[x[order, seed] <= below] if below is not None else order
        order = order[: math.ceil(best * len(order))]
        tau = float(stats.kendalltau(x[order, seed], y[order, seed]).statistic) if len(order) > 2 else math.nan
        if math.isnan(tau):
            reason = f"In the {ordinal(seed)} seed fewer than three methods, or equal ones only, are left to rank."
            return Outcome("inconclusive", reason, n=x.shape[1])
        taus.append(tau)
    values = np.array(taus)
    return inside("The median of Kendall's τ", values, level, -within, within, f"{rounded(within)} around 0")


@claim_test(
    "spread-ratio",
    "differences between methods shrink from one measurement to another",
    operands=4,
    more=True,
    refuse=_odd,
    value=ValueScale(unit="ratio of spreads"),
)
def spread_ratio(samples: Samples, *, at_most: Positive, level: Level = 0.95) -> Outcome:
    """Judge a claim of compression: (max - min over methods) afterwards / the same before < at_most.

    The first half of the operands are the measurement before, the second half that afterwards, methods in the same
    order. The ratio is taken for each seed and its median judged, which is to judge that of its logarithm.
    """
    before, after = (np.ptp(half, axis=0) for half in np.split(samples, 2))
    if np.any(before == 0):
        return Outcome("inconclusive", "In one seed all methods are equal before, so there is no ratio.", n=before.size)
    ratio = after / before
    return one_sided("The median ratio of spreads", ratio, level, "<", at_most, "the bound")
