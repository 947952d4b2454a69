import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pruneproof.statistics import bootstrap_interval, seeds_to_clear, share_interval, t_interval

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
def test_bootstrap_interval_surrounds_the_mean_and_does_not_depend_on_order(sample: list[float], level: float) -> None:
    found = bootstrap_interval(sample, level)
    assert found.low <= found.value <= found.high
    assert bootstrap_interval(sample[::-1], level) == found


@law
@given(samples, st.integers(-500, 500), levels)
def test_bootstrap_interval_moves_with_a_shift_and_mirrors_with_the_sign(
    sample: list[float], shift: int, level: float
) -> None:
    found = bootstrap_interval(sample, level)
    moved = bootstrap_interval([x + shift for x in sample], level)
    assert (moved.low - shift, moved.high - shift) == pytest.approx((found.low, found.high), abs=1e-6)
    mirrored = bootstrap_interval([-x for x in sample], level)
    assert (-mirrored.high, -mirrored.low) == pytest.approx((found.low, found.high), abs=1e-6)


@law
@given(samples)
def test_a_higher_level_gives_a_wider_interval(sample: list[float]) -> None:
    narrow, wide = bootstrap_interval(sample, 0.8), bootstrap_interval(sample, 0.99)
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


@pytest.mark.parametrize(("n", "normal", "skewed"), [(3, 0.94, 0.87), (5, 0.93, 0.88), (8, 0.93, 0.90)])
def test_bootstrap_interval_covers_at_3_5_and_8_seeds(n: int, normal: float, skewed: float) -> None:
    """Bounds lie about three standard errors (800 samples) below the coverages in the docstring."""
    rng = np.random.default_rng(100 + n)

    def coverage(draws: np.ndarray, mean: float) -> float:
        found = [bootstrap_interval(row, 0.95) for row in draws]
        return float(np.mean([each.low <= mean <= each.high for each in found]))

    assert coverage(rng.normal(size=(800, n)), 0.0) >= normal
    assert coverage(rng.exponential(size=(800, n)), 1.0) >= skewed


def test_percentile_bootstrap_would_not_cover_at_3_seeds() -> None:
    """The reason for not using it: it cannot leave the range of the data."""
    draws = np.random.default_rng(0).normal(size=(2000, 3))
    inside = (draws.min(axis=1) <= 0) & (draws.max(axis=1) >= 0)
    assert inside.mean() < 0.80


@pytest.mark.parametrize("effect", [0.6, 1.0, 2.0])
def test_seeds_to_clear_has_the_power_it_promises_and_one_seed_fewer_has_not(effect: float) -> None:
    n = seeds_to_clear([effect], 1.0, 0.95)
    assert n is not None
    rng = np.random.default_rng(7)

    def power(size: int) -> float:
        draws = rng.normal(effect, 1.0, (20_000, size))
        low = draws.mean(axis=1) - stats.t.ppf(0.975, size - 1) * draws.std(axis=1, ddof=1) / size**0.5
        return float((low > 0).mean())

    assert power(n) >= 0.79
    assert power(n - 1) < 0.81


def test_seeds_to_clear_two_edges_needs_more_than_one() -> None:
    one, two = seeds_to_clear([1.0], 2.0, 0.95), seeds_to_clear([1.0, 1.0], 2.0, 0.95)
    assert one is not None
    assert two is not None
    assert two > one


@pytest.mark.parametrize(("gap", "deviation"), [(0.0, 1.0), (1.0, 0.0), (1e-6, 1.0)])
def test_seeds_to_clear_says_none_where_no_number_would(gap: float, deviation: float) -> None:
    assert seeds_to_clear([gap], deviation, 0.95) is None
