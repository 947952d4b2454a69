"""How much of a network is left."""

import pytest
import torch
from torch import nn

from pruneproof.api import macs
from pruneproof.metrics import size

ALIVE = {
    "0.weight": torch.tensor([[[[True, False], [True, True]]], [[[False, False], [False, False]]]]),
    "2.weight": torch.zeros(3, 8, dtype=torch.bool),
}


def test_counts_and_densities_follow_from_the_mask():
    assert size.weights(ALIVE) == 8 + 24
    assert size.alive_weights(ALIVE) == 3
    assert size.densities(ALIVE) == {"0.weight": 3 / 8, "2.weight": 0.0}
    assert size.sparsity(ALIVE) == pytest.approx(29 / 32)
    assert size.empty_tensors(ALIVE) == 1


def test_a_tensor_without_weights_is_dense_and_counts_as_empty():
    nothing = {"w": torch.zeros(0, 3, dtype=torch.bool)}
    assert size.densities(nothing) == {"w": 1.0}
    assert size.empty_tensors(nothing) == 1


def test_multiply_adds_weigh_a_tensor_by_how_often_its_weights_are_used():
    model = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(8, 3))
    cost = macs(model, (1, 3, 3))  # each weight of the kernel is used at four places
    assert cost == {"0.weight": 32, "2.weight": 24}
    assert size.macs_saved(ALIVE, cost) == pytest.approx(1 - 12 / 56)


def test_epochs_are_told_as_the_plan_counts_them():
    assert size.epochs_spent(7) == 7
