"""Agreement: networks that come to the same profile of operands."""

from typing import Annotated

import numpy as np
from pydantic import Field

from pruneproof.api import Outcome, ValueScale, Verdict, rounded
from pruneproof.claim_tests.deciding import Samples, claim_test


@claim_test(
    "agreement",
    "any two networks have nearly proportional operands, such as densities",
    operands=1,
    more=True,
    value=ValueScale(unit="correlation", range=(-1, 1)),
)
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
