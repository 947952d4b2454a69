import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pruneproof.contracts.claim_test import ClaimTest, Outcome
from pruneproof.errors import BadConfig
from pruneproof.papers.verdict import CLAIM_TESTS

TESTS: dict[str, ClaimTest] = {test.id: test for test in CLAIM_TESTS}
NEEDED: dict[str, tuple[int, dict[str, Any]]] = {
    "paired-difference": (2, {}),
    "equivalence": (2, {"margin": 0.5}),
    "distance": (1, {"reported": 90.0, "tolerance": 1.0}),
    "threshold": (1, {"relation": ">", "value": 20.0}),
    "sign-change": (4, {}),
    "monotone-trend": (3, {"direction": "increasing"}),
    "collapse": (1, {"expected": True, "chance": 10.0}),
    "agreement": (1, {"at_least": 0.98}),
    "chosen-difference": (2, {"first": 1, "choosing": 1}),
    "chosen-equivalence": (3, {"first": 1, "second": 1, "choosing": 1, "share": 0.25}),
    "relative-gain": (4, {"first": 2, "choosing": 1}),
    "rank-correlation": (6, {"within": 0.4}),
    "spread-ratio": (4, {"at_most": 0.2}),
}
MIRROR = {"holds": "fails", "fails": "holds", "inconclusive": "inconclusive"}

law = settings(deadline=None, max_examples=50)
accuracy = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)


@st.composite
def aligned(draw: st.DrawFn, operands: int) -> list[list[float]]:
    n = draw(st.integers(2, 8))
    return [draw(st.lists(accuracy, min_size=n, max_size=n)) for _ in range(operands)]


def decide(test: str, samples: list[list[float]], **parameters: Any) -> Outcome:
    return TESTS[test].decide(samples, **parameters)


def test_every_test_is_covered_here() -> None:
    assert set(NEEDED) == set(TESTS)


# What all tests share.


@pytest.mark.parametrize("test", NEEDED)
@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_seeds_are_inconclusive(test: str, n: int) -> None:
    operands, parameters = NEEDED[test]
    outcome = decide(test, [[10.0] * n] * operands, **parameters)
    assert (outcome.verdict, outcome.n, outcome.seeds_needed) == ("inconclusive", n, 2)
    assert f"n = {n} cannot" in outcome.reason


@pytest.mark.parametrize("test", NEEDED)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_inconclusive_and_said(test: str, bad: float) -> None:
    operands, parameters = NEEDED[test]
    outcome = decide(test, [[90.0, bad, 91.0]] + [[1.0, 2.0, 3.0]] * (operands - 1), **parameters)
    assert outcome.verdict == "inconclusive"
    assert "not finite" in outcome.reason


@pytest.mark.parametrize("test", NEEDED)
def test_too_few_operands_are_refused(test: str) -> None:
    operands, parameters = NEEDED[test]
    with pytest.raises(BadConfig, match=f'"{test}" got {operands - 1} operands'):
        decide(test, [[1.0, 2.0]] * (operands - 1), **parameters)


@pytest.mark.parametrize("test", ["paired-difference", "equivalence", "distance", "threshold", "sign-change"])
def test_too_many_operands_are_refused(test: str) -> None:
    operands, parameters = NEEDED[test]
    with pytest.raises(BadConfig, match=f"takes exactly {operands}"):
        decide(test, [[1.0, 2.0]] * (operands + 1), **parameters)


@pytest.mark.parametrize("test", NEEDED)
def test_an_unknown_parameter_is_refused_before_there_are_samples(test: str) -> None:
    operands, parameters = NEEDED[test]
    with pytest.raises(BadConfig, match=r'parameter "marginn": it takes no such parameter. Known: '):
        decide(test, [[]] * operands, **parameters, marginn=1.0)


