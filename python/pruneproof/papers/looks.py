"""Looks: the sets of seeds on which a claim was judged before, and what they leave of its error rate.

A claim that is judged again on other seeds has one more chance of a wrong verdict. A look spends the error rate that
its test really has on so many seeds; the next is judged at what is left, so that all together stay within that of the
claim: P(any wrong) <= sum of P(each wrong) (Bonferroni).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pruneproof.contracts.claims import ClaimTest, Outcome
from pruneproof.contracts.functions import options

LEVEL = 0.95
"""Of a test that takes no level."""
NOTHING = 1e-9
"""An error rate below this is none."""


@dataclass(frozen=True)
class Looks:
    """The looks at a claim before the present one."""

    earlier: tuple[tuple[int, ...], ...] = ()
    """The seeds of each, in order."""
    spent: float = 0.0
    """How often one of them gives a wrong verdict, at most."""


FIRST = Looks()


def left(test: ClaimTest, parameters: Mapping[str, Any], looks: Looks) -> float:
    """Return the error rate that earlier looks leave: that of the claim where there are none, 0 for nothing."""
    level = parameters.get("level", options(test.decide).get("level", LEVEL))
    rest = float(1 - level) - looks.spent
    return rest if rest > NOTHING else 0.0


def spent_by(test: ClaimTest, parameters: Mapping[str, Any], looks: Looks, *, operands: int, seeds: int) -> float:
    """Return the error rate that the present look spends: 0 where so few seeds decide nothing.

    A test that does not say, or takes no level, spends all that is left.
    """
    rest = left(test, parameters, looks)
    if test.spends is None or "level" not in options(test.decide) or not rest:
        return rest
    return test.spends(operands, seeds, **{**parameters, "level": 1 - rest})


def decide(
    test: ClaimTest, samples: Sequence[Sequence[float]], parameters: Mapping[str, Any], looks: Looks
) -> tuple[Outcome, dict[str, Any]]:
    """Return what a test decides at the error rate that is left, and its parameters with the level that this makes."""
    if not looks.earlier:
        return test.decide(samples, **parameters), dict(parameters)
    rest = left(test, parameters, looks)
    corrected = {**parameters, "level": 1 - rest}
    if rest and "level" in options(test.decide):
        return test.decide(samples, **corrected), corrected
    found = test.decide(samples, **parameters)
    reason = f"{found.reason} Earlier looks have used up the error rate of this claim, so that nothing is decided."
    return replace(found, verdict="inconclusive", reason=reason, seeds_needed=None), {**parameters, "level": 1.0}
