"""A claim test: in which share of the seeds is one network better?"""

from collections.abc import Iterable, Sequence
from math import comb, isfinite

from pruneproof.api import BadConfig, ClaimTest, Outcome, ValueScale, Verdict, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_claim_test(samples: Sequence[Sequence[float]], *, level: float = 0.95) -> Outcome:
    """Judge by the sign test that the first operand is above the second: holds if 2 P(B >= k) <= 1 - level.

    k of n seeds are above, and B counts the heads of n fair coins; fails where as many are below. Seeds without a
    difference, or with one that is not finite, are left out.

    >>> outcome = template_claim_test([[5, 6, 7, 8, 9, 9], [1, 2, 3, 4, 5, 6]])
    >>> outcome.verdict, outcome.value, outcome.reason
    ('holds', 100.0, '6 of 6 seeds are above, p = 0.031.')

    Args:
        samples: one sequence for each operand of the claim, ordered by the same seeds.
        level: a parameter of the test, which claims write next to its id.

    Raises:
        BadConfig: another number of operands than two.
    """
    if len(samples) != 2:
        raise BadConfig(f"the sign test got {len(samples)} operands; it takes exactly 2.")
    differences = [first - second for first, second in zip(*samples, strict=True)]
    signs = [each > 0 for each in differences if each and isfinite(each)]
    n, above = len(signs), sum(signs)
    extreme = max(above, n - above)
    p = min(1.0, 2 * sum(comb(n, k) for k in range(extreme, n + 1)) / 2**n)
    decided: Verdict = "holds" if above == extreme else "fails"
    verdict: Verdict = decided if p <= 1 - level else "inconclusive"
    return Outcome(verdict, f"{above} of {n} seeds are above, p = {p:.2g}.", 100 * above / max(n, 1), n=n, p=p / 2)


TEMPLATE_CLAIM_TEST = ClaimTest(
    id="template-claim-test",
    decide=template_claim_test,
    about="first operand above the second in more seeds than chance explains",
    value=ValueScale(unit="%", range=(0, 100)),
)


@hookimpl
def pruneproof_claim_tests() -> Iterable[ClaimTest]:
    """Register the claim test."""
    return [TEMPLATE_CLAIM_TEST]
