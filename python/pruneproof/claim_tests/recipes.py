"""Crossed recipes: two methods, each also retrained as the other one was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pruneproof.api import Outcome, fewest_seeds, rounded
from pruneproof.claim_tests.deciding import (
    DIFFERENCE,
    Level,
    NotNegative,
    Samples,
    claim_test,
    inside,
    most_seeds,
    one_sided,
    paired,
    shared_error,
    signs,
    verdict_of,
)

Winner = Literal["first", "second", "tie", "interaction"]
Side = Literal[">", "<", "="]
"""Of a difference: above the margin, below minus the margin, or within it."""

PATTERNS: Mapping[Winner, Sequence[tuple[Side, Side]]] = {
    "first": [(">", ">")],
    "second": [("<", "<")],
    "tie": [("=", "=")],
    "interaction": [(">", "<"), ("<", ">")],
}
"""What first - second is under either recipe; an interaction may go either way round."""


@claim_test(
    "crossed-recipes",
    "of two methods under both their recipes one wins twice, none does, or the recipe decides",
    operands=4,
    value=DIFFERENCE,
    fewest=lambda *, level, expected, **_: fewest_seeds(_shared(level, expected)),
    spends=lambda count, seeds, *, level, expected, **_: max(
        shared_error(seeds, level, len(PATTERNS[expected])), shared_error(seeds, level, 2)
    ),
    refuse=lambda count, *, expected, margin, **_: (
        "got margin = 0 for a tie; a margin above 0 was expected" if expected == "tie" and not margin else ""
    ),
)
def crossed_recipes(
    samples: Samples,
    *,
    expected: Winner,
    margin: NotNegative = 0.0,
    resolution: NotNegative = 0.0,
    level: Level = 0.95,
) -> Outcome:
    """Judge a claim about methods A and B whose published recipes differ: A, B, a tie, or the recipe decides.

    The rule of Wang et al. (2023, arXiv 2301.05219, section 5.2): retrain either method by either recipe and compare
    inside each. The operands are A and B by A's recipe, then A and B by B's; larger is better. `first`: the median of
    A - B is above the margin under both; `second`: below minus the margin under both; `tie`: within the margin under
    both; `interaction`: A wins under one recipe and B under the other.

    Intersection-union of the two halves, each judged as by `paired-difference` or `equivalence` (Berger 1982); fails
    when either half does, at half the error rate 1 - level. An interaction goes either way round, each at half the
    error rate. The figures are those of the half with the larger p value for the claim.
    """
    under = {
        "Under the first recipe the median of A - B": paired(samples[0], samples[1]),
        "Under the second recipe the median of A - B": paired(samples[2], samples[3]),
    }
    patterns = [
        [_Half(what, each, side, margin, resolution) for (what, each), side in zip(under.items(), sides, strict=True)]
        for sides in PATTERNS[expected]
    ]
    nearest = min(patterns, key=_p_of)
    p_holds = min(1.0, len(patterns) * _p_of(nearest))
    p_fails = max(min(1.0, 2 * min(half.p_values[1] for half in pattern)) for pattern in patterns)
    verdict = verdict_of(p_holds, p_fails, level)
    decides = max(nearest, key=lambda half: (half.p_values[0], -half.p_values[1]))
    outcomes = {half.what: half.outcome(_shared(level, expected)) for half in nearest}
    still_open = (each.seeds_needed for each in outcomes.values() if each.verdict == "inconclusive")
    needed = most_seeds(still_open) if verdict == "inconclusive" else None
    reason = " ".join(each.reason for each in outcomes.values())
    return replace(outcomes[decides.what], verdict=verdict, reason=reason, seeds_needed=needed, p=min(p_holds, p_fails))


@dataclass(frozen=True)
class _Half:
    """The difference of the methods under one recipe, and on which side it is claimed to be."""

    what: str
    difference: Samples
    side: Side
    margin: float
    resolution: float

    @property
    def p_values(self) -> tuple[float, float]:
        """P values for the claimed side and against it."""
        if self.side == "=":
            edges = self._signs(">", -self.margin), self._signs("<", self.margin)
            return max(holds for holds, _ in edges), min(fails for _, fails in edges)
        return self._signs(self.side, self.bound)

    @property
    def bound(self) -> float:
        """The edge of a side that has one."""
        return self.margin if self.side == ">" else -self.margin

    def _signs(self, relation: Literal[">", "<"], bound: float) -> tuple[float, float]:
        found = signs(self.difference, relation, bound, self.resolution)
        return found.p_holds, found.p_fails

    def outcome(self, level: float) -> Outcome:
        """Judge this half alone."""
        if self.side == "=":
            region = f"the margin of {rounded(self.margin)} around 0"
            low, high = -self.margin, self.margin
            return inside(self.what, self.difference, level, low, high, region, resolution=self.resolution)
        return one_sided(
            self.what, self.difference, level, self.side, self.bound, "the margin", resolution=self.resolution
        )


def _p_of(pattern: Sequence[_Half]) -> float:
    """Return the p value for a pattern, which both halves must show."""
    return max(half.p_values[0] for half in pattern)


def _shared(level: float, expected: Winner) -> float:
    """Return the level of one pattern: the error rate is shared out over those that are possible.

    >>> round(_shared(0.95, "first"), 3), round(_shared(0.95, "interaction"), 3)
    (0.95, 0.975)
    """
    return 1 - (1 - level) / len(PATTERNS[expected])
