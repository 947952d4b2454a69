"""The statistical tests that claims name: from samples over seeds to a verdict.

Every test takes one sequence of numbers per operand, aligned by seed, and states its parameters as keyword arguments.
Parameters and the number of operands are checked before the numbers are, so `decide([[], []], **parameters)` tries a
configuration without any evidence. Fewer than two seeds, or a number that is not finite (a diverged network has no
loss), give `inconclusive`: hours of training are never lost to one seed.
"""

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from scipy import stats

from pruneproof.contracts.claim_test import ClaimTest, Outcome, Verdict
from pruneproof.errors import BadConfig
from pruneproof.papers.statistics import (
    MOST_SEEDS,
    Interval,
    bootstrap_interval,
    rounded,
    seeds_to_clear,
    seeds_to_exclude_half,
    share_interval,
    t_interval,
)

Samples = NDArray[np.float64]
Level = Annotated[float, Field(gt=0.5, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Relation = Literal[">", "<"]


def _test(name: str, about: str, *, operands: int, more: bool = False) -> Callable[[Callable[..., Outcome]], ClaimTest]:
    """Make a claim test of a function that takes the samples as one array of shape (operands, seeds)."""

    def register(function: Callable[..., Outcome]) -> ClaimTest:
        options = _options(name, function)

        @functools.wraps(function)  # whose keyword arguments are the options that configs are checked against
        def decide(samples: Sequence[Sequence[float]], **parameters: Any) -> Outcome:
            if len(samples) < operands or (len(samples) > operands and not more):
                wanted = f"at least {operands}" if more else f"exactly {operands}"
                raise BadConfig(f'claim test "{name}" got {len(samples)} operands; it takes {wanted}.')
            resolved = _resolve(name, options, parameters)
            counts = [len(each) for each in samples]
            if len(set(counts)) > 1:
                raise BadConfig(f'claim test "{name}": operands have {counts} seeds; they must share the same seeds.')
            n = counts[0]
            if n < 2:
                reason = f"n = {n} cannot tell a difference from chance: at least 2 seeds are needed."
                return Outcome("inconclusive", reason, n=n, seeds_needed=2)
            values = np.array(samples, dtype=np.float64)
            broken = int((~np.isfinite(values)).sum())
            if broken:
                reason = (
                    f"{broken} of {values.size} values are not finite (diverged networks): there is no mean to judge."
                )
                return Outcome("inconclusive", reason, n=n)
            return function(values, **resolved)

        return ClaimTest(name, decide, about)

    return register


def _options(name: str, function: Callable[..., Outcome]) -> type[BaseModel]:
    """Return the parameters of a test as a pydantic model that refuses all others."""
    fields: dict[str, Any] = {
        each.name: (each.annotation, ... if each.default is each.empty else each.default)
        for each in inspect.signature(function).parameters.values()
        if each.kind is each.KEYWORD_ONLY
    }
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return create_model(name, __config__=config, **fields)


def _resolve(name: str, options: type[BaseModel], parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with their defaults."""
    try:
        return options(**parameters).model_dump()
    except ValidationError as problem:
        # A misspelt name is also a missing one; the misspelling is the news.
        first = max(problem.errors(), key=lambda each: each["type"] == "extra_forbidden")
        known = ", ".join(options.model_fields)
        message = {
            "extra_forbidden": "it takes no such parameter",
            "missing": "it is missing and has no default; write it in claims.toml",
        }.get(first["type"], f"{first['msg'][0].lower()}{first['msg'][1:]}, found {first['input']!r}")
        raise BadConfig(f'claim test "{name}", parameter "{first["loc"][0]}": {message}. Known: {known}.') from problem


@_test("paired-difference", "first operand above (or below) the second by a margin, paired by seed", operands=2)
def paired_difference(
    samples: Samples, *, relation: Relation = ">", margin: float = 0.0, level: Level = 0.95
) -> Outcome:
    """Judge a claim that one method beats another: a - b > margin (or b - a > margin for `<`), paired by seed.

    Bootstrap interval of the mean of a - b (`statistics.bootstrap_interval`). Holds when it lies wholly beyond the
    margin in the claimed direction, fails when wholly on the other side. A negative margin says "not worse by more
    than".
    """
    difference = _difference(samples[0], samples[1])
    bound = margin if relation == ">" else -margin
    interval = bootstrap_interval(difference, level)
    return _one_sided("The mean of first - second", difference, interval, relation, bound, "the margin")


@_test("equivalence", "two operands equal within a margin, paired by seed", operands=2)
def equivalence(samples: Samples, *, margin: Positive, level: Level = 0.95) -> Outcome:
    """Judge a claim that two methods are as good: |a - b| <= margin, paired by seed.

    Two one-sided t tests (Schuirmann 1987), each at error rate 1 - level. That is to ask that the interval of
    confidence 2 level - 1 (90 % for 0.95), which is the one reported, lies within ±margin; the claim fails when it lies
    wholly outside.
    """
    difference = _difference(samples[0], samples[1])
    interval = t_interval(difference, round(2 * level - 1, 12))
    region = f"the margin of {rounded(margin)} around 0"
    return _inside("The mean of first - second", difference, interval, -margin, margin, region)


@_test("distance", "the mean within a tolerance of the reported value", operands=1)
def distance(samples: Samples, *, reported: float, tolerance: Positive, level: Level = 0.95) -> Outcome:
    """Judge a claim that a number is reproduced: |mean - reported| <= tolerance.

    Student's t interval of the mean: holds when it lies wholly within the tolerance, fails when wholly outside.
    """
    interval = t_interval(samples[0], level)
    region = f"{rounded(tolerance)} of the reported {rounded(reported)}"
    return _inside("The mean", samples[0], interval, reported - tolerance, reported + tolerance, region)


@_test("threshold", "the mean above or below a value", operands=1)
def threshold(samples: Samples, *, relation: Relation, value: float, level: Level = 0.95) -> Outcome:
    """Judge a claim about one network: mean > value (or <), by Student's t interval of the mean."""
    return _one_sided("The mean", samples[0], t_interval(samples[0], level), relation, value, "the threshold")


@_test("sign-change", "first above second at low sparsity, below it at high sparsity", operands=4)
def sign_change(samples: Samples, *, margin: float = 0.0, level: Level = 0.95) -> Outcome:
    """Judge a claim that two methods cross: a_low - b_low > margin and b_high - a_high > margin.

    The operands are a_low, b_low, a_high, b_high. Intersection-union of two paired differences (Berger 1982): both must
    hold, and no correction for two tests is due. The claim fails when either does, where it may err twice as often as
    one test. The figures are those of the half that decides, the one with the lower interval if both do.
    """
    a_low, b_low, a_high, b_high = samples
    halves = []
    for what, x, y in (
        ("At the lower sparsity the mean of first - second", a_low, b_low),
        ("At the higher sparsity the mean of second - first", b_high, a_high),
    ):
        difference = _difference(x, y)
        interval = bootstrap_interval(difference, level)
        halves.append((_one_sided(what, difference, interval, ">", margin, "the margin"), interval.low))
    order: tuple[Verdict, ...] = ("fails", "inconclusive", "holds")
    decides, _ = min(halves, key=lambda half: (order.index(half[0].verdict), half[1]))
    reason = " ".join(half.reason for half, _ in halves)
    undecided = [half.seeds_needed for half, _ in halves if half.verdict == "inconclusive"]
    needed = None
    if decides.verdict == "inconclusive" and None not in undecided:
        needed = max(count for count in undecided if count is not None)
    return replace(decides, reason=reason, seeds_needed=needed)


@_test("monotone-trend", "operands rise or fall in their order", operands=3, more=True)
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
        tail = f"; {_advice(needed)}"
    reason = (
        f"Mean rank correlation with the order {rounded(correlation)} over n = {n} seeds and {operands} operands, "
        f"p = {claimed:.3g} for {direction}, p = {other:.3g} for the opposite{tail}."
    )
    return Outcome(verdict, reason, correlation, n=n, seeds_needed=needed)


@_test("collapse", "networks collapse, or none does", operands=1, more=True)
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
        tail = f"; {_advice(needed)}"
    each = ", ".join(f"{count} of {n}" for count in counts)
    claim = "collapse" if expected else "no collapse"
    reason = f"Collapsed: {each} seeds, {_span(interval)} of the share, where {claim} was claimed{tail}."
    return _outcome(verdict, reason, interval, n, needed)


@_test("agreement", "any two networks have nearly proportional operands, such as densities", operands=1, more=True)
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
)
"""The tests that `pruneproof` ships."""


def _one_sided(what: str, sample: Samples, interval: Interval, relation: Relation, bound: float, edge: str) -> Outcome:
    """Judge `mean relation bound` by an interval of the mean."""
    above, below = interval.low > bound, interval.high < bound
    if above or below:
        verdict: Verdict = "holds" if above == (relation == ">") else "fails"
        return _mean_outcome(
            verdict, what, sample, interval, f"wholly {'above' if above else 'below'} {edge} {rounded(bound)}"
        )
    return _mean_outcome(
        "inconclusive", what, sample, interval, f"not clear of {edge} {rounded(bound)}", [abs(interval.value - bound)]
    )


def _inside(what: str, sample: Samples, interval: Interval, low: float, high: float, region: str) -> Outcome:
    """Judge `low <= mean <= high` by an interval of the mean."""
    if low <= interval.low and interval.high <= high:
        return _mean_outcome("holds", what, sample, interval, f"wholly within {region}")
    if interval.high < low or interval.low > high:
        return _mean_outcome("fails", what, sample, interval, f"wholly outside {region}")
    # A mean inside has two edges to clear, a mean outside only the nearer one.
    gaps = [abs(interval.value - low), abs(interval.value - high)]
    gaps = gaps if low < interval.value < high else [min(gaps)]
    return _mean_outcome("inconclusive", what, sample, interval, f"partly outside {region}", gaps)


def _mean_outcome(
    verdict: Verdict, what: str, sample: Samples, interval: Interval, where: str, gaps: Sequence[float] = ()
) -> Outcome:
    """Put the figures into a sentence; `gaps` to the edges say how many seeds would settle it."""
    n, needed, tail = len(sample), None, ""
    if verdict == "inconclusive":
        needed = seeds_to_clear(gaps, float(sample.std(ddof=1)), interval.level)
        needed = None if needed is None else max(needed, n + 1)
        tail = f"; {_advice(needed)}"
    reason = f"{what} is {rounded(interval.value)} over n = {n} seeds, {_span(interval)}, {where}{tail}."
    return _outcome(verdict, reason, interval, n, needed)


def _outcome(verdict: Verdict, reason: str, interval: Interval, n: int, needed: int | None) -> Outcome:
    return Outcome(verdict, reason, interval.value, interval.low, interval.high, interval.level, n, needed)


def _difference(a: Samples, b: Samples) -> Samples:
    """Return a - b to nine decimals: 0.3 - 0.2 and 0.2 - 0.1 are one and the same difference."""
    difference: Samples = np.round(a - b, 9)
    return difference


def _rank_correlation(row: Samples) -> float:
    """Return Spearman's correlation of a row with its own order; 0 for a constant row."""
    return 0.0 if np.ptp(row) == 0 else float(stats.spearmanr(np.arange(len(row)), row)[0])


def _advice(needed: int | None) -> str:
    count = f"no number of seeds up to {MOST_SEEDS}" if needed is None else f"about {needed} seeds"
    return f"{count} would settle it if these figures stay"


def _span(interval: Interval) -> str:
    return f"{100 * interval.level:g} % interval [{rounded(interval.low)}, {rounded(interval.high)}]"
