"""Shuffles really shuffle, and keep what they promise."""

from collections import Counter

import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import Selection, select_masks
from pruneproof.transforms.shuffles import shuffle_filters, shuffle_globally, shuffle_within_layers

MASKS = st.lists(st.lists(st.booleans(), min_size=1, max_size=8), min_size=1, max_size=4)


def masks(rows):
    return {name: torch.tensor(row) for name, row in zip(["m", "c", "z", "a"], rows, strict=False)}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@given(MASKS, st.integers(0, 99))
def test_within_layers_every_count_is_kept_and_the_mask_is_another_wherever_there_is_one(rows, seed):
    alive = masks(rows)
    found = shuffle_within_layers(alive, rng(seed)).alive
    for name, before in alive.items():
        assert found[name].sum() == before.sum()
        there_is_another = 0 < before.sum() < len(before)
        assert torch.equal(found[name], before) == (not there_is_another)


@given(MASKS, st.integers(0, 99))
def test_globally_the_total_is_kept_and_the_mask_is_another_wherever_there_is_one(rows, seed):
    alive = masks(rows)
    found = shuffle_globally(alive, rng(seed)).alive
    row, moved = (torch.cat(list(each.values())) for each in (alive, found))
    assert moved.sum() == row.sum()
    assert torch.equal(moved, row) == (not 0 < row.sum() < len(row))


def test_all_other_masks_come_up_equally_often():
    alive = {"w": torch.tensor([True, True, False, False])}
    found = Counter(tuple(shuffle_within_layers(alive, rng(seed)).alive["w"].tolist()) for seed in range(3000))
    assert len(found) == 5  # of six arrangements the one that it was does not come up
    assert all(abs(count - 600) < 110 for count in found.values())  # five standard deviations


def test_globally_tensors_of_unlike_density_end_alike():
    alive = {"full": torch.ones(5000, dtype=torch.bool), "empty": torch.zeros(5000, dtype=torch.bool)}
    found = shuffle_globally(alive, rng()).alive
    assert abs(int(found["full"].sum()) - 2500) < 150


def test_shape_order_and_seed():
    alive = {"b": torch.eye(4, dtype=torch.bool), "a": torch.eye(5, dtype=torch.bool)}
    for shuffle in (shuffle_within_layers, shuffle_globally):
        first = shuffle(alive, rng()).alive
        turned = shuffle(dict(reversed(alive.items())), rng()).alive
        assert [(name, each.shape) for name, each in first.items()] == [("b", (4, 4)), ("a", (5, 5))]
        assert all(torch.equal(first[name], turned[name]) for name in alive)
        assert not torch.equal(first["a"], shuffle(alive, rng(1)).alive["a"])


@given(st.integers(0, 99), st.floats(0.1, 0.9))
def test_shuffled_filters_leave_every_layer_as_many_under_one_threshold_and_dead_ones_dead(seed, sparsity):
    draw = rng(seed)
    scores = {"a": torch.rand(6, 2, 1, 1, generator=draw), "b": torch.rand(9, 3, 1, 1, generator=draw)}
    selection = Selection(structure="filter", floor={"id": "count", "least": 1})
    half = select_masks(scores, keep=10, selection=selection)
    moved = shuffle_filters(scores, half.to_tensors(), draw)
    keep = max(2, int(10 * (1 - sparsity)))
    plain, shuffled = (select_masks(each, keep=keep, selection=selection, alive=half) for each in (scores, moved))
    for name in scores:
        assert plain.count(name) == shuffled.count(name)
        torch.testing.assert_close(moved[name].sum((1, 2, 3)).sort()[0], scores[name].sum((1, 2, 3)).sort()[0])
    assert shuffled.is_subset_of(half)
