"""Integers order as the scores do, and a ranking is cut where a sort would cut it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.values.ranks import find_cut, score_of, signed, signed_keys

WIDE = [torch.float32, torch.float64]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_every_sixteen_bit_score_keeps_its_order_and_comes_back(dtype):
    every = torch.arange(-(1 << 15), 1 << 15, dtype=torch.int32).to(torch.int16).view(dtype)
    scores, _ = every[~every.isnan()].double().sort()
    keys = signed_keys(scores.to(dtype))
    steps = scores.diff().sign()  # inf - inf is NaN, but there is only one of each infinity
    assert torch.equal(keys.diff().sign(), steps.to(torch.int64))
    assert [score_of(key + (1 << 15), dtype) for key in keys.tolist()] == scores.tolist()


@pytest.mark.parametrize("dtype", WIDE, ids=str)
@given(data=st.data())
def test_wider_scores_keep_their_order_and_come_back(dtype, data):
    width = 8 * dtype.itemsize
    one = st.floats(allow_nan=False, width=width) | st.sampled_from([0.0, -0.0, 2.0**-149, float("inf"), -1.0])
    scores = torch.tensor(data.draw(st.lists(one, max_size=9)), dtype=dtype)
    keys = signed_keys(scores)
    assert keys.dtype == torch.int64
    assert torch.equal(keys[:, None] < keys, scores[:, None] < scores)
    assert [score_of(key + (1 << (width - 1)), dtype) for key in keys.tolist()] == scores.tolist()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, *WIDE], ids=str)
def test_both_zeros_have_the_key_0(dtype):
    assert signed_keys(torch.tensor([0.0, -0.0], dtype=dtype)).tolist() == [0, 0]


@given(width=st.integers(1, 64), data=st.data())
def test_signed_numbers_of_a_width_start_at_the_lowest(width, data):
    key = data.draw(st.integers(0, (1 << width) - 1))
    assert signed(key, width) - signed(0, width) == key
    assert -(1 << (width - 1)) <= signed(key, width) < 1 << (width - 1)


@given(width=st.sampled_from([1, 5, 11, 12, 16, 32, 63, 64]), data=st.data())
def test_the_cut_of_several_ranks_is_where_a_sort_cuts(width, data):
    one = st.integers(0, (1 << width) - 1) | st.integers(0, min(3, (1 << width) - 1))
    ranks = data.draw(st.lists(st.lists(st.lists(one, max_size=6), max_size=3), min_size=1, max_size=3))
    everything = sorted((key for rank in ranks for piece in rank for key in piece), reverse=True)
    keep = data.draw(st.integers(0, len(everything)))
    whose = [[np.array(piece, np.uint64).astype(np.int64) for piece in rank] for rank in ranks]
    turns = [iter(map(torch.from_numpy, rank)) for rank in whose]

    def keys():
        return turns[turn]

    def add(count, places):
        """Count on each rank in turn, as so many processes would."""
        nonlocal turn
        sums = torch.zeros(places, dtype=torch.int64)
        for turn, rank in enumerate(whose):
            turns[turn] = iter(map(torch.from_numpy, rank))
            sums += count()
        return sums.tolist()

    turn = 0
    cut = find_cut(keys, width, keep, add)
    assert sum(key > cut.key for key in everything) + cut.taken == keep
    assert cut.equal == everything.count(cut.key)
    assert 0 <= cut.taken <= cut.equal
    assert keep == 0 or cut.key == everything[keep - 1]
