"""Sign changes: two methods that cross between two places, and named pairs of methods of which one does."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from pruneproof.api import Outcome, attained_error, fewest_seeds
from pruneproof.claim_tests.deciding import (
    DIFFERENCE,
    Level,
    NotNegative,
    Samples,
    Signs,
    claim_test,
    most_seeds,
    one_sided,
    paired,
    shared_error,
    signs,
    verdict_of,
)

Pairs = Annotated[int, Field(ge=2)]


@claim_test(
    "sign-change",
    "first above second in one place, below it in another",
    operands=4,
    value=DIFFERENCE,
    spends=lambda count, seeds, *, level, **_: max(attained_error(seeds, level), shared_error(seeds, level, 2)),
)
def sign_change(
    samples: Samples, *, margin: float = 0.0, resolution: NotNegative = 0.0, level: Level = 0.95
) -> Outcome:
    """Judge a claim that two methods cross: a_low - b_low > margin and b_high - a_high > margin, in the median.

    The operands are a_low, b_low, a_high, b_high, at two sparsities or by two metrics such as loss and error.
    Intersection-union of two paired differences (Berger 1982): both must hold, and no correction for two tests is due.
    The claim fails when either does, at half the error rate 1 - level each. The figures are those of the half with the
    larger p value for the claim.
    """
    found = {what: signs(each, ">", margin, resolution) for what, each in _halves(samples).items()}
    p_holds, p_fails = _p_values(found.values())
    verdict = verdict_of(p_holds, p_fails, level)
    outcomes = {
        what: one_sided(what, difference, level, ">", margin, "the margin", resolution=resolution)
        for what, difference in _halves(samples).items()
    }
    decides = max(found, key=lambda what: (found[what].p_holds, -found[what].p_fails))
    still_open = (each.seeds_needed for each in outcomes.values() if each.verdict == "inconclusive")
    needed = most_seeds(still_open) if verdict == "inconclusive" else None
    reason = " ".join(each.reason for each in outcomes.values())
    return replace(outcomes[decides], verdict=verdict, reason=reason, seeds_needed=needed, p=min(p_holds, p_fails))


@claim_test(
    "some-sign-change",
    "of several pairs named before, one is first above second in one place and below it in another",
    operands=8,
    more=True,
    value=DIFFERENCE,
    fewest=lambda *, level, pairs, **_: fewest_seeds(1 - (1 - level) / pairs),
    spends=lambda count, seeds, *, level, pairs, **_: max(
        shared_error(seeds, level, pairs), shared_error(seeds, level, 2)
    ),
    refuse=lambda count, *, pairs, **_: (
        "" if count == 4 * pairs else f"got {count} operands for {pairs} pairs; each has four"
    ),
)
def some_sign_change(
    samples: Samples, *, pairs: Pairs, margin: float = 0.0, resolution: NotNegative = 0.0, level: Level = 0.95
) -> Outcome:
    """Judge a claim that one of several named pairs crosses, each as `sign_change` judges it.

    The operands are the four of `sign_change` for each pair in turn. Holds when a pair crosses at the error rate
    (1 - level) / pairs (Bonferroni, the first step of Holm 1979); fails when every pair fails at 1 - level
    (intersection-union, Berger 1982). The figures are those of the pair with the smallest p value for the claim.
    """
    each = samples.reshape(pairs, 4, -1)
    p_values = [_p_values(signs(half, ">", margin, resolution) for half in _halves(part).values()) for part in each]
    p_holds = min(1.0, pairs * min(holds for holds, _ in p_values))
    p_fails = max(fails for _, fails in p_values)
    verdict = verdict_of(p_holds, p_fails, level)
    best = min(range(pairs), key=lambda number: (p_values[number][0], -p_values[number][1]))
    corrected = 1 - (1 - level) / pairs
    found = sign_change.decide(each[best], margin=margin, resolution=resolution, level=corrected)
    reason = f"Of {pairs} pairs, number {best + 1} is the nearest to crossing. {found.reason}"
    needed = found.seeds_needed if verdict == "inconclusive" else None
    return replace(found, verdict=verdict, reason=reason, seeds_needed=needed, p=min(p_holds, p_fails))


def _halves(samples: Samples) -> dict[str, Samples]:
    a_low, b_low, a_high, b_high = samples
    return {
        "The median of first - second": paired(a_low, b_low),
        "The median of fourth - third": paired(b_high, a_high),
    }


def _p_values(halves: Iterable[Signs]) -> tuple[float, float]:
    """Return the p values for a crossing, which both halves must show, and against it, which either may."""
    found = list(halves)
    return max(each.p_holds for each in found), min(1.0, 2 * min(each.p_fails for each in found))
