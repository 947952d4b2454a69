"""Wanda's score against plain loops, alone and through pruneproof's own machinery."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof import select
from pruneproof.api import conv_and_linear
from pruneproof.training.scoring import score
from pruneproof_wanda import WANDA, wanda


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 6), nn.Tanh(), nn.Linear(6, 3)
    ).double()


def batches(*sizes):
    generator = torch.Generator().manual_seed(1)
    return [
        (torch.randn(size, 2, 4, 4, generator=generator), torch.randint(3, (size,), generator=generator))
        for size in sizes
    ]


def test_it_asks_for_weights_and_activations_and_has_no_options():
    assert WANDA.ingredients == ("weights", "activations")
    assert not WANDA.options


@given(st.integers(1, 5), st.integers(1, 7), st.integers(1, 9), st.integers(0, 2**31))
def test_scores_equal_a_loop_over_the_equation(outputs, inputs, samples, seed):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(outputs, inputs, dtype=torch.float64, generator=generator)
    x = torch.randn(samples, inputs, dtype=torch.float64, generator=generator)
    found = wanda({"w": weight}, {"w": x.norm(dim=0).expand_as(weight)})["w"]
    for i in range(outputs):
        for j in range(inputs):
            norm = sum(x[t, j].item() ** 2 for t in range(samples)) ** 0.5
            assert found[i, j].item() == pytest.approx(abs(weight[i, j].item()) * norm)


def test_the_machinery_of_a_run_scores_with_the_norms_of_what_each_layer_reads():
    model, data = network(), batches(5, 4)
    names = conv_and_linear(model)
    found = score(WANDA, {}, model, names, None, data, torch.Generator())
    x = torch.cat([x for x, _ in data]).double()
    with torch.no_grad():
        hidden = model[2](model[1](model[0](x)))
        last = model[4](model[3](hidden))
    torch.testing.assert_close(found["3.weight"], model[3].weight.detach().abs() * hidden.norm(dim=0))
    torch.testing.assert_close(found["5.weight"], model[5].weight.detach().abs() * last.norm(dim=0))
    for output in range(4):
        channel = x[:, output // 2]  # two groups of two outputs, each reading one channel
        expected = model[0].weight.detach()[output, 0].abs() * channel.norm()
        torch.testing.assert_close(found["0.weight"][output, 0], expected)


@pytest.mark.parametrize("scope", ["global", "tensor", "row"])
def test_equal_activations_select_what_magnitude_selects(scope):
    weights = {name: torch.randn(6, 8, generator=torch.Generator().manual_seed(seed)) for seed, name in enumerate("ab")}
    scores = wanda(weights, {name: torch.full_like(weight, 4.0) for name, weight in weights.items()})
    chosen = select(scores, score="given", scope=scope, sparsity=0.6)
    assert chosen == select(weights, scope=scope, sparsity=0.6)


def test_neither_the_signs_nor_a_power_of_two_change_more_than_they_should():
    weight, norms = torch.randn(4, 5), torch.rand(4, 5)
    plain = wanda({"w": weight}, {"w": norms})["w"]
    assert torch.equal(wanda({"w": -weight}, {"w": norms})["w"], plain)
    assert torch.equal(wanda({"w": 4.0 * weight}, {"w": norms})["w"], 4.0 * plain)
