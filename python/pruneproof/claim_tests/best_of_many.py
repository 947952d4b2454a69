"""The best of several settings, chosen on other seeds than it is judged on.

A best setting that is chosen and judged on the same seeds looks better than it is. So the first `choosing` seeds, in
ascending order, choose, and only the others judge.
"""

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from pruneproof.api import Outcome, ValueScale, Verdict, bootstrap_interval, rounded, t_interval
from pruneproof.claim_tests.deciding import (
    DIFFERENCE,
    Level,
    Positive,
    Relation,
    Samples,
    claim_test,
    one_sided,
    ordinal,
    paired,
)

Count = Annotated[int, Field(ge=1)]
Prefer = Literal["smaller", "larger"]


@claim_test(
    "chosen-difference",
    "the best of a first group above (or below) the best of the rest",
    operands=2,
    more=True,
    refuse=lambda count, *, first, **_: "" if first < count else f"more than first = {first} were expected",
    value=DIFFERENCE,
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
    value=ValueScale(unit="of the gain"),
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
    value=ValueScale(unit="share", signed=True),
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
    return f"the {ordinal(place)} of {of}{' (an end)' if place in (0, of - 1) else ''}"


def _too_few(samples: Samples, choosing: int) -> Outcome | None:
    left = samples.shape[1] - choosing
    if left >= 2:
        return None
    needed = choosing + 2
    reason = f"{choosing} of {samples.shape[1]} seeds choose, and at least 2 others must judge."
    return Outcome("inconclusive", reason, n=max(left, 0), seeds_needed=needed)
