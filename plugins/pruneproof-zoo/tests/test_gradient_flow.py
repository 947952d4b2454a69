"""Effective gradient flow sees the gradient of what is alive, layer by layer."""

import pytest
import torch

from pruneproof.api import BadConfig
from pruneproof_zoo.gradient_flow import effective_gradient_flow


class Given:
    def __init__(self, **slopes):
        self.slopes = {name: torch.tensor(each, dtype=torch.float64) for name, each in slopes.items()}

    def gradients(self, **_):
        return self.slopes


def flags(**masks):
    return {name: torch.tensor(each, dtype=torch.bool) for name, each in masks.items()}


@pytest.mark.parametrize("power", [1, 2])
def test_without_a_mask_it_is_the_mean_of_the_layers_norms(power):
    probe = Given(a=[3.0, -4.0], b=[1.0, 2.0, 2.0])
    expected = {1: (7 + 5) / 2, 2: (5 + 3) / 2}[power]
    assert effective_gradient_flow(flags(a=[1, 1], b=[1, 1, 1]), probe, power=power) == pytest.approx(expected)


def test_what_is_dead_does_not_count():
    alive = flags(a=[1, 0], b=[0, 0, 0])
    assert effective_gradient_flow(alive, Given(a=[3.0, 1e9], b=[9.0, 9.0, 9.0])) == 3.0
    assert effective_gradient_flow(flags(a=[0]), Given(a=[1.0])) is None


def test_twice_the_depth_of_equal_layers_leaves_it():
    once, twice = Given(a=[3.0, 4.0]), Given(a=[3.0, 4.0], b=[3.0, 4.0])
    assert effective_gradient_flow(flags(a=[1, 1]), once) == effective_gradient_flow(flags(a=[1, 1], b=[1, 1]), twice)


def test_another_power_is_refused():
    with pytest.raises(BadConfig, match="power 3"):
        effective_gradient_flow(flags(a=[1]), Given(a=[1.0]), power=3)
