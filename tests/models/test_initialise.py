"""`Model.initialise`: the same distributions as `build`, in whatever shape the network is."""

import pytest
import torch

from pruneproof.api import conv_and_linear
from pruneproof.models.catalogue import MODELS
from pruneproof.pipeline.shapes import initialise

ABLE = [model for model in MODELS if model.id not in ("fastgrnn", "wrn-16-8", "wrn-22-8", "wrn-28-8", "wrn-28-10")]


@pytest.mark.parametrize("model", ABLE, ids=lambda model: model.id)
def test_a_network_is_drawn_anew_as_it_was_built(model):
    shape = max(model.example_shape, (1, 8, 8))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = model.build(shape, 10, **model.example_options)
        again = model.build(shape, 10, **model.example_options)
        for each in again.state_dict().values():
            each.fill_(7)
        initialise(again, model)
    expected, found = built.state_dict(), again.state_dict()
    weights = set(conv_and_linear(built))
    for name, each in found.items():
        if each.unique().numel() == 1:
            assert torch.equal(each, expected[name]), name  # zeros, ones and counts
        else:
            assert not torch.equal(each, expected[name]), name
            if name in weights:  # the spread of n draws is uncertain by a factor of about 1 ± 1 / sqrt(2 n)
                ratio = each.std() / expected[name].std()
                assert abs(ratio - 1) < 5 * each.numel() ** -0.5, name


def test_the_fan_of_a_smaller_layer_counts():
    [model] = [model for model in MODELS if model.id == "resnet-8"]
    network = model.build((3, 8, 8), 10, width=64)
    layer = network.stages[0][0].conv2
    layer.weight = torch.nn.Parameter(layer.weight[:, :4].clone())
    initialise(network, model)
    assert layer.weight.std().item() == pytest.approx((2 / (9 * 4)) ** 0.5, rel=0.1)
