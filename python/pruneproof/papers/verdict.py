"""The statistical tests that claims name: from samples over seeds to a verdict.

Every test takes one sequence of numbers per operand, aligned by seed, and states its parameters as keyword arguments.
Parameters and the number of operands are checked before the numbers are, so `decide([[], []], **parameters)` tries a
configuration without any evidence. Fewer than two seeds, or a number that is not finite (a diverged network has no
loss), give `inconclusive`: hours of training are never lost to one seed.
"""

import math
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from scipy import stats

from pruneproof.contracts.claim_test import ClaimTest, Outcome, Verdict
from pruneproof.papers.deciding import (
    Level,
    NotNegative,
    Positive,
    Relation,
    Samples,
    advice,
    claim_test,
    inside,
    one_sided,
    outcome_of,
    paired,
    span,
)
from pruneproof.papers.statistics import (
    MOST_SEEDS,
    bootstrap_interval,
    rounded,
    seeds_to_exclude_half,
    share_interval,
    t_interval,
)
from pruneproof.papers.verdict_over_arms import (
    chosen_difference,
    chosen_equivalence,
    rank_correlation,
    relative_gain,
    spread_ratio,
)


@claim_test("paired-difference", "first operand above (or below) the second by a margin, paired by seed", operands=2)
def paired_difference(
    samples: Samples, *, relation: Relation = ">", margin: float = 0.0, level: Level = 0.95
) -> Outcome:
    """Judge a claim that one method beats another: a - b > margin (or b - a > margin for `<`), paired by seed.

    Bootstrap interval of the mean of a - b (`statistics.bootstrap_interval`). Holds when it lies wholly beyond the
    margin in the claimed direction, fails when wholly on the other side. A negative margin says "not worse by more
    than".
    """
    difference = paired(samples[0], samples[1])
    bound = margin if relation == ">" else -margin
    interval = bootstrap_interval(difference, level)
    return one_sided("The mean of first - second", difference, interval, relation, bound, "the margin")


@claim_test("equivalence", "two operands equal within a margin, paired by seed", operands=2)
def equivalence(samples: Samples, *, margin: Positive, level: Level = 0.95) -> Outcome:
    """Judge a claim that two methods are as good: |a - b| <= margin, paired by seed.

    Two one-sided t tests (Schuirmann 1987), each at error rate 1 - level. That is to ask that the interval of
    confidence 2 level - 1 (90 % for 0.95), which is the one reported, lies within ±margin; the claim fails when it lies
    wholly outside.
    """
    difference = paired(samples[0], samples[1])
    interval = t_interval(difference, round(2 * level - 1, 12))
    region = f"the margin of {rounded(margin)} around 0"
    return inside("The mean of first - second", difference, interval, -margin, margin, region)


@claim_test("distance", "the mean within a tolerance of the reported value", operands=1)
def distance(samples: Samples, *, reported: float, tolerance: Positive, level: Level = 0.95) -> Outcome:
    """Judge a claim that a number is reproduced: |mean - reported| <= tolerance.

    Student's t interval of the mean: holds when it lies wholly within the tolerance, fails when wholly outside.
    """
    interval = t_interval(samples[0], level)
    region = f"{rounded(tolerance)} of the reported {rounded(reported)}"
    return inside("The mean", samples[0], interval, reported - tolerance, reported + tolerance, region)


@claim_test("threshold", "the mean above or below a value", operands=1)
def threshold(samples: Samples, *, relation: Relation, value: float, level: Level = 0.95) -> Outcome:
    """Judge a claim about one network: mean > value (or <), by Student's t interval of the mean."""
    return one_sided("The mean", samples[0], t_interval(samples[0], level), relation, value, "the threshold")


@claim_test("sign-change", "first above second in one place, below it in another", operands=4)
def sign_change(samples: Samples, *, margin: float = 0.0, level: Level = 0.95) -> Outcome:
    """Judge a claim that two methods cross: a_low - b_low > margin and b_high - a_high > margin.

    The operands are a_low, b_low, a_high, b_high, at two sparsities or by two metrics such as loss and error.
    Intersection-union of two paired differences (Berger 1982): both must hold, and no correction for two tests is due.
    The claim fails when either does, where it may err twice as often as one test. The figures are those of the half
    that decides, the one with the lower interval if both do.
    """
    a_low, b_low, a_high, b_high = samples
    halves = []
    for what, x, y in (
        ("The mean of first - second", a_low, b_low),
        ("The mean of fourth - third", b_high, a_high),
    ):
        difference = paired(x, y)
        interval = bootstrap_interval(difference, level)
        halves.append((one_sided(what, difference, interval, ">", margin, "the margin"), interval.low))
    order: tuple[Verdict, ...] = ("fails", "inconclusive", "holds")
    decides, _ = min(halves, key=lambda half: (order.index(half[0].verdict), half[1]))
    reason = " ".join(half.reason for half, _ in halves)
    undecided = [half.seeds_needed for half, _ in halves if half.verdict == "inconclusive"]
    needed = None
    if decides.verdict == "inconclusive" and None not in undecided:
        needed = max(count for count in undecided if count is not None)
    return replace(decides, reason=reason, seeds_needed=needed)


