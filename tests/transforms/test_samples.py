"""Corrupted samples: what changes and what is kept, and that a criterion's mask follows from them."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.transforms.samples import redraw_labels, shuffle_labels, shuffle_pixels

SEEDS = st.integers(0, 2**31)


def rng(seed):
    return torch.Generator().manual_seed(seed)


@given(SEEDS, st.integers(2, 10))
def test_redrawn_labels_are_classes_and_independent_of_what_they_were(seed, classes):
    zeros, ones = torch.zeros(40, dtype=torch.int64), torch.ones(40, dtype=torch.int64)
    drawn = redraw_labels(zeros, classes, rng(seed)).labels
    assert torch.equal(drawn, redraw_labels(ones, classes, rng(seed)).labels)
    assert set(drawn.tolist()) <= set(range(classes))


def test_redrawn_labels_are_uniform():
    counts = redraw_labels(torch.zeros(10_000, dtype=torch.int64), 10, rng(0)).labels.bincount()
    assert all(abs(int(each) - 1000) < 150 for each in counts)  # five standard deviations


@given(SEEDS)
def test_shuffled_labels_keep_the_counts_and_nearly_always_move(seed):
    labels = torch.arange(10).repeat(4)
    moved = shuffle_labels(labels, rng(seed)).labels
    assert torch.equal(moved.bincount(), labels.bincount())
    assert (moved == labels).sum() < 20


@given(SEEDS)
def test_shuffled_pixels_keep_each_input_s_values_and_use_an_order_of_its_own(seed):
    inputs = torch.arange(75.0).reshape(1, 3, 5, 5).repeat(3, 1, 1, 1)
    moved = shuffle_pixels(inputs, rng(seed)).inputs
    assert torch.equal(moved.flatten(1).sort(1).values, inputs.flatten(1))
    assert not torch.equal(moved[0], moved[1])
    assert (moved[0] // 25 != inputs[0] // 25).any()  # across channels
