"""The best of several settings, chosen on other seeds than it is judged on.

A best setting that is chosen and judged on the same seeds looks better than it is. So the first `choosing` seeds, in
ascending order, choose, and only the others judge.
"""

import math
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from scipy import stats

from pruneproof.api import Outcome, ValueScale, attained_error, fewest_seeds, rounded
from pruneproof.claim_tests.deciding import (
    DIFFERENCE,
    Level,
    NotNegative,
    Positive,
    Relation,
    Samples,
    claim_test,
    inside,
    one_sided,
    ordinal,
    paired,
)

Count = Annotated[int, Field(ge=1)]
Prefer = Literal["smaller", "larger"]


def _choosing_and_judging(*, choosing: int, level: float, **_: object) -> int:
    return choosing + fewest_seeds(level)


def _by_those_that_judge(count: int, seeds: int, *, choosing: int, level: float, **_: object) -> float:
    return attained_error(max(seeds - choosing, 0), level)


def _refused(right: bool, count: int, expected: str) -> str:
    return "" if right else f"got {count} operands; {expected} were expected"


@claim_test(
    "chosen-difference",
    "the best of a first group above (or below) the best of the rest",
    operands=2,
    more=True,
    refuse=lambda count, *, first, **_: (
        "" if first < count else f"got {count} operands; more than first = {first} were expected"
    ),
    value=DIFFERENCE,
    fewest=_choosing_and_judging,
    spends=_by_those_that_judge,
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
    resolution: NotNegative = 0.0,
    level: Level = 0.95,
) -> Outcome:
    """Judge a claim about two methods at their best: `first` operands are one's settings, the rest the other's.

    Each side's best has the smallest (or largest) mean over the choosing seeds; the median of a - b over the judging
    seeds is then judged as by `paired-difference`. With `margin_in_deviations` the margin counts pooled standard
    deviations of a and b, estimated from all seeds: the end of their chi-square interval, at confidence `level`, that
    speaks against a decision is taken, which supposes normal seeds.
    """
    if short := _too_few(samples, choosing, level):
        return short
    places = [_best(group, choosing, prefer) for group in (samples[:first], samples[first:])]
    a, b = samples[places[0]], samples[first + places[1]]
    difference = paired(a[choosing:], b[choosing:])
    bounds = [margin if relation == ">" else -margin]
    if margin_in_deviations:
        bounds = [bounds[0] * unit for unit in _deviations(a, b, level)]
    chosen = f"Chosen on {choosing} seeds: {_place(places[0], first)} and {_place(places[1], len(samples) - first)}. "
    what = f"{chosen}The median of best of the first - best of the rest"
    outcomes = [
        one_sided(what, difference, level, relation, bound, "the margin", resolution=resolution) for bound in bounds
    ]
    least = max(outcomes, key=lambda each: each.p or 0.0)
    if len({each.verdict for each in outcomes}) == 1:
        return least
    edges = " to ".join(rounded(bound) for bound in bounds)
    reason = f"{least.reason} The margin, known as {edges} only, leaves it open."
    return replace(least, verdict="inconclusive", reason=reason, p=None, bounds=tuple(bounds))


@claim_test(
    "chosen-equivalence",
    "the best of two groups equal within a share of what they gain",
    operands=3,
    more=True,
    refuse=lambda count, *, first, second, **_: (
        ""
        if count == first + second + 1
        else f"got {count} operands; first + second + 1 = {first + second + 1} were expected"
    ),
    value=ValueScale(unit="of the gain"),
    fewest=_choosing_and_judging,
    spends=_by_those_that_judge,
)
def chosen_equivalence(
    samples: Samples, *, first: Count, second: Count, choosing: Count, share: Positive, level: Level = 0.95
) -> Outcome:
    """Judge a claim that two methods at their best setting are as good: |a - b| <= share · (r - min(a, b)).

    The operands are `first` settings of a, `second` of b, and one reference r that both improve on; smaller is better.
    The tolerance is thus a share of what the better one gains over the reference. Best settings, and which is the
    better one, are chosen on the choosing seeds. On the others the difference is taken as a share of the gain, seed by
    seed, and its median judged as by `equivalence`. Where a judging seed gains nothing there is no share.
    """
    if short := _too_few(samples, choosing, level):
        return short
    places = [_best(samples[:first], choosing, "smaller"), first + _best(samples[first:-1], choosing, "smaller")]
    better = min(places, key=lambda place: float(samples[place, :choosing].mean()))
    difference = paired(samples[places[0], choosing:], samples[places[1], choosing:])
    gain = paired(samples[-1, choosing:], samples[better, choosing:])
    chosen = f"Chosen on {choosing} seeds: {_place(places[0], first)} and {_place(places[1] - first, second)}. "
    if np.any(gain <= 0):
        lost = int((gain <= 0).sum())
        reason = f"{chosen}In {lost} of {len(gain)} seeds the better one gains nothing: there is nothing to share."
        return Outcome("inconclusive", reason, n=len(gain))
    region = f"the tolerance of {rounded(share)} around 0"
    return inside(
        f"{chosen}The median difference as a share of the gain", difference / gain, level, -share, share, region
    )


@claim_test(
    "relative-gain",
    "tuning gains a larger share in one place than in another",
    operands=4,
    more=True,
    refuse=lambda count, *, first, **_: (
        ""
        if 2 <= first <= count - 2
        else f"got {count} operands; at least two on each side of first = {first} were expected"
    ),
    value=ValueScale(unit="share", signed=True),
    fewest=_choosing_and_judging,
    spends=_by_those_that_judge,
)
def relative_gain(
    samples: Samples, *, first: Count, choosing: Count, margin: float = 0.0, level: Level = 0.95
) -> Outcome:
    """Judge a claim that tuning matters more in one place: (u - best) / u there > the same elsewhere + margin.

    The first `first` operands are the untuned u and its tuned variants in the one place, the rest in the other; smaller
    is better. The variant is chosen on the choosing seeds, with u among the choices; shares are taken seed by seed on
    the others and the median of their difference is judged as by `paired-difference`.
    """
    if short := _too_few(samples, choosing, level):
        return short
    shares = []
    for group in (samples[:first], samples[first:]):
        untuned, tuned = group[0, choosing:], group[_best(group, choosing, "smaller"), choosing:]
        if np.any(untuned == 0):
            return Outcome("inconclusive", "An untuned operand is zero, of which there is no share.", n=untuned.size)
        shares.append((untuned - tuned) / untuned)
    difference = paired(*shares)
    gained = " and ".join(rounded(float(np.median(each))) for each in shares)
    return one_sided(
        f"Shares gained: {gained}. The median of first - second", difference, level, ">", margin, "the margin"
    )


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


def _deviations(a: Samples, b: Samples, level: float) -> tuple[float, float]:
    """Return the chi-square interval for the pooled standard deviation of two methods, at confidence 2 level - 1."""
    freedom = a.size + b.size - 2
    square = freedom * (a.var(ddof=1) + b.var(ddof=1)) / 2
    return math.sqrt(square / stats.chi2.ppf(level, freedom)), math.sqrt(square / stats.chi2.ppf(1 - level, freedom))


def _too_few(samples: Samples, choosing: int, level: float) -> Outcome | None:
    seeds, fewest = samples.shape[1], fewest_seeds(level)
    if seeds - choosing >= fewest:
        return None
    reason = (
        f"{choosing} of {seeds} seeds choose, and at least {fewest} others must judge for a decision at error rate "
        f"{1 - level:.2g}."
    )
    return Outcome("inconclusive", reason, n=max(seeds - choosing, 0), seeds_needed=choosing + fewest)
