from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pruneproof.claim_tests.means import distance, equivalence, paired_difference, threshold

MIRROR = {"holds": "fails", "fails": "holds", "inconclusive": "inconclusive"}
law = settings(deadline=None, max_examples=50)
accuracy = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)


def aligned(operands: int) -> st.SearchStrategy[list[list[float]]]:
    """Draw as many operands, all of the same 2 to 8 seeds."""
    seeds = st.integers(2, 8)
    one = seeds.map(lambda n: st.lists(accuracy, min_size=n, max_size=n))
    return one.flatmap(lambda row: st.lists(row, min_size=operands, max_size=operands))


# Paired difference.


def test_a_clear_difference_holds_in_its_direction_and_fails_in_the_other() -> None:
    a, b = [95.1, 95.3, 95.2], [94.0, 94.3, 94.1]
    above, below = paired_difference.decide([a, b], relation=">"), paired_difference.decide([a, b], relation="<")
    assert (above.verdict, below.verdict) == ("holds", "fails")
    assert above.value == pytest.approx(1.0667, abs=1e-3)
    assert above.n == 3
    assert above.level == 0.95


def test_a_difference_smaller_than_its_spread_is_inconclusive_and_asks_for_seeds() -> None:
    outcome = paired_difference.decide([[95.1, 95.3, 94.9], [94.9, 95.2, 95.0]])
    assert outcome.verdict == "inconclusive"
    assert outcome.seeds_needed is not None
    assert outcome.seeds_needed > 3
    assert f"about {outcome.seeds_needed} seeds" in outcome.reason


def test_the_margin_is_part_of_the_claim() -> None:
    samples = [[95.0, 95.1, 95.2], [94.0, 94.1, 94.3]]
    assert paired_difference.decide(samples, margin=0.2).verdict == "holds"
    assert paired_difference.decide(samples, margin=2.0).verdict == "fails"
    lower = [samples[1], samples[0]]
    assert paired_difference.decide(lower, relation=">", margin=-2.0).verdict == "holds"
    assert paired_difference.decide(lower, relation="<", margin=0.2).verdict == "holds"


def test_equal_differences_give_a_degenerate_interval() -> None:
    outcome = paired_difference.decide([[0.3, 0.2, 0.9], [0.2, 0.1, 0.8]], margin=0.05)
    assert (outcome.verdict, outcome.low, outcome.high) == ("holds", outcome.value, outcome.value)


def test_a_difference_exactly_on_the_margin_cannot_be_settled_by_seeds() -> None:
    outcome = paired_difference.decide([[10.0, 10.0, 10.0], [10.0, 10.0, 10.0]])
    assert (outcome.verdict, outcome.seeds_needed) == ("inconclusive", None)
    assert "no number of seeds" in outcome.reason


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
    b = [50.0, 65.0, 80.0]
    a = [51.0, 66.1, 80.9]
    assert stats.ttest_ind(a, b).pvalue > 0.9
    assert paired_difference.decide([a, b]).verdict == "holds"


# Equivalence.


@law
@given(aligned(2), st.sampled_from([0.2, 1.0, 20.0]))
def test_equivalence_is_two_one_sided_t_tests_of_scipy(samples: list[list[float]], margin: float) -> None:
    a, b = np.array(samples[0]), np.array(samples[1])
    outcome = equivalence.decide(samples, margin=margin)
    if np.ptp(np.round(a - b, 9)) == 0:
        assert outcome.low == pytest.approx(outcome.high)
        return
    above = stats.ttest_rel(a, b - margin, alternative="greater").pvalue
    below = stats.ttest_rel(a, b + margin, alternative="less").pvalue
    assert (outcome.verdict == "holds") == (max(above, below) <= 0.05)
    interval = stats.ttest_rel(a, b).confidence_interval(0.90)
    assert (outcome.low, outcome.high) == pytest.approx((interval.low, interval.high), abs=1e-6)
    assert outcome.level == 0.90


def test_equivalence_fails_only_when_wholly_outside() -> None:
    assert equivalence.decide([[95.0, 95.1, 95.2], [93.0, 93.1, 93.3]], margin=0.5).verdict == "fails"
    near = equivalence.decide([[95.0, 95.4, 95.2], [95.1, 95.1, 95.3]], margin=0.2)
    assert near.verdict == "inconclusive"
    assert near.seeds_needed is not None


@law
@given(aligned(2))
def test_equivalence_does_not_care_which_comes_first(samples: list[list[float]]) -> None:
    assert equivalence.decide(samples, margin=1.0).verdict == equivalence.decide(samples[::-1], margin=1.0).verdict


# Distance and threshold.


def test_distance_to_a_reported_number() -> None:
    assert distance.decide([[67.0, 67.5, 67.2]], reported=67.7, tolerance=3.0).verdict == "holds"
    assert distance.decide([[57.0, 57.5, 57.2]], reported=67.7, tolerance=3.0).verdict == "fails"
    assert distance.decide([[60.0, 67.5, 70.2]], reported=67.7, tolerance=3.0).verdict == "inconclusive"


@law
@given(aligned(1), accuracy)
def test_threshold_is_the_t_test_of_scipy(samples: list[list[float]], value: float) -> None:
    outcome = threshold.decide(samples, relation=">", value=value)
    assert threshold.decide(samples, relation="<", value=value).verdict == MIRROR[outcome.verdict]
    if np.ptp(samples[0]) > 0:
        found = stats.ttest_1samp(samples[0], value)
        expected = "inconclusive" if found.pvalue >= 0.05 else "holds" if found.statistic > 0 else "fails"
        assert outcome.verdict == expected