@claim_test("monotone-trend", "operands rise or fall in their order", operands=3, more=True)
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


@claim_test("collapse", "networks collapse, or none does", operands=1, more=True)
def collapse(
    samples: Samples,
    *,
    expected: bool,
    chance: NotNegative | None = None,
    tolerance: NotNegative = 0.0,
    level: Level = 0.95,
) -> Outcome:
    """Judge a claim that networks collapse (`expected`) or do not, each network being one case.

    With `chance`, a network has collapsed when its value (an accuracy) is at most chance + tolerance. Without, when its
    value (`constant_output`, the number of `empty_tensors`) is above tolerance.

    The claim is read as one about the typical network: more than half of them do as claimed. It holds when all seeds
    do, fails when none does. A mixture is judged by Clopper and Pearson's interval of the share: holds or fails when
    that lies wholly on one side of one half, else inconclusive; 4 of 5 proves neither. With several operands the claim
    is about each of them: it holds when it does for all, fails when it does for one. The value is the share of
    *collapsed* networks, in [0, 1], of the operand that speaks most against the claim.
    """
    n = samples.shape[1]
    collapsed = samples > tolerance if chance is None else samples <= chance + tolerance
    counts = [int(count) for count in collapsed.sum(axis=1)]
    against = min(counts) if expected else max(counts)
    interval = share_interval(against, n, level)
    verdict: Verdict = "inconclusive"
    if against in (0, n) or interval.low > 0.5 or interval.high < 0.5:
        verdict = "holds" if (interval.value > 0.5) == expected else "fails"
    needed, tail = None, ""
    if verdict == "inconclusive":
        needed = seeds_to_exclude_half(interval.value, n, level)
        tail = f"; {advice(needed)}"
    each = ", ".join(f"{count} of {n}" for count in counts)
    claim = "collapse" if expected else "no collapse"
    reason = f"Collapsed: {each} seeds, {span(interval)} of the share, where {claim} was claimed{tail}."
    return outcome_of(verdict, reason, interval, n, needed)


@claim_test("agreement", "any two networks have nearly proportional operands, such as densities", operands=1, more=True)
def agreement(samples: Samples, *, at_least: Annotated[float, Field(gt=-1, le=1)]) -> Outcome:
    """Judge a claim that independently trained networks agree on a profile of operands, such as layer densities.

    Pearson's correlation over the operands, for each pair of seeds. Holds when it is at least `at_least` for every
    pair, fails when for none; a mixture is inconclusive, and so is a profile without variation. The value is the mean
    over pairs, with the smallest and the largest as its range: pairs share networks, so that is no confidence interval.
    """
    n = samples.shape[1]
    if np.any(samples.std(axis=0) == 0.0):
        return Outcome("inconclusive", "A network has equal operands, so nothing can correlate.", n=n)
    pairs = np.atleast_2d(np.corrcoef(samples.T))[np.triu_indices(n, k=1)]
    reached = int((pairs >= at_least).sum())
    verdict: Verdict = "holds" if reached == len(pairs) else "fails" if reached == 0 else "inconclusive"
    reason = (
        f"{reached} of {len(pairs)} pairs of seeds correlate by at least {rounded(at_least)} over "
        f"{samples.shape[0]} operands; smallest {rounded(float(pairs.min()))}, largest {rounded(float(pairs.max()))}."
    )
    return Outcome(verdict, reason, float(pairs.mean()), float(pairs.min()), float(pairs.max()), n=n)


CLAIM_TESTS: tuple[ClaimTest, ...] = (
    paired_difference,
    equivalence,
    distance,
    threshold,
    sign_change,
    monotone_trend,
    collapse,
    agreement,
    chosen_difference,
    chosen_equivalence,
    relative_gain,
    rank_correlation,
    spread_ratio,
)
"""The tests that `pruneproof` ships."""


def _rank_correlation(row: Samples) -> float:
    """Return Spearman's correlation of a row with its own order; 0 for a constant row."""
    return 0.0 if np.ptp(row) == 0 else float(stats.spearmanr(np.arange(len(row)), row)[0])
