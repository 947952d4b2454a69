"""Looks at a claim on ever more seeds stay within its error rate together."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pruneproof.api import ClaimTest, Outcome
from pruneproof.claim_tests.catalogue import CLAIM_TESTS
from pruneproof.papers.looks import FIRST, Looks, decide, left, spent_by

TESTS = {test.id: test for test in CLAIM_TESTS}
DIFFERENCE = TESTS["paired-difference"]
NEEDED = {
    "equivalence": {"margin": 1.0},
    "distance": {"reported": 1.0, "tolerance": 1.0},
    "threshold": {"relation": ">", "value": 1.0},
    "some-sign-change": {"pairs": 2},
    "crossed-recipes": {"expected": "interaction"},
    "monotone-trend": {"direction": "increasing"},
    "collapse": {"expected": True, "share": 0.75},
    "agreement": {"at_least": 0.5},
    "chosen-difference": {"first": 1, "choosing": 3},
    "chosen-equivalence": {"first": 1, "second": 1, "choosing": 3, "share": 0.25},
    "relative-gain": {"first": 2, "choosing": 3},
    "rank-correlation": {"within": 0.4},
    "local-correlation": {"best": 0.5},
    "spread-ratio": {"at_most": 0.2},
}


def look(test, samples, before, **parameters):
    """Return the verdict of a look, and the looks before the next one."""
    outcome, used = decide(test, samples, parameters, before)
    seeds = len(samples[0])
    spent = spent_by(test, parameters, before, operands=len(samples), seeds=seeds)
    return outcome, used, Looks((*before.earlier, tuple(range(seeds))), before.spent + spent)


def ever_holds(first, more, *, corrected):
    """Return how often either of two looks holds, the second on more seeds, where the median is at the bound."""

    def holds(above, n, before):
        signs = np.array([1.0] * above + [-1.0] * (n - above))
        outcome, _, then = look(DIFFERENCE, [signs, 0 * signs], before)
        return outcome.verdict == "holds", then if corrected else FIRST

    chance = 0.0
    for above in range(first + 1):
        at_once, then = holds(above, first, FIRST)
        for added in range(more + 1):
            ways = math.comb(first, above) * math.comb(more, added)
            chance += ways / 2 ** (first + more) * (at_once or holds(above + added, first + more, then)[0])
    return chance


@pytest.mark.parametrize(("first", "more"), [(5, 3), (5, 8), (8, 5), (11, 5)])
def test_two_looks_hold_wrongly_within_the_error_rate_of_one_and_would_exceed_it(first, more):
    assert ever_holds(first, more, corrected=True) <= 0.05 < ever_holds(first, more, corrected=False)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(TESTS)), st.lists(st.integers(2, 12), min_size=1, max_size=5))
def test_all_looks_of_any_test_spend_no_more_than_its_error_rate(name, added):
    parameters = NEEDED.get(name, {})
    spent = 0.0
    for seeds in np.cumsum(added):
        now = spent_by(TESTS[name], parameters, Looks(((0,),), spent), operands=4, seeds=int(seeds))
        assert 0.0 <= now <= 0.05 - spent + 1e-9
        spent += now


def test_a_look_with_too_few_seeds_to_decide_spends_nothing():
    assert spent_by(DIFFERENCE, {}, FIRST, operands=2, seeds=4) == 0.0
    assert spent_by(DIFFERENCE, {}, FIRST, operands=2, seeds=5) == 1 / 32


def test_a_corrected_level_that_so_few_seeds_cannot_reach_says_how_many_are_needed():
    outcome, used, _ = look(DIFFERENCE, [[1.0] * 5, [0.0] * 5], Looks(((7, 8, 9, 10, 11),), 1 / 32))
    assert outcome.verdict == "inconclusive"
    assert used["level"] == pytest.approx(1 - 0.05 + 1 / 32)
    assert outcome.seeds_needed == 6
    assert "at error rate 0.019" in outcome.reason


def test_where_nothing_is_left_nothing_is_decided_and_the_figures_are_still_told():
    nothing = Looks(((0, 1),), 0.05)
    assert left(DIFFERENCE, {}, nothing) == 0.0
    outcome, used, _ = look(DIFFERENCE, [[1.0] * 20, [0.0] * 20], nothing)
    assert (outcome.verdict, outcome.value, used["level"]) == ("inconclusive", 1.0, 1.0)
    assert "used up" in outcome.reason


def test_a_test_without_a_level_has_one_look():
    always = ClaimTest("always", lambda samples: Outcome("holds", "Always.", 1.0), "holds")
    first, _, then = look(always, [[1.0] * 5], FIRST)
    second, _, _ = look(always, [[1.0] * 8], then)
    assert (first.verdict, second.verdict) == ("holds", "inconclusive")


def test_a_level_of_the_claim_is_what_is_shared_out():
    before = Looks(((0,),), 0.0078125)
    assert left(DIFFERENCE, {"level": 0.99}, before) == pytest.approx(0.01 - 0.0078125)
