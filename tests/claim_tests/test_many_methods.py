import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from pruneproof.claim_tests.many_methods import local_correlation, rank_correlation, spread_ratio


@given(st.integers(0, 1000))
def test_the_rank_correlation_is_scipys_and_its_median_judged_over_seeds(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 9, (2, 12, 5)).astype(float)
    outcome = rank_correlation.decide([*x.tolist(), *y.tolist()], within=0.5)
    taus = [stats.kendalltau(x[:, seed], y[:, seed]).statistic for seed in range(5)]
    assume(min(abs(abs(tau) - 0.5) for tau in taus) > 1e-9)
    assert (outcome.value, outcome.low, outcome.high) == pytest.approx((np.median(taus), min(taus), max(taus)))
    assert (outcome.verdict == "holds") == (min(taus) > -0.5 and max(taus) < 0.5)


def test_the_rank_correlation_looks_at_the_best_and_at_what_has_not_collapsed():
    order = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    rise, fall = order, [4.0, 3.0, 2.0, 1.0, 5.0, 6.0, 7.0, 8.0]
    samples = [[x, x, x] for x in rise] + [[y, y, y] for y in fall]
    assert rank_correlation.decide(samples, within=0.4, best=0.5).value == -1.0
    assert rank_correlation.decide(samples, within=0.4, below=4.0).value == -1.0
    assert -1.0 < rank_correlation.decide(samples, within=0.4).value < 1.0
    few = rank_correlation.decide(samples, within=0.4, below=2.0)
    assert few.verdict == "inconclusive"
    assert "1st seed fewer than three methods" in few.reason


def test_a_local_correlation_is_that_among_the_best_against_the_mean_of_as_many_others():
    x = np.arange(13.0)
    y = np.array([2, 1, 0, 3, *range(4, 8), *range(8, 11), 12, 11, 99.0])[: len(x)]  # three fours, and one left out
    outcome = local_correlation.decide([*np.tile(x[:, None], 5).tolist(), *np.tile(y[:, None], 5).tolist()], best=0.25)
    parts = [stats.kendalltau(x[part], y[part]).statistic for part in (slice(0, 4), slice(4, 8), slice(8, 12))]
    assert outcome.value == pytest.approx(parts[0] - (parts[1] + parts[2]) / 2)
    assert outcome.verdict == "holds"


def test_what_a_cut_of_the_range_does_to_any_relation_is_no_weaker_local_correlation():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 5))
    samples = [*x.tolist(), *(x + rng.normal(size=x.shape)).tolist()]
    assert rank_correlation.decide(samples, within=0.4, best=0.25).verdict == "holds"  # 0.5 over all
    assert local_correlation.decide(samples, best=0.25).verdict != "holds"


def test_a_local_correlation_without_others_to_compare_with_is_inconclusive():
    samples = [[float(row)] * 5 for row in range(8)] + [[float(row)] * 5 for row in range(4)] + [[1.0] * 5] * 4
    outcome = local_correlation.decide(samples, best=0.5)
    assert outcome.verdict == "inconclusive"
    assert "1st seed" in outcome.reason


def test_the_ratio_of_spreads_is_taken_seed_by_seed():
    before = [[10.0, 20.0, 10.0, 10.0, 10.0], [50.0, 60.0, 30.0, 20.0, 20.0], [30.0, 30.0, 20.0, 15.0, 15.0]]
    after = [[1.0, 4.0, 1.0, 1.0, 1.0], [5.0, 4.0, 3.0, 2.0, 2.0], [3.0, 0.0, 2.0, 1.5, 1.5]]
    outcome = spread_ratio.decide([*before, *after], at_most=0.2)
    assert outcome.value == pytest.approx(0.1)
    assert (outcome.verdict, outcome.bounds) == ("holds", (0.2,))
    assert spread_ratio.decide([*after, *before], at_most=0.2).verdict == "fails"
    same = spread_ratio.decide([[1.0] * 5, [1.0, 2.0, 2.0, 2.0, 2.0]] * 2, at_most=0.2)
    assert same.verdict == "inconclusive"
