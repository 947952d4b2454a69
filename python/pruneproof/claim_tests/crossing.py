"""Sign change: two methods that cross between two places."""

from dataclasses import replace

from pruneproof.api import Outcome, Verdict, bootstrap_interval
from pruneproof.claim_tests.deciding import DIFFERENCE, Level, Samples, claim_test, one_sided, paired


@claim_test("sign-change", "first above second in one place, below it in another", operands=4, value=DIFFERENCE)
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
