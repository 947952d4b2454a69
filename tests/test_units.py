from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.errors import BadConfig
from pruneproof.units import drop_count, keep_count, optimizer_steps


@given(size=st.integers(0, 10**9), hundredths=st.integers(0, 99))
def test_a_percentage_removes_exactly_that_share_rounded_down(size, hundredths):
    assert drop_count(size, hundredths / 100) == size * hundredths // 100


@given(size=st.integers(0, 10**9), sparsity=st.floats(0, 1, exclude_max=True))
def test_what_is_kept_and_dropped_is_all(size, sparsity):
    dropped = drop_count(size, sparsity)
    assert dropped + keep_count(size, sparsity) == size
    assert dropped <= Decimal(repr(sparsity)) * size + Decimal("1e-15") * size
    assert Decimal(repr(sparsity)) * size < dropped + 1


@given(size=st.integers(1, 10**9), sparsity=st.floats(0, 1, exclude_max=True))
def test_below_one_something_stays(size, sparsity):
    assert keep_count(size, sparsity) >= 1


@given(size=st.integers(1, 10**6 - 1), decimals=st.integers(0, 9), data=st.data())
def test_what_is_written_is_never_exceeded(size, decimals, data):
    written = data.draw(st.integers(0, 10**decimals - 1))
    assert drop_count(size, float(f"{written}e-{decimals}")) == written * size // 10**decimals


@given(whole=st.integers(1, 10**9), data=st.data())
def test_a_fraction_of_whole_numbers_counts_as_that_fraction(whole, data):
    part = data.draw(st.integers(0, whole - 1))
    times = data.draw(st.integers(1, 10))
    assert drop_count(whole * times, part / whole) == part * times


@pytest.mark.parametrize("size", [10, 1000, 123_450])
def test_a_unit_in_the_last_place_costs_no_weight(size):
    assert drop_count(size, 0.8999999999999999) == size * 9 // 10


@given(size=st.integers(1, 10**6), pair=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)))
def test_more_sparsity_never_keeps_more(size, pair):
    assert keep_count(size, max(pair)) <= keep_count(size, min(pair))


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 90.0, float("nan"), float("inf")])
def test_a_sparsity_out_of_range_is_refused(sparsity):
    with pytest.raises(BadConfig, match="out of range"):
        keep_count(10, sparsity)


@pytest.mark.parametrize(("text", "steps"), [("90ep", 90 * 391), ("391it", 391), ("0it", 0), ("0ep", 0)])
def test_lengths_of_training_carry_their_unit(text, steps):
    assert optimizer_steps(text, steps_per_epoch=391) == steps


@pytest.mark.parametrize("text", ["90", "ep", "-1ep", "1.5ep", "90 ep", "90epochs", ""])
def test_a_length_without_a_unit_is_refused(text):
    with pytest.raises(BadConfig, match="is not understood"):
        optimizer_steps(text, 1)
