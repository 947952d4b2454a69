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
    assert dropped <= Decimal(repr(sparsity)) * size < dropped + 1


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
