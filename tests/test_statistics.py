import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pruneproof.statistics import (
    critical_count,
    fewest_seeds,
    holm,
    median_interval,
    seeds_to_settle,
    share_interval,
    sign_p,
    t_interval,
)

law = settings(deadline=None, max_examples=50)
samples = st.lists(st.integers(0, 10_000).map(lambda hundredths: hundredths / 100), min_size=2, max_size=10)
levels = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@law
@given(samples, levels)
def test_t_interval_is_scipys(sample: list[float], level: float) -> None:
    found = t_interval(sample, level)
    if len(set(sample)) == 1:
        assert found.low == pytest.approx(found.high)
        return
    expected = stats.ttest_1samp(sample, 0.0).confidence_interval(level)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@law
@given(st.integers(1, 30), st.integers(0, 30), levels)
def test_share_interval_is_clopper_pearson(n: int, drawn: int, level: float) -> None:
    k = min(drawn, n)
    found = share_interval(k, n, level)
    tail = (1 - level) / 2
    assert found.low == pytest.approx(stats.beta.ppf(tail, k, n - k + 1) if k else 0.0)
    assert found.high == pytest.approx(stats.beta.ppf(1 - tail, k + 1, n - k) if k < n else 1.0)


@law
@given(samples, levels)
def test_median_interval_is_scipys_or_the_whole_range(sample: list[float], level: float) -> None:
    found = median_interval(sample, level)
    if len(sample) < fewest_seeds((1 + level) / 2):
        assert (found.low, found.high) == (min(sample), max(sample))
        assert found.level < level
        return
    expected = stats.quantile_test(sample, q=0, p=0.5).confidence_interval(level)
    assert (found.low, found.high) == (expected.low, expected.high)
    assert found.level >= level


@law
@given(samples, levels)
def test_median_interval_stays_in_the_range_of_the_data_and_follows_a_monotone_function(
    sample: list[float], level: float
) -> None:
    found, cubed = median_interval(sample, level), median_interval([x**3 for x in sample], level)
    assert min(sample) <= found.low <= found.value <= found.high <= max(sample)
    assert (cubed.low, cubed.high) == pytest.approx((found.low**3, found.high**3))


@pytest.mark.parametrize("n", [5, 8, 10, 13])
def test_median_interval_covers_as_it_says_under_skew(n: int) -> None:
    draws = np.random.default_rng(n).exponential(size=(4000, n))
    found = [median_interval(row, 0.9) for row in draws]
    covered = np.mean([each.low <= np.log(2) <= each.high for each in found])
    assert covered == pytest.approx(found[0].level, abs=0.015)


@law
@given(samples, st.sampled_from([0.1, 1.0, 7.0]))
def test_a_resolution_is_the_least_width(sample: list[float], resolution: float) -> None:
    found = median_interval(sample, 0.9, resolution)
    assert found.high - found.low >= resolution - 1e-9
    plain = median_interval(sample, 0.9)
    assert (found.low, found.high) == pytest.approx((plain.low - resolution / 2, plain.high + resolution / 2))


@law
@given(st.integers(0, 20), st.integers(1, 20), st.sampled_from([0.3, 0.5, 0.8]))
def test_sign_p_is_scipys_binomial_test(drawn: int, n: int, share: float) -> None:
    k = min(drawn, n)
    assert sign_p(k, n, share) == pytest.approx(stats.binomtest(k, n, share, alternative="greater").pvalue)


@law
@given(st.integers(1, 40), st.sampled_from([0.9, 0.95, 0.99]), st.sampled_from([0.3, 0.5, 0.8]))
def test_the_critical_count_is_the_smallest_that_rejects(n: int, level: float, share: float) -> None:
    count = critical_count(n, level, share)
    assert count > n or sign_p(count, n, share) <= 1 - level
    assert sign_p(count - 1, n, share) > 1 - level
    assert (count > n) == (n < fewest_seeds(level, share))


@law
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_between_the_raw_value_and_bonferroni_and_keeps_the_order(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(raw <= each <= min(1.0, len(p) * raw) + 1e-12 for raw, each in zip(p, adjusted, strict=True))
    order = np.argsort(p, kind="stable")
    assert list(np.array(adjusted)[order]) == sorted(adjusted)


def test_holm_rejects_as_the_procedure_step_by_step() -> None:
    assert holm([0.001, 0.02, 0.04, 0.02]) == pytest.approx([0.004, 0.06, 0.06, 0.06])


def test_seeds_to_settle_is_the_first_number_with_that_power() -> None:
    needed = seeds_to_settle(6, 8, 0.95)
    best = share_interval(6, 8, 0.9).high
    assert needed is not None

    def power(n: int) -> float:
        return float(stats.binom.sf(critical_count(n, 0.95) - 1, n, best))

    assert power(needed) >= 0.8
    assert all(power(n) < 0.8 for n in range(9, needed))


@law
@given(st.integers(1, 30), st.integers(0, 30))
def test_no_seeds_are_named_where_the_count_is_near_one_half(n: int, drawn: int) -> None:
    k = min(drawn, n)
    if abs(k - n / 2) < n**0.5 / 2:
        assert seeds_to_settle(k, n, 0.95) is None
