import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.data.holdout import hold_out
from pruneproof.errors import BadConfig


@given(st.integers(2, 300), st.floats(0.0, 1.0), st.integers(0, 2**32))
def test_the_two_parts_partition_the_samples(count, fraction, seed):
    try:
        stay, held = hold_out(count, fraction, torch.Generator().manual_seed(seed))
    except BadConfig:
        assert round(fraction * count) in (0, count)
        return
    assert sorted([*stay.tolist(), *held.tolist()]) == list(range(count))
    assert len(held) == round(fraction * count)
    assert stay.tolist() == sorted(stay.tolist())
    assert held.tolist() == sorted(held.tolist())


def test_the_seed_decides():
    def drawn(seed: int) -> list[int]:
        return hold_out(100, 0.3, torch.Generator().manual_seed(seed))[1].tolist()

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.99, 1.0])
def test_an_empty_part_is_refused(fraction):
    with pytest.raises(BadConfig, match="at least 1 and at most 9"):
        hold_out(10, fraction, torch.Generator())
