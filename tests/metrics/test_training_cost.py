"""FLOPs of training, by hand and through a training whose mask moves."""

from types import SimpleNamespace

import pytest
import torch

from pruneproof.metrics.training_cost import epoch_flops, in_time_over_parameterisation, training_flops


def test_a_sample_costs_three_sparse_passes_and_a_share_of_the_dense_gradient():
    alive = {"a": torch.tensor([True, False]), "b": torch.tensor([True, False, False, False])}
    macs, data = {"a": 100, "b": 400}, SimpleNamespace(size=lambda split: 10)
    assert epoch_flops(alive, macs, data) == 10 * 3 * 2 * (50 + 100)
    assert epoch_flops(alive, macs, data, dense_every=100) == pytest.approx(10 * (900 + (1000 - 300) / 100))


def test_what_was_not_watched_is_unknown():
    assert training_flops({}) is None
    assert in_time_over_parameterisation({}) is None
    assert in_time_over_parameterisation({"watched": {"explored-share": [0.1, 0.3]}}) == 0.3
