import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pruneproof.claim_tests.trend import monotone_trend

MIRROR = {"holds": "fails", "fails": "holds", "inconclusive": "inconclusive"}
law = settings(deadline=None, max_examples=50)
accuracy = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)


def aligned(operands: int) -> st.SearchStrategy[list[list[float]]]:
    """Draw as many operands, all of the same 2 to 8 seeds."""
    seeds = st.integers(2, 8)
    one = seeds.map(lambda n: st.lists(accuracy, min_size=n, max_size=n))
    return one.flatmap(lambda row: st.lists(row, min_size=operands, max_size=operands))


@law
@given(aligned(4))
def test_monotone_trend_is_pages_test_of_scipy(samples: list[list[float]]) -> None:
    outcome = monotone_trend.decide(samples, direction="increasing")
    found = stats.page_trend_test(np.array(samples).T, method="exact")
    assert (outcome.verdict == "holds") == (len(samples[0]) >= 3 and found.pvalue <= 0.05)
    opposite = monotone_trend.decide(samples[::-1], direction="decreasing")
    assert opposite.verdict == outcome.verdict
    assert monotone_trend.decide(samples, direction="decreasing").verdict == MIRROR[outcome.verdict]


@law
@given(aligned(3))
def test_monotone_trend_looks_at_ranks_alone(samples: list[list[float]]) -> None:
    bent = [[x**3 for x in row] for row in samples]
    straight = monotone_trend.decide(samples, direction="increasing")
    assert monotone_trend.decide(bent, direction="increasing") == straight


def test_a_perfect_order_has_rank_correlation_one() -> None:
    outcome = monotone_trend.decide([[3.0, 2.0, 3.0], [2.0, 1.5, 2.0], [1.0, 0.5, 1.0]], direction="decreasing")
    assert (outcome.verdict, outcome.value) == ("holds", pytest.approx(-1.0))


def test_constant_operands_have_no_trend_and_no_number_of_seeds_finds_one() -> None:
    outcome = monotone_trend.decide([[10.0, 10.0, 10.0]] * 3, direction="increasing")
    assert (outcome.verdict, outcome.value, outcome.seeds_needed) == ("inconclusive", 0.0, None)


@law
@given(aligned(4))
def test_the_value_is_the_mean_of_scipys_rank_correlations(samples: list[list[float]]) -> None:
    outcome = monotone_trend.decide(samples, direction="increasing")
    if outcome.value is not None and all(np.ptp(column) > 0 for column in np.array(samples).T):
        found = [stats.spearmanr(range(4), column).statistic for column in np.array(samples).T]
        assert outcome.value == pytest.approx(np.mean(found))


def test_a_trend_of_two_seeds_is_not_judged() -> None:
    assert (
        monotone_trend.decide([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0]], direction="increasing").verdict
        == "inconclusive"
    )
