"""Agreement: networks that come to the same profile of operands."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pruneproof.api import Outcome, ValueScale, rounded, sign_p
from pruneproof.claim_tests.deciding import Level, Samples, claim_test, too_few, verdict_of


@claim_test(
    "agreement",
    "most networks have nearly proportional operands, such as densities",
    operands=1,
    more=True,
    value=ValueScale(unit="correlation", range=(-1, 1)),
)
def agreement(samples: Samples, *, at_least: Annotated[float, Field(gt=-1, le=1)], level: Level = 0.95) -> Outcome:
    """Judge a claim that independently trained networks agree on a profile of operands, such as layer densities.

    Two networks agree when their operands correlate (Pearson) by at least `at_least`. The claim is read as one about
    the typical network: more than half of all networks agree with each other. The largest set of networks of which any
    two agree is counted among the n; an exact binomial test of that count against one half at error rate 1 - level
    decides. A profile without variation is inconclusive. The value is the mean correlation over pairs, with the
    smallest and the largest as its range: pairs share networks, so that is no confidence interval.
    """
    n = samples.shape[1]
    if np.any(samples.std(axis=0) == 0.0):
        return Outcome("inconclusive", "A network has equal operands, so nothing can correlate.", n=n)
    correlations = np.atleast_2d(np.corrcoef(samples.T))
    pairs = correlations[np.triu_indices(n, k=1)]
    agree = correlations >= at_least
    together = _largest(agree)
    p_holds, p_fails = sign_p(together, n), sign_p(n - together, n)
    verdict, p = verdict_of(p_holds, p_fails, level), min(p_holds, p_fails)
    tail = too_few(n, level) if verdict == "inconclusive" else ""
    reason = (
        f"Of n = {n} networks {together if together > 1 else 'no two'} agree with each other by at least "
        f"{rounded(at_least)} over {samples.shape[0]} operands, p = {p:.2g} at error rate {1 - level:.2g}; smallest "
        f"correlation {rounded(float(pairs.min()))}, largest {rounded(float(pairs.max()))}{tail}."
    )
    mean, low, high = float(pairs.mean()), float(pairs.min()), float(pairs.max())
    return Outcome(verdict, reason, mean, low, high, n=n, p=p, bounds=(at_least,))


def _largest(agree: NDArray[np.bool_]) -> int:
    """Return the size of the largest set of networks of which any two agree."""

    def grown(size: int, others: list[int]) -> int:
        best = size
        for place, one in enumerate(others):
            if size + len(others) - place > best:
                best = max(best, grown(size + 1, [each for each in others[place + 1 :] if agree[one, each]]))
        return best

    return grown(0, list(range(len(agree))))
