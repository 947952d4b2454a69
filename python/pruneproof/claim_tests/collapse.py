"""Collapse: networks that have stopped to answer their input, and what repairs them."""

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pruneproof.api import (
    Outcome,
    ValueScale,
    attained_error,
    fewest_seeds,
    seeds_to_settle,
    share_interval,
    sign_p,
)
from pruneproof.claim_tests.deciding import (
    Level,
    NotNegative,
    Samples,
    advice,
    claim_test,
    outcome_of,
    span,
    too_few,
    verdict_of,
)

Share = Annotated[float, Field(gt=0, lt=1)]


@claim_test(
    "collapse",
    "networks collapse, or none does",
    operands=1,
    more=True,
    value=ValueScale(unit="share of seeds", range=(0, 1), counts="collapsed"),
    fewest=lambda *, level, share, **_: min(fewest_seeds(level, share), fewest_seeds(level, 1 - share)),
    spends=lambda count, seeds, *, level, share, **_: max(
        attained_error(seeds, level, share), count * attained_error(seeds, 1 - (1 - level) / count, 1 - share)
    ),
)
def collapse(
    samples: Samples,
    *,
    expected: bool,
    chance: NotNegative | None = None,
    tolerance: NotNegative = 0.0,
    share: Share = 0.5,
    level: Level = 0.95,
) -> Outcome:
    """Judge a claim that networks collapse (`expected`) or do not, each network being one case.

    With `chance`, a network has collapsed when its value (an accuracy) is at most chance + tolerance. Without, when its
    value (`constant_output`, the number of `empty_tensors`) is above tolerance.

    The claim is read as one about the typical network: more than `share` of them do as claimed. It holds or fails when
    Clopper and Pearson's interval of the share, of confidence 2 level - 1, lies wholly on one side of that: an exact
    binomial test at error rate 1 - level. With several operands the claim is about each of them: it holds when it does
    for all, and fails when it does for one, at 1 - level shared out over them. The value is the share of *collapsed*
    networks, in [0, 1], of the operand that speaks most against the claim.
    """
    operands, n = samples.shape
    collapsed = has_collapsed(samples, chance, tolerance).sum(axis=1)
    worst = int(collapsed.min() if expected else collapsed.max())
    as_claimed = worst if expected else n - worst
    p_holds = sign_p(as_claimed, n, share)
    p_fails = min(1.0, operands * sign_p(n - as_claimed, n, 1 - share))
    verdict = verdict_of(p_holds, p_fails, level)
    needed, tail = None, ""
    if verdict == "inconclusive":
        towards = seeds_to_settle(as_claimed, n, level, share)
        needed = towards if towards is not None else seeds_to_settle(n - as_claimed, n, level, 1 - share)
        tail = too_few(n, level, share) or advice(needed)
    interval = share_interval(worst, n, 2 * level - 1)
    each = ", ".join(f"{count} of {n}" for count in collapsed)
    claim = f"more than {share:.3g} {'collapsed' if expected else 'not collapsed'}"
    p = min(p_holds, p_fails)
    reason = (
        f"Collapsed: {each} seeds, {span(interval)} of the share, where {claim} was claimed, p = {p:.2g} at error rate "
        f"{1 - level:.2g}{tail}."
    )
    return outcome_of(verdict, reason, interval, n, needed, p, (share if expected else 1 - share,))


@claim_test(
    "repair",
    "more networks repaired than broken, paired by seed",
    operands=2,
    spends=lambda count, seeds, *, level, **_: max(attained_error(changed, level) for changed in range(seeds + 1)),
    value=ValueScale(unit="share of seeds that changed", range=(0, 1), counts="that changed were repaired"),
)
def repair(
    samples: Samples, *, chance: NotNegative | None = None, tolerance: NotNegative = 0.0, level: Level = 0.95
) -> Outcome:
    """Judge a claim that the first operand repairs what has collapsed in the second: McNemar's exact test (1947).

    A network is repaired when it has collapsed in the second and not in the first operand, broken when the other way
    round; collapse is decided as by `collapse`. The claim, that of the networks that change more than half are
    repaired, holds or fails when the exact binomial test over these networks rejects the other at error rate 1 - level.
    The value is the share of the changed networks that were repaired, in [0, 1], with Clopper and Pearson's interval.
    """
    treated, untreated = has_collapsed(samples, chance, tolerance)
    seeds = len(treated)
    repaired, broken = int((untreated & ~treated).sum()), int((treated & ~untreated).sum())
    n = repaired + broken
    if n == 0:
        return Outcome("inconclusive", f"Of {seeds} networks none was repaired and none broken.", n=seeds, p=1.0)
    p_holds, p_fails = sign_p(repaired, n), sign_p(broken, n)
    verdict, p = verdict_of(p_holds, p_fails, level), min(p_holds, p_fails)
    needed, tail = None, ""
    if verdict == "inconclusive":
        changed = seeds_to_settle(max(repaired, broken), n, level)
        needed = None if changed is None else math.ceil(changed * seeds / n)
        tail = too_few(n, level) or advice(needed)
    interval = share_interval(repaired, n, 2 * level - 1)
    reason = (
        f"Of {seeds} networks {repaired} were repaired and {broken} broken, {span(interval)} of the share repaired, "
        f"p = {p:.2g} at error rate {1 - level:.2g}{tail}."
    )
    return outcome_of(verdict, reason, interval, n, needed, p, (0.5,))


def has_collapsed(samples: Samples, chance: float | None, tolerance: float) -> NDArray[np.bool_]:
    """Return which networks have collapsed, of the shape of the samples."""
    found: NDArray[np.bool_] = samples > tolerance if chance is None else samples <= chance + tolerance
    return found
