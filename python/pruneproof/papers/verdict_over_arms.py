"""Claim tests over many arms: the best of several, chosen on other seeds than it is judged on; ranks; spreads.

A best setting that is chosen and judged on the same seeds looks better than it is. So the first `choosing` seeds, in
ascending order, choose, and only the others judge.
"""

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from scipy import stats

from pruneproof.contracts.claim_test import Outcome, Verdict
from pruneproof.papers.deciding import Level, Positive, Relation, Samples, claim_test, inside, one_sided, paired
from pruneproof.papers.statistics import bootstrap_interval, rounded, t_interval

Count = Annotated[int, Field(ge=1)]
Prefer = Literal["smaller", "larger"]
Share = Annotated[float, Field(gt=0, le=1)]


def _odd(count: int, **_: object) -> str:
    return "two measurements of each arm, an even number, were expected" if count % 2 else ""


@claim_test(
    "chosen-difference",
    "the best of a first group above (or below) the best of the rest",
    operands=2,
    more=True,
    refuse=lambda count, *, first, **_: "" if first < count else f"more than first = {first} were expected",
)
def chosen_difference(
    samples: Samples,
    *,
    first: Count,
    choosing: Count,
    relation: Relation = "<",
    margin: float = 0.0,
    margin_in_deviations: bool = False,
    prefer: Prefer = "smaller",
    level: Level = 0.95,
) -> Outcome:
    """Judge a claim about two methods at their best: `first` operands are one's settings, the rest the other's.

    Each side's best has the smallest (or largest) mean over the choosing seeds; a - b over the judging seeds is then
    judged as by `paired-difference`. With `margin_in_deviations` the margin counts pooled standard deviations of a
    and b over the judging seeds, taken as known.
    """
    short = _too_few(samples, choosing)
    if short is not None:
        return short
    places = [_best(group, choosing, prefer) for group in (samples[:first], samples[first:])]
    a, b = samples[places[0], choosing:], samples[first + places[1], choosing:]
    unit = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2) if margin_in_deviations else 1.0
    bound = unit * (margin if relation == ">" else -margin)
    difference = paired(a, b)
    chosen = f"Chosen on {choosing} seeds: {_place(places[0], first)} and {_place(places[1], len(samples) - first)}. "
    what = f"{chosen}Best of the first - best of the rest"
    return one_sided(what, difference, bootstrap_interval(difference, level), relation, bound, "the margin")


@claim_test(
    "chosen-equivalence",
    "the best of two groups equal within a share of what they gain",
    operands=3,
    more=True,
    refuse=lambda count, *, first, second, **_: (
        "" if count == first + second + 1 else f"first + second + 1 = {first + second + 1} were expected"
    ),
)
def chosen_equivalence(
    samples: Samples, *, first: Count, second: Count, choosing: Count, share: Positive, level: Level = 0.95
) -> Outcome:
    """Judge a claim that two methods at their best setting are as good: |a - b| <= share · (r - min(a, b)).

    The operands are `first` settings of a, `second` of b, and one reference r that both improve on; smaller is better.
    The tolerance is thus a share of what the better one gains over the reference. Best settings, and which is the
    better one, are chosen on the choosing seeds. On the others, two one-sided t tests as in `equivalence`, of
    a - b ∓ share · gain against 0: holds when both sides are rejected, fails when the difference is clearly beyond one.
    The value is the mean difference as a share of the mean gain; it has no interval.
    """
    short = _too_few(samples, choosing)
    if short is not None:
        return short
    places = [_best(samples[:first], choosing, "smaller"), first + _best(samples[first:-1], choosing, "smaller")]
    better = min(places, key=lambda place: float(samples[place, :choosing].mean()))
    difference = paired(samples[places[0], choosing:], samples[places[1], choosing:])
    gain = paired(samples[-1, choosing:], samples[better, choosing:])
    n, confidence = len(gain), round(2 * level - 1, 12)
    gained = t_interval(gain, level)
    chosen = f"Chosen on {choosing} seeds: {_place(places[0], first)} and {_place(places[1] - first, second)}. "
    if gained.low <= 0:
        reason = f"{chosen}The better one does not clearly gain on the reference, so that there is nothing to share."
        return Outcome("inconclusive", reason, n=n)
    above, below = (t_interval(difference + sign * share * gain, confidence) for sign in (-1, 1))
    value = float(difference.mean() / gain.mean())
    within, outside = above.high <= 0 <= below.low, above.low > 0 or below.high < 0
    verdict: Verdict = "holds" if within else "fails" if outside else "inconclusive"
    where = {"holds": "within", "fails": "outside", "inconclusive": "not clear of"}[verdict]
    reason = (
        f"{chosen}The difference is {rounded(value)} of the gain over n = {n} seeds, {where} the tolerance of "
        f"{rounded(share)} at error rate {1 - level:.3g}."
    )
    return Outcome(verdict, reason, value, n=n)


