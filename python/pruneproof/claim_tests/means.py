"""Tests of means: one method against another, against a number, or against a bound."""

from pruneproof.api import Outcome, bootstrap_interval, rounded, t_interval
from pruneproof.claim_tests.deciding import (
    DIFFERENCE,
    Level,
    Positive,
    Relation,
    Samples,
    claim_test,
    inside,
    one_sided,
    paired,
)


@claim_test(
    "paired-difference",
    "first operand above (or below) the second by a margin, paired by seed",
    operands=2,
    value=DIFFERENCE,
)
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


@claim_test("equivalence", "two operands equal within a margin, paired by seed", operands=2, value=DIFFERENCE)
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
