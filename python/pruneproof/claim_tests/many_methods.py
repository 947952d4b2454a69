"""Tests over many methods at once: rank correlations between two measurements, and ratios of spreads."""

import math
from typing import Annotated

import numpy as np
from pydantic import Field
from scipy import stats

from pruneproof.api import Outcome, ValueScale, rounded
from pruneproof.claim_tests.deciding import (
    Level,
    NotNegative,
    Positive,
    Samples,
    claim_test,
    inside,
    one_sided,
    ordinal,
)

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
    values = np.array([_taus(each, other, best, below)[0] for each, other in zip(x.T, y.T, strict=True)])
    if unclear := _unclear(values):
        return unclear
    return inside("The median of Kendall's τ", values, level, -within, within, f"{rounded(within)} around 0")


@claim_test(
    "local-correlation",
    "two measurements rank the best methods less alike than as many others",
    operands=6,
    more=True,
    refuse=lambda count, *, best, **_: (
        _odd(count) or ("" if best <= 0.5 else f"got best = {best:g}; at most one half leaves others to compare with")
    ),
    value=ValueScale(unit="rank correlation", signed=True),
)
def local_correlation(
    samples: Samples, *, best: Share, margin: NotNegative = 0.0, below: float | None = None, level: Level = 0.95
) -> Outcome:
    """Judge a claim that a correlation is weak among the best for another reason than that they are few and alike.

    Any relation looks weaker in a part of its range (Pearson 1903; Thorndike 1949, "restriction of range"). So τ among
    the share `best` of the methods, as in `rank-correlation`, is compared with the mean τ of the other groups of as
    many methods that follow each other in the first measurement; what is left over at the end is left out. The median
    over seeds of the difference is judged: below -margin.
    """
    x, y = np.split(samples, 2)
    differences = []
    for each, other in zip(x.T, y.T, strict=True):
        tau, *elsewhere = _taus(each, other, best, below)
        known = [value for value in elsewhere if not math.isnan(value)]
        differences.append(tau - sum(known) / len(known) if known else math.nan)
    values = np.array(differences)
    if unclear := _unclear(values):
        return unclear
    what = "The median of τ among the best - mean τ among as many others"
    return one_sided(what, values, level, "<", -margin, "the margin")


def _taus(x: Samples, y: Samples, best: float, below: float | None) -> list[float]:
    """Return τ among the share of the methods with the smallest x, then among as many after them; NaN for too few."""
    order = np.argsort(x, kind="stable")
    order = order[x[order] <= below] if below is not None else order
    size = math.ceil(best * len(order))
    groups = (
        [order[start : start + size] for start in range(0, len(order) - size + 1, size)] if size > 2 else [order[:0]]
    )
    return [float(stats.kendalltau(x[each], y[each]).statistic) if len(each) else math.nan for each in groups]


def _unclear(values: Samples) -> Outcome | None:
    """Return what to say where a seed has no correlation; None where all have."""
    lacking = np.flatnonzero(np.isnan(values))
    if not lacking.size:
        return None
    reason = f"In the {ordinal(int(lacking[0]))} seed fewer than three methods, or equal ones only, are left to rank."
    return Outcome("inconclusive", reason, n=values.size)


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
