from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pruneproof.api import BadConfig
from pruneproof.claim_tests.medians import distance, equivalence, paired_difference, threshold

MIRROR = {"holds": "fails", "fails": "holds", "inconclusive": "inconclusive"}
law = settings(deadline=None, max_examples=50)
accuracy = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)


def aligned(operands: int) -> st.SearchStrategy[list[list[float]]]:
    """Draw as many operands, all of the same 2 to 8 seeds."""
    seeds = st.integers(2, 8)
    one = seeds.map(lambda n: st.lists(accuracy, min_size=n, max_size=n))
    return one.flatmap(lambda row: st.lists(row, min_size=operands, max_size=operands))


# Paired difference.

ABOVE, BELOW = [95.1, 95.3, 95.2, 95.6, 95.0], [94.0, 94.3, 94.1, 94.6, 94.2]


def test_a_clear_difference_holds_in_its_direction_and_fails_in_the_other() -> None:
    above, below = (paired_difference.decide([ABOVE, BELOW], relation=relation) for relation in (">", "<"))
    assert (above.verdict, below.verdict) == ("holds", "fails")
    assert above.value == pytest.approx(1.0)
    assert (above.n, above.level, above.p) == (5, 0.9375, 0.03125)
    assert (above.low, above.high) == pytest.approx((0.8, 1.1))


@pytest.mark.parametrize("n", [3, 4])
def test_three_and_four_seeds_decide_nothing_and_say_why(n: int) -> None:
    outcome = paired_difference.decide([ABOVE[:n], BELOW[:n]])
    assert (outcome.verdict, outcome.level, outcome.p) == ("inconclusive", 1 - 2 * 0.5**n, 0.5**n)
    assert f"n = {n} cannot decide" in outcome.reason
    assert "at least 5 are needed" in outcome.reason
    assert outcome.seeds_needed == 5


def test_one_seed_of_five_on_the_other_side_leaves_it_open() -> None:
    outcome = paired_difference.decide([[*ABOVE[:4], 94.0], BELOW])
    assert outcome.verdict == "inconclusive"
    assert outcome.seeds_needed is not None
    assert f"between {outcome.seeds_needed} and more than 1000 seeds" in outcome.reason


def test_seeds_that_lean_to_neither_side_ask_for_no_number() -> None:
    outcome = paired_difference.decide([[*ABOVE[:3], 94.0, 94.0], BELOW])
    assert (outcome.verdict, outcome.seeds_needed) == ("inconclusive", None)
    assert "would settle" not in outcome.reason


def test_seven_of_eight_seeds_decide_however_far_the_eighth_lies() -> None:
    outcome = paired_difference.decide([[*[1.0] * 7, -1000.0], [0.0] * 8])
    assert (outcome.verdict, outcome.value) == ("holds", 1.0)


def test_the_margin_is_part_of_the_claim() -> None:
    samples = [ABOVE, BELOW]
    assert paired_difference.decide(samples, margin=0.2).verdict == "holds"
    assert paired_difference.decide(samples, margin=2.0).verdict == "fails"
    lower = [BELOW, ABOVE]
    assert paired_difference.decide(lower, relation=">", margin=-2.0).verdict == "holds"
    assert paired_difference.decide(lower, relation="<", margin=0.2).verdict == "holds"


def test_two_seeds_that_differ_by_the_same_image_decide_nothing() -> None:
    image = 100 / 360
    for counts in ([343, 346], [343, 346, 341]):
        outcome = paired_difference.decide([[k * image for k in counts], [(k - 1) * image for k in counts]])
        assert outcome.verdict == "inconclusive"


def test_a_resolution_gives_equal_differences_a_width_and_is_a_part_of_the_decision() -> None:
    image = 100 / 360
    samples = [[343 * image] * 5, [342 * image] * 5]
    outcome = paired_difference.decide(samples, resolution=image)
    assert (outcome.verdict, outcome.low, outcome.high) == (
        "holds",
        pytest.approx(image / 2),
        pytest.approx(1.5 * image),
    )
    assert paired_difference.decide(samples, margin=0.25, resolution=image).verdict == "inconclusive"
    assert paired_difference.decide(samples, margin=0.25).verdict == "holds"


def test_a_difference_exactly_on_the_margin_is_on_neither_side() -> None:
    outcome = paired_difference.decide([[10.0] * 6, [10.0] * 6])
    assert (outcome.verdict, outcome.seeds_needed, outcome.p) == ("inconclusive", None, 1.0)


def test_an_effect_of_the_size_that_was_claimed_is_absent_where_the_interval_excludes_it() -> None:
    near = [[0.1, -0.1, 0.2, -0.2, 0.05], [0.0] * 5]
    assert paired_difference.decide(near).verdict == "inconclusive"
    absent = paired_difference.decide(near, effect=1.0)
    assert (absent.verdict, absent.p, absent.seeds_needed) == ("absent", 0.03125, None)
    assert "wholly below the effect of 1," in absent.reason
    assert paired_difference.decide(near, effect=0.15).verdict == "inconclusive"
    assert paired_difference.decide(near, effect=1.0, relation="<").verdict == "absent"
    assert paired_difference.decide([ABOVE, BELOW], effect=50.0).verdict == "holds"
    assert paired_difference.decide([BELOW, ABOVE], effect=50.0).verdict == "fails"