@claim_test(
    "relative-gain",
    "tuning gains a larger share in one place than in another",
    operands=4,
    more=True,
    refuse=lambda count, *, first, **_: (
        "" if 2 <= first <= count - 2 else f"at least two on each side of first = {first} were expected"
    ),
)
def relative_gain(
    samples: Samples, *, first: Count, choosing: Count, margin: float = 0.0, level: Level = 0.95
) -> Outcome:
    """Judge a claim that tuning matters more in one place: (u - best) / u there > the same elsewhere + margin.

    The first `first` operands are the untuned u and its tuned variants in the one place, the rest in the other; smaller
    is better. The variant is chosen on the choosing seeds, with u among the choices; shares are taken seed by seed on
    the others and their difference is judged as by `paired-difference`.
    """
    short = _too_few(samples, choosing)
    if short is not None:
        return short
    shares = []
    for group in (samples[:first], samples[first:]):
        untuned, tuned = group[0, choosing:], group[_best(group, choosing, "smaller"), choosing:]
        if np.any(untuned == 0):
            return Outcome("inconclusive", "An untuned operand is zero, of which there is no share.", n=untuned.size)
        shares.append((untuned - tuned) / untuned)
    difference = paired(*shares)
    what = f"Shares gained {rounded(float(shares[0].mean()))} and {rounded(float(shares[1].mean()))}. First - second"
    return one_sided(what, difference, bootstrap_interval(difference, level), ">", margin, "the margin")


@claim_test(
    "rank-correlation", "two measurements of the same arms rank them alike, or not", operands=6, more=True, refuse=_odd
)
def rank_correlation(
    samples: Samples, *, within: Share, best: Share = 1.0, below: float | None = None, level: Level = 0.95
) -> Outcome:
    """Judge a claim of weak correlation over arms: |mean Kendall's τ| <= within.

    The first half of the operands are one measurement of the arms, the second half another of the same arms in the same
    order. τ (Kendall's τ-b 1945, which allows for ties) is taken for each seed, whose arms share one dense network,
    and Student's interval of its mean is over seeds: they are independent, arms are not. Only arms whose first
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
            reason = f"In the {_th(seed)} seed fewer than three arms, or equal ones only, are left to rank."
            return Outcome("inconclusive", reason, n=x.shape[1])
        taus.append(tau)
    values = np.array(taus)
    return inside("Kendall's τ", values, t_interval(values, level), -within, within, f"{rounded(within)} around 0")


@claim_test(
    "spread-ratio",
    "differences between arms shrink from one measurement to another",
    operands=4,
    more=True,
    refuse=_odd,
)
def spread_ratio(samples: Samples, *, at_most: Positive, level: Level = 0.95) -> Outcome:
    """Judge a claim of compression: (max - min over arms) afterwards / the same before < at_most.

    The first half of the operands are the measurement before, the second half that afterwards, arms in the same order.
    The ratio is taken for each seed; Student's interval of its mean.
    """
    before, after = (np.ptp(half, axis=0) for half in np.split(samples, 2))
    if np.any(before == 0):
        return Outcome("inconclusive", "In one seed all arms are equal before, so there is no ratio.", n=before.size)
    ratio = after / before
    return one_sided("The ratio of spreads", ratio, t_interval(ratio, level), "<", at_most, "the bound")


def _best(group: Samples, choosing: int, prefer: Prefer) -> int:
    """Return the place of the operand with the best mean over the choosing seeds; the first of equals."""
    means = group[:, :choosing].mean(axis=1)
    return int(means.argmin() if prefer == "smaller" else means.argmax())


def _place(place: int, of: int) -> str:
    """Say which operand was chosen, and whether it stands at an end of its group.

    >>> _place(2, 9), _place(8, 9), _place(0, 1)
    ('the 3rd of 9', 'the 9th of 9 (an end)', 'the only one')
    """
    if of == 1:
        return "the only one"
    return f"the {_th(place)} of {of}{' (an end)' if place in (0, of - 1) else ''}"


def _th(place: int) -> str:
    number = place + 1
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number if number < 20 else number % 10, 'th') }"


def _too_few(samples: Samples, choosing: int) -> Outcome | None:
    left = samples.shape[1] - choosing
    if left >= 2:
        return None
    needed = choosing + 2
    reason = f"{choosing} of {samples.shape[1]} seeds choose, and at least 2 others must judge."
    return Outcome("inconclusive", reason, n=max(left, 0), seeds_needed=needed)
