import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pruneproof.claim_tests.crossing import sign_change
from pruneproof.claim_tests.medians import equivalence, paired_difference
from pruneproof.claim_tests.recipes import PATTERNS, crossed_recipes
from pruneproof.errors import BadConfig

law = settings(deadline=None, max_examples=50)
accuracy = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)
crossed = st.integers(2, 8).flatmap(
    lambda n: st.lists(st.lists(accuracy, min_size=n, max_size=n), min_size=4, max_size=4)
)

HIGH, LOW = [75.2, 75.3, 75.1, 75.2, 75.4, 75.3], [74.2, 74.4, 74.1, 74.3, 74.2, 74.4]
CLOSE = [75.1, 75.3, 75.2, 75.2, 75.3, 75.4]
FIRST, SECOND, TIE = [HIGH, LOW, HIGH, LOW], [LOW, HIGH, LOW, HIGH], [HIGH, CLOSE, CLOSE, HIGH]
FLIPS = [HIGH, LOW, LOW, HIGH]


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        (FIRST, "first"),
        (SECOND, "second"),
        (TIE, "tie"),
        (FLIPS, "interaction"),
        (FLIPS[2:] + FLIPS[:2], "interaction"),
    ],
)
def test_exactly_the_outcome_that_the_table_shows_holds(samples: list[list[float]], found: str) -> None:
    verdicts = {each: crossed_recipes.decide(samples, expected=each, margin=0.5).verdict for each in PATTERNS}
    assert verdicts == {each: "holds" if each == found else "fails" for each in PATTERNS}


def test_a_winner_under_one_recipe_alone_wins_nothing() -> None:
    samples = [HIGH, LOW, HIGH, CLOSE]
    assert {crossed_recipes.decide(samples, expected=each, margin=0.5).verdict for each in PATTERNS} == {"fails"}


def test_a_flip_of_either_kind_needs_a_seed_more_than_a_winner() -> None:
    five = [row[:5] for row in FLIPS]
    assert crossed_recipes.decide(five, expected="interaction").verdict == "inconclusive"  # 2 / 2^5 is above 5 %
    assert crossed_recipes.decide([row[:5] for row in FIRST], expected="first").verdict == "holds"
    assert [crossed_recipes.fewest(expected=each, margin=1.0) for each in PATTERNS] == [5, 5, 5, 6]


def test_the_half_that_decides_is_reported_and_both_are_told() -> None:
    found = crossed_recipes.decide([HIGH, LOW, HIGH, CLOSE], expected="first", margin=0.5)
    assert found.value == pytest.approx(0.0, abs=0.11)
    assert "Under the first recipe" in found.reason
    assert "Under the second recipe" in found.reason


def test_a_tie_without_a_margin_is_refused() -> None:
    with pytest.raises(BadConfig, match=re.escape('"crossed-recipes" got margin = 0 for a tie')):
        crossed_recipes.decide(TIE, expected="tie")


@law
@given(crossed)
def test_a_winner_wins_both_paired_differences(samples: list[list[float]]) -> None:
    halves = [paired_difference.decide(pair, relation=">").verdict for pair in (samples[:2], samples[2:])]
    found = crossed_recipes.decide(samples, expected="first").verdict
    assert (found == "holds") == (halves == ["holds", "holds"])
    assert found != "fails" or "fails" in halves


@law
@given(crossed)
def test_a_tie_is_two_equivalences(samples: list[list[float]]) -> None:
    halves = [equivalence.decide(pair, margin=20.0).verdict for pair in (samples[:2], samples[2:])]
    found = crossed_recipes.decide(samples, expected="tie", margin=20.0).verdict
    assert (found == "holds") == (halves == ["holds", "holds"])
    assert found != "fails" or "fails" in halves


@law
@given(crossed)
def test_an_interaction_is_a_sign_change_one_way_or_the_other(samples: list[list[float]]) -> None:
    a_own, b_own, a_other, b_other = samples
    ways = [samples, [b_own, a_own, b_other, a_other]]
    found = crossed_recipes.decide(samples, expected="interaction").verdict
    assert (found == "holds") == any(sign_change.decide(way, level=0.975).verdict == "holds" for way in ways)


@law
@given(crossed, st.sampled_from(sorted(PATTERNS)))
def test_the_methods_may_change_places(samples: list[list[float]], expected: str) -> None:
    a_own, b_own, a_other, b_other = samples
    swapped = {"first": "second", "second": "first"}.get(expected, expected)
    found = crossed_recipes.decide(samples, expected=expected, margin=1.0)
    again = crossed_recipes.decide([b_other, a_other, b_own, a_own], expected=swapped, margin=1.0)
    assert (found.verdict, found.p) == (again.verdict, again.p)