def test_an_effect_must_lie_beyond_the_margin() -> None:
    with pytest.raises(BadConfig, match="effect above margin = 2 was expected"):
        paired_difference.decide([[], []], margin=2.0, effect=1.0)


@law
@given(aligned(2))
def test_swapping_the_operands_flips_the_verdict(samples: list[list[float]]) -> None:
    straight, swapped = paired_difference.decide(samples), paired_difference.decide(samples[::-1])
    assert swapped.verdict == MIRROR[straight.verdict]
    assert paired_difference.decide(samples[::-1], relation="<").verdict == straight.verdict


@law
@given(aligned(2), st.integers(-50, 50))
def test_shifting_both_operands_changes_nothing(samples: list[list[float]], shift: int) -> None:
    moved = [[x + shift for x in row] for row in samples]
    assert paired_difference.decide(moved) == paired_difference.decide(samples)


@law
@given(aligned(2), st.randoms())
def test_the_order_of_the_seeds_changes_nothing(samples: list[list[float]], random: Any) -> None:
    pairs = list(zip(*samples, strict=True))
    random.shuffle(pairs)
    shuffled = [list(row) for row in zip(*pairs, strict=True)]
    assert paired_difference.decide(shuffled) == paired_difference.decide(samples)


@law
@given(aligned(2))
def test_raising_the_margin_never_turns_a_verdict_towards_holds(samples: list[list[float]]) -> None:
    order = ["fails", "inconclusive", "holds"]
    ranks = [
        order.index(paired_difference.decide(samples, margin=margin).verdict) for margin in (-20.0, 0.0, 1.0, 30.0)
    ]
    assert ranks == sorted(ranks, reverse=True)


def test_seeds_are_paired_not_pooled() -> None:
    """Seeds differ by 30 points, methods by 1: an unpaired test would see nothing."""
    b = [50.0, 65.0, 80.0, 55.0, 72.0]
    a = [51.0, 66.1, 80.9, 56.0, 73.0]
    assert stats.ttest_ind(a, b).pvalue > 0.9
    assert paired_difference.decide([a, b]).verdict == "holds"


# Equivalence.


@law
@given(aligned(2), st.sampled_from([0.2, 1.0, 20.0]))
def test_equivalence_is_two_one_sided_sign_tests_of_scipy(samples: list[list[float]], margin: float) -> None:
    difference = np.round(np.array(samples[0]) - np.array(samples[1]), 9)
    outcome = equivalence.decide(samples, margin=margin)
    n = len(difference)
    p = [
        stats.binomtest(int(side.sum()), n, alternative="greater").pvalue
        for side in (np.round(difference + margin, 9) > 0, np.round(margin - difference, 9) > 0)
    ]
    assert (outcome.verdict == "holds") == (n >= 3 and max(p) <= 0.05)
    if outcome.verdict == "holds":
        assert -margin < outcome.low <= outcome.high < margin
        assert outcome.level >= 0.9


def test_equivalence_fails_only_when_wholly_outside() -> None:
    assert equivalence.decide([ABOVE, BELOW], margin=0.5).verdict == "fails"
    assert equivalence.decide([ABOVE, BELOW], margin=1.5).verdict == "holds"
    assert equivalence.decide([ABOVE, BELOW], margin=1.0).verdict == "inconclusive"


@law
@given(aligned(2))
def test_equivalence_does_not_care_which_comes_first(samples: list[list[float]]) -> None:
    assert equivalence.decide(samples, margin=1.0).verdict == equivalence.decide(samples[::-1], margin=1.0).verdict


# Distance and threshold.


def test_distance_to_a_reported_number() -> None:
    near = [67.0, 67.5, 67.2, 67.3, 66.9]
    assert distance.decide([near], reported=67.7, tolerance=3.0).verdict == "holds"
    assert distance.decide([[x - 10 for x in near]], reported=67.7, tolerance=3.0).verdict == "fails"
    assert distance.decide([[60.0, *near[1:]]], reported=67.7, tolerance=3.0).verdict == "inconclusive"
    assert distance.decide([near[:4]], reported=67.7, tolerance=3.0).verdict == "inconclusive"


@law
@given(aligned(1), accuracy)
def test_threshold_is_the_sign_test_of_scipy(samples: list[list[float]], value: float) -> None:
    outcome = threshold.decide(samples, relation=">", value=value)
    assert threshold.decide(samples, relation="<", value=value).verdict == MIRROR[outcome.verdict]
    n = len(samples[0])
    above = stats.binomtest(sum(x > value for x in samples[0]), n, alternative="greater").pvalue
    assert (outcome.verdict == "holds") == (n >= 3 and above <= 0.05)


@law
@given(aligned(1), accuracy)
def test_a_threshold_holds_where_the_interval_says_so(samples: list[list[float]], value: float) -> None:
    outcome = threshold.decide(samples, relation=">", value=value)
    if outcome.low is not None and outcome.level >= 0.9:
        assert (outcome.verdict == "holds") == (outcome.low > value)
        assert (outcome.verdict == "fails") == (outcome.high < value)


def test_the_interval_of_accuracies_stays_below_100() -> None:
    outcome = threshold.decide([[10.0, 95.0, 94.0, 9.0, 96.0]], relation=">", value=20.0)
    assert (outcome.verdict, outcome.low, outcome.high) == ("inconclusive", 9.0, 96.0)
    assert outcome.bounds == (20.0,)
