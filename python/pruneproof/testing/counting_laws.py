"""What every counting rule obeys. N is the number of units, s the sparsity and k(s) the number that the rule keeps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from pruneproof.api import CountingRule, PruneproofError
from pruneproof.contracts.functions import ingredients
from pruneproof.selection.rules import ask
from pruneproof.testing import surroundings
from pruneproof.testing.law import law, require
from pruneproof.testing.networks import Readable
from pruneproof.testing.strategies import SEEDS

LARGEST_GAP = 2.0
"""How far from N - s N a count may be where nothing is tied: published codes are off by one or two."""
SPARSITIES = (0.0, 0.2, 0.29, 0.5, 0.6, 0.9, 0.99)


@dataclass(frozen=True, repr=False)
class Counted(Readable):
    """What a counting rule is asked: how many units, with or without equal scores, and the sparsity."""

    size: int = 0
    sparsity: float = -1.0
    ties: bool = False
    seed: int = 0

    def scores(self) -> NDArray[np.float32]:
        """Draw the scores, none below zero."""
        draw = np.random.default_rng(self.seed)
        drawn = draw.integers(0, 3, self.size) if self.ties else draw.permutation(self.size)
        return drawn.astype(np.float32)


def counts() -> st.SearchStrategy[Counted]:
    """Draw numbers of units from one up, and sparsities from nothing to nearly everything."""
    sparsities = st.sampled_from(SPARSITIES) | st.floats(0.0, 1.0, exclude_max=True)
    return st.builds(Counted, st.integers(1, 300), sparsities, st.booleans(), SEEDS)


def plain_counts() -> list[Counted]:
    """Return cases that are always tried: few units and many, with ties and without."""
    return [
        Counted(size, sparsity, ties) for size in (1, 10, 1000) for sparsity in SPARSITIES for ties in (False, True)
    ]


def in_range(rule: CountingRule, case: Counted) -> None:
    """K(s) is a whole number and 0 <= k(s) <= N."""
    found = _count(rule, case)
    whole = isinstance(found, int | np.integer) and not isinstance(found, bool)
    require(whole, f"{found!r} of type {type(found).__name__}", "return an int.")
    require(0 <= found <= case.size, f"{found} of {case.size} units", "clip to [0, N].")


def monotone(rule: CountingRule, case: Counted) -> None:
    """K(s) >= k(s') where s <= s'."""
    more = case.sparsity + (1.0 - case.sparsity) / 2
    assume(more < 1.0)
    before, after = _count(rule, case), _count(rule, case, more)
    advice = "round the same way at every sparsity."
    require(before >= after, f"{before} units at {case.sparsity}, {after} at {more}", advice)


def nothing_removed_at_zero(rule: CountingRule, case: Counted) -> None:
    """K(0) = N."""
    found = _count(rule, case, 0.0)
    require(found == case.size, f"{found} of {case.size} units at sparsity 0", "keep everything at sparsity 0.")


def close_to_asked(rule: CountingRule, case: Counted) -> None:
    """|k(s) - (N - s N)| <= 2 where no two scores are equal."""
    assume(not case.ties)
    found, asked = _count(rule, case), case.size * (1.0 - case.sparsity)
    advice = "`sparsity` is the fraction to remove, not the one to keep."
    require(abs(found - asked) <= LARGEST_GAP, f"{found} units where {asked:.6g} were asked for", advice)


def reproducible(rule: CountingRule, case: Counted) -> None:
    """Two calls give equal counts, whatever the state of the global generators, and leave these where they are."""
    before = surroundings.generator_states()
    first = _count(rule, case)
    advice = "make the count a function of the ingredients and options alone."
    require(surroundings.generator_states() == before, "a global random generator moved", advice)
    surroundings.stir()
    again = _count(rule, case)
    require(first == again, f"{first}, then {again}", advice)


def inputs_untouched(rule: CountingRule, case: Counted) -> None:
    """The scores have the same bits after the call."""
    scores = case.scores()
    _count(rule, case, scores=scores)
    require(np.array_equal(scores, case.scores()), "the scores were written to", "copy before you sort or alter.")


def _count(
    rule: CountingRule, case: Counted, sparsity: float | None = None, scores: NDArray[np.float32] | None = None
) -> Any:
    """Ask the rule of a dense network; what it refuses by one of pruneproof's errors says nothing about a law."""
    asked = case.sparsity if sparsity is None else sparsity
    given = {
        "size": lambda: case.size,
        "sparsity": lambda: asked,
        "scores": lambda: case.scores() if scores is None else scores,
        "total": lambda: case.size,
        "target": lambda: asked,
        "fraction": lambda: asked,
    }
    try:
        return ask(rule.keep, given, {})
    except PruneproofError:
        assume(False)


def _sees_no_scores(rule: CountingRule) -> str:
    return "" if "scores" in ingredients(rule.keep) else "it does not ask for scores"


LAWS = (
    law(in_range),
    law(monotone),
    law(nothing_removed_at_zero),
    law(close_to_asked),
    law(reproducible),
    law(inputs_untouched, skip=_sees_no_scores),
)