@pytest.mark.parametrize(
    ("test", "parameters", "message"),
    [
        ("equivalence", {}, r'"margin": it is missing'),
        ("equivalence", {"margin": 0.0}, "greater than 0"),
        ("equivalence", {"margin": True}, "valid number, found True"),
        ("distance", {"reported": math.nan, "tolerance": 1.0}, "finite number"),
        ("threshold", {"relation": ">=", "value": 1.0}, "'>' or '<', found '>='"),
        ("monotone-trend", {"direction": "up"}, "'increasing' or 'decreasing'"),
        ("paired-difference", {"level": 1.0}, "less than 1"),
        ("paired-difference", {"level": 95}, "less than 1"),
        ("collapse", {"expected": "yes"}, "valid boolean"),
        ("collapse", {"expected": True, "tolerance": -1.0}, "greater than or equal to 0"),
    ],
)
def test_a_bad_parameter_is_refused(test: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(BadConfig, match=message):
        decide(test, [[]] * NEEDED[test][0], **parameters)


def test_operands_with_different_seeds_are_refused() -> None:
    with pytest.raises(BadConfig, match=r"operands have \[3, 2\] seeds"):
        decide("paired-difference", [[1.0, 2.0, 3.0], [1.0, 2.0]])


# Paired difference.


def test_a_clear_difference_holds_in_its_direction_and_fails_in_the_other() -> None:
    a, b = [95.1, 95.3, 95.2], [94.0, 94.3, 94.1]
    above, below = decide("paired-difference", [a, b], relation=">"), decide("paired-difference", [a, b], relation="<")
    assert (above.verdict, below.verdict) == ("holds", "fails")
    assert above.value == pytest.approx(1.0667, abs=1e-3)
    assert above.n == 3
    assert above.level == 0.95


def test_a_difference_smaller_than_its_spread_is_inconclusive_and_asks_for_seeds() -> None:
    outcome = decide("paired-difference", [[95.1, 95.3, 94.9], [94.9, 95.2, 95.0]])
    assert outcome.verdict == "inconclusive"
    assert outcome.seeds_needed is not None
    assert outcome.seeds_needed > 3
    assert f"about {outcome.seeds_needed} seeds" in outcome.reason


def test_the_margin_is_part_of_the_claim() -> None:
    samples = [[95.0, 95.1, 95.2], [94.0, 94.1, 94.3]]
    assert decide("paired-difference", samples, margin=0.2).verdict == "holds"
    assert decide("paired-difference", samples, margin=2.0).verdict == "fails"
    lower = [samples[1], samples[0]]
    assert decide("paired-difference", lower, relation=">", margin=-2.0).verdict == "holds"
    assert decide("paired-difference", lower, relation="<", margin=0.2).verdict == "holds"


def test_equal_differences_give_a_degenerate_interval() -> None:
    outcome = decide("paired-difference", [[0.3, 0.2, 0.9], [0.2, 0.1, 0.8]], margin=0.05)
    assert (outcome.verdict, outcome.low, outcome.high) == ("holds", outcome.value, outcome.value)


def test_a_difference_exactly_on_the_margin_cannot_be_settled_by_seeds() -> None:
    outcome = decide("paired-difference", [[10.0, 10.0, 10.0], [10.0, 10.0, 10.0]])
    assert (outcome.verdict, outcome.seeds_needed) == ("inconclusive", None)
    assert "no number of seeds" in outcome.reason


@law
@given(aligned(2))
def test_swapping_the_operands_flips_the_verdict(samples: list[list[float]]) -> None:
    straight, swapped = decide("paired-difference", samples), decide("paired-difference", samples[::-1])
    assert swapped.verdict == MIRROR[straight.verdict]
    assert decide("paired-difference", samples[::-1], relation="<").verdict == straight.verdict


@law
@given(aligned(2), st.integers(-50, 50))
def test_shifting_both_operands_changes_nothing(samples: list[list[float]], shift: int) -> None:
    moved = [[x + shift for x in row] for row in samples]
    assert decide("paired-difference", moved) == decide("paired-difference", samples)


@law
@given(aligned(2), st.randoms())
def test_the_order_of_the_seeds_changes_nothing(samples: list[list[float]], random: Any) -> None:
    pairs = list(zip(*samples, strict=True))
    random.shuffle(pairs)
    shuffled = [list(row) for row in zip(*pairs, strict=True)]
    assert decide("paired-difference", shuffled) == decide("paired-difference", samples)


@law
@given(aligned(2))
def test_raising_the_margin_never_turns_a_verdict_towards_holds(samples: list[list[float]]) -> None:
    order = ["fails", "inconclusive", "holds"]
    ranks = [
        order.index(decide("paired-difference", samples, margin=margin).verdict) for margin in (-20.0, 0.0, 1.0, 30.0)
    ]
    assert ranks == sorted(ranks, reverse=True)


def test_seeds_are_paired_not_pooled() -> None:
    """Seeds differ by 30 points, methods by 1: an unpaired test would see nothing."""
    b = [50.0, 65.0, 80.0]
    a = [51.0, 66.1, 80.9]
    assert stats.ttest_ind(a, b).pvalue > 0.9
    assert decide("paired-difference", [a, b]).verdict == "holds"


# Equivalence.


@law
@given(aligned(2), st.sampled_from([0.2, 1.0, 20.0]))
def test_equivalence_is_two_one_sided_t_tests_of_scipy(samples: list[list[float]], margin: float) -> None:
    a, b = np.array(samples[0]), np.array(samples[1])
    outcome = decide("equivalence", samples, margin=margin)
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
    assert decide("equivalence", [[95.0, 95.1, 95.2], [93.0, 93.1, 93.3]], margin=0.5).verdict == "fails"
    near = decide("equivalence", [[95.0, 95.4, 95.2], [95.1, 95.1, 95.3]], margin=0.2)
    assert near.verdict == "inconclusive"
    assert near.seeds_needed is not None


@law
@given(aligned(2))
def test_equivalence_does_not_care_which_comes_first(samples: list[list[float]]) -> None:
    assert (
        decide("equivalence", samples, margin=1.0).verdict == decide("equivalence", samples[::-1], margin=1.0).verdict
    )


# Distance and threshold.


def test_distance_to_a_reported_number() -> None:
    assert decide("distance", [[67.0, 67.5, 67.2]], reported=67.7, tolerance=3.0).verdict == "holds"
    assert decide("distance", [[57.0, 57.5, 57.2]], reported=67.7, tolerance=3.0).verdict == "fails"
    assert decide("distance", [[60.0, 67.5, 70.2]], reported=67.7, tolerance=3.0).verdict == "inconclusive"


@law
@given(aligned(1), accuracy)
def test_threshold_is_the_t_test_of_scipy(samples: list[list[float]], value: float) -> None:
    outcome = decide("threshold", samples, relation=">", value=value)
    assert decide("threshold", samples, relation="<", value=value).verdict == MIRROR[outcome.verdict]
    if np.ptp(samples[0]) > 0:
        found = stats.ttest_1samp(samples[0], value)
        expected = "inconclusive" if found.pvalue >= 0.05 else "holds" if found.statistic > 0 else "fails"
        assert outcome.verdict == expected


# Sign change.

LOW_FIRST = [[95.0, 95.1, 95.2], [94.0, 94.2, 94.1]]
HIGH_SECOND = [[60.0, 60.5, 60.2], [65.0, 65.1, 65.6]]


def test_a_crossover_holds_only_when_both_halves_do() -> None:
    assert decide("sign-change", LOW_FIRST + HIGH_SECOND).verdict == "holds"
    assert decide("sign-change", LOW_FIRST + HIGH_SECOND[::-1]).verdict == "fails"
    unclear = decide("sign-change", [*LOW_FIRST, [60.0, 60.5, 60.2], [60.2, 60.4, 60.4]])
    assert unclear.verdict == "inconclusive"
    assert unclear.seeds_needed is not None


def test_a_crossover_reports_the_half_that_decides() -> None:
    outcome = decide("sign-change", LOW_FIRST + HIGH_SECOND)
    assert outcome.value == pytest.approx(1.0)
    failed = decide("sign-change", LOW_FIRST + HIGH_SECOND[::-1])
    assert failed.value == pytest.approx(-5.0)


@law
@given(aligned(4))
def test_a_crossover_is_the_intersection_of_two_paired_differences(samples: list[list[float]]) -> None:
    a_low, b_low, a_high, b_high = samples
    halves = [
        decide("paired-difference", [a_low, b_low]).verdict,
        decide("paired-difference", [b_high, a_high]).verdict,
    ]
    expected = "fails" if "fails" in halves else "inconclusive" if "inconclusive" in halves else "holds"
    assert decide("sign-change", samples).verdict == expected


# Monotone trend.


@law
@given(aligned(4))
def test_monotone_trend_is_pages_test_of_scipy(samples: list[list[float]]) -> None:
    outcome = decide("monotone-trend", samples, direction="increasing")
    found = stats.page_trend_test(np.array(samples).T, method="exact")
    assert (outcome.verdict == "holds") == (found.pvalue <= 0.05)
    opposite = decide("monotone-trend", samples[::-1], direction="decreasing")
    assert opposite.verdict == outcome.verdict
    assert decide("monotone-trend", samples, direction="decreasing").verdict == MIRROR[outcome.verdict]


@law
@given(aligned(3))
def test_monotone_trend_looks_at_ranks_alone(samples: list[list[float]]) -> None:
    bent = [[x**3 for x in row] for row in samples]
    straight = decide("monotone-trend", samples, direction="increasing")
    assert decide("monotone-trend", bent, direction="increasing") == straight


def test_a_perfect_order_has_rank_correlation_one() -> None:
    outcome = decide("monotone-trend", [[3.0, 2.0], [2.0, 1.5], [1.0, 0.5]], direction="decreasing")
    assert (outcome.verdict, outcome.value) == ("holds", pytest.approx(-1.0))


def test_constant_operands_have_no_trend_and_no_number_of_seeds_finds_one() -> None:
    outcome = decide("monotone-trend", [[10.0, 10.0]] * 3, direction="increasing")
    assert (outcome.verdict, outcome.value, outcome.seeds_needed) == ("inconclusive", 0.0, None)


# Collapse.


def test_all_or_none_collapsed_decides() -> None:
    for expected, verdicts in ((True, ("holds", "fails")), (False, ("fails", "holds"))):
        found = tuple(
            decide("collapse", [row], expected=expected, chance=10.0).verdict
            for row in ([10.0, 10.0, 9.8], [82.0, 83.0, 83.0])
        )
        assert found == verdicts


def test_collapse_without_chance_counts_what_is_above_tolerance() -> None:
    assert decide("collapse", [[4.0, 3.0, 4.0]], expected=True).verdict == "holds"
    assert decide("collapse", [[0.0, 0.0, 0.0]], expected=True).verdict == "fails"
    assert decide("collapse", [[1.0, 1.0, 0.0]], expected=True, tolerance=1.0).verdict == "fails"


def test_a_mixture_is_inconclusive_until_its_share_excludes_one_half() -> None:
    four_of_five = decide("collapse", [[10.0] * 4 + [50.0]], expected=True, chance=10.0)
    assert four_of_five.verdict == "inconclusive"
    assert "4 of 5" in four_of_five.reason
    found = stats.binomtest(4, 5).proportion_ci(0.95, method="exact")
    assert (four_of_five.low, four_of_five.high) == (found.low, found.high)
    nineteen_of_twenty = [[10.0] * 19 + [50.0]]
    assert decide("collapse", nineteen_of_twenty, expected=True, chance=10.0).verdict == "holds"
    assert decide("collapse", nineteen_of_twenty, expected=False, chance=10.0).verdict == "fails"


def test_the_seeds_asked_for_would_settle_a_mixture() -> None:
    needed = decide("collapse", [[10.0] * 4 + [50.0]], expected=True, chance=10.0).seeds_needed
    assert needed is not None
    collapsed = round(0.8 * needed)
    grown = [[10.0] * collapsed + [50.0] * (needed - collapsed)]
    assert decide("collapse", grown, expected=True, chance=10.0).verdict == "holds"


def test_an_even_mixture_is_settled_by_no_number() -> None:
    assert decide("collapse", [[0.0, 1.0]], expected=True).seeds_needed is None


def test_one_operand_against_the_claim_is_enough() -> None:
    healthy, collapsed = [90.0, 91.0, 92.0], [10.0, 10.0, 10.0]
    for expected in (True, False):
        assert decide("collapse", [healthy, collapsed], expected=expected, chance=10.0).verdict == "fails"


@law
@given(aligned(2))
def test_collapse_expected_or_not_are_never_both_right(samples: list[list[float]]) -> None:
    verdicts = [decide("collapse", samples, expected=expected, chance=50.0).verdict for expected in (True, False)]
    assert verdicts.count("holds") <= 1
    single = [decide("collapse", samples[:1], expected=expected, chance=50.0).verdict for expected in (True, False)]
    assert single[1] == MIRROR[single[0]]


# agreement


def densities(*networks: list[float]) -> list[list[float]]:
    """Samples of one operand per layer, from one list of layers per network."""
    return [list(layer) for layer in zip(*networks, strict=True)]


def test_networks_with_proportional_layers_agree() -> None:
    outcome = decide("agreement", densities([0.9, 0.5, 0.1], [0.8, 0.45, 0.1], [0.7, 0.4, 0.1]), at_least=0.98)
    assert (outcome.verdict, outcome.n) == ("holds", 3)
    assert outcome.low is not None
    assert outcome.low >= 0.98


def test_networks_with_opposite_layers_do_not_agree() -> None:
    outcome = decide("agreement", densities([0.9, 0.5, 0.1], [0.1, 0.5, 0.9]), at_least=0.98)
    assert (outcome.verdict, outcome.value) == ("fails", -1.0)


def test_one_network_that_differs_leaves_agreement_open() -> None:
    outcome = decide("agreement", densities([0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.1, 0.5, 0.9]), at_least=0.98)
    assert outcome.verdict == "inconclusive"
    assert "1 of 3 pairs" in outcome.reason


def test_equal_layers_cannot_correlate() -> None:
    assert decide("agreement", densities([0.5, 0.5], [0.2, 0.3]), at_least=0.98).verdict == "inconclusive"


@law
@given(aligned(4))
def test_agreement_is_numpy_s_smallest_correlation(samples: list[list[float]]) -> None:
    outcome = decide("agreement", samples, at_least=0.5)
    values = np.array(samples)
    if outcome.value is not None:
        smallest = min(np.corrcoef(values[:, a], values[:, b])[0, 1] for a in range(values.shape[1]) for b in range(a))
        assert outcome.low == pytest.approx(smallest)
