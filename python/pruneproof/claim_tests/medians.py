"""Tests of the typical seed: one method against another, against a number, or against a bound.

All judge a median over seeds by exact sign tests, see `deciding.one_sided`.
"""

from pruneproof.api import Outcome, rounded
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
    paired,
)


def _small_effect(count: int, *, margin: float, effect: float | None, **_: object) -> str:
    if effect is None or effect > margin:
        return ""
    return f"got effect = {effect:g}; an effect above margin = {margin:g} was expected"


@claim_test(
    "paired-difference",
    "first operand above (or below) the second by a margin, paired by seed",
    operands=2,
    value=DIFFERENCE,
    refuse=_small_effect,
)
def paired_difference(
    samples: Samples,
    *,
    relation: Relation = ">",
    margin: float = 0.0,
    effect: Positive | None = None,
    resolution: NotNegative = 0.0,
    level: Level = 0.95,
) -> Outcome:
    """Judge a claim that one method beats another: median of a - b > margin (or b - a > margin for `<`), by seed.

    Holds when the median's interval lies wholly beyond the margin in the claimed direction, fails when wholly on the
    other side. A negative margin says "not worse by more than". With `effect`, the size of the difference that was
    claimed, an open claim is `absent` where the interval excludes a difference as large as that.
    """
    difference = paired(samples[0], samples[1])
    bound = margin if relation == ">" else -margin
    what = "The median of first - second"
    return one_sided(what, difference, level, relation, bound, "the margin", resolution=resolution, effect=effect)


@claim_test("equivalence", "two operands equal within a margin, paired by seed", operands=2, value=DIFFERENCE)
def equivalence(samples: Samples, *, margin: Positive, resolution: NotNegative = 0.0, level: Level = 0.95) -> Outcome:
    """Judge a claim that two methods are as good: |median of a - b| <= margin, paired by seed.

    Two one-sided tests: holds when the median's interval lies within ±margin, fails when wholly outside.
    """
    difference = paired(samples[0], samples[1])
    region = f"the margin of {rounded(margin)} around 0"
    return inside("The median of first - second", difference, level, -margin, margin, region, resolution=resolution)


@claim_test("distance", "the median within a tolerance of the reported value", operands=1)
def distance(
    samples: Samples, *, reported: float, tolerance: Positive, resolution: NotNegative = 0.0, level: Level = 0.95
) -> Outcome:
    """Judge a claim that a number is reproduced: |median - reported| <= tolerance.

    Two one-sided tests: holds when the median's interval lies wholly within the tolerance, fails when wholly outside.
    """
    region = f"{rounded(tolerance)} of the reported {rounded(reported)}"
    low, high = reported - tolerance, reported + tolerance
    return inside("The median", samples[0], level, low, high, region, resolution=resolution)


@claim_test("threshold", "the median above or below a value", operands=1)
def threshold(
    samples: Samples, *, relation: Relation, value: float, resolution: NotNegative = 0.0, level: Level = 0.95
) -> Outcome:
    """Judge a claim about one network: median > value (or <)."""
    return one_sided("The median", samples[0], level, relation, value, "the threshold", resolution=resolution)
