"""Sign change: two methods that cross between two places."""

from dataclasses import replace

from pruneproof.api import Outcome
from pruneproof.claim_tests.deciding import (
    DIFFERENCE,
    Level,
    NotNegative,
    Samples,
    claim_test,
    one_sided,
    paired,
    signs,
    verdict_of,
)


@claim_test("sign-change", "first above second in one place, below it in another", operands=4, value=DIFFERENCE)
def sign_change(
    samples: Samples, *, margin: float = 0.0, resolution: NotNegative = 0.0, level: Level = 0.95
) -> Outcome:
    """Judge a claim that two methods cross: a_low - b_low > margin and b_high - a_high > margin, in the median.

    The operands are a_low, b_low, a_high, b_high, at two sparsities or by two metrics such as loss and error.
    Intersection-union of two paired differences (Berger 1982): both must hold, and no correction for two tests is due.
    The claim fails when either does, at half the error rate 1 - level each. The figures are those of the half with the
    larger p value for the claim.
    """
    a_low, b_low, a_high, b_high = samples
    halves = {
        "The median of first - second": paired(a_low, b_low),
        "The median of fourth - third": paired(b_high, a_high),
    }
    found = {what: signs(difference, ">", margin, resolution) for what, difference in halves.items()}
    p_holds = max(each.p_holds for each in found.values())
    p_fails = min(1.0, 2 * min(each.p_fails for each in found.values()))
    verdict = verdict_of(p_holds, p_fails, level)
    outcomes = {
        what: one_sided(what, difference, level, ">", margin, "the margin", resolution=resolution)
        for what, difference in halves.items()
    }
    decides = max(found, key=lambda what: (found[what].p_holds, -found[what].p_fails))
    undecided = [each.seeds_needed for each in outcomes.values() if each.verdict == "inconclusive"]
    known = [count for count in undecided if count is not None]
    needed = max(known) if verdict == "inconclusive" and known and len(known) == len(undecided) else None
    reason = " ".join(each.reason for each in outcomes.values())
    return replace(outcomes[decides], verdict=verdict, reason=reason, seeds_needed=needed, p=min(p_holds, p_fails))
