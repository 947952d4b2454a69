"""Collapse: networks that have stopped to answer their input."""

from pruneproof.api import Outcome, ValueScale, Verdict, seeds_to_exclude_half, share_interval
from pruneproof.claim_tests.deciding import Level, NotNegative, Samples, advice, claim_test, outcome_of, span


@claim_test(
    "collapse",
    "networks collapse, or none does",
    operands=1,
    more=True,
    value=ValueScale(unit="share of seeds", range=(0, 1), counts="collapsed"),
)
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
