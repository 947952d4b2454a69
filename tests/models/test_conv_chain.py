"""Chains in three orders, and the three networks of the gradient-flow paper by their numbers of parameters."""

import pytest
import torch
from torch import nn

from pruneproof.api import BadConfig, Model
from pruneproof.models.catalogue import MODELS
from pruneproof.models.conv_chain import conv_chain, convolutions, vgg_13_relu_bn

BY_ID = {model.id: model for model in MODELS}
CIFAR = (3, 32, 32)


@pytest.mark.parametrize(
    ("model", "options", "parameters"),
    [
        ("vgg-13-relu-bn", {}, 9_413_066),
        ("mobilenet-v1-cifar", {}, 3_217_226),
        ("resnet-56", {"shortcut": "B"}, 855_770),
    ],
)
def test_the_networks_have_the_parameters_of_the_authors_code(model: str, options: dict[str, str], parameters: int):
    found: Model = BY_ID[model]
    with torch.device("meta"):
        assert sum(each.numel() for each in found.build(CIFAR, 10, **options).parameters()) == parameters


def test_vgg_13_ranks_2944_filters_and_not_its_classifier():
    with torch.device("meta"):
        network = vgg_13_relu_bn(CIFAR, 10)
    names = convolutions(network)
    assert len(names) == 10
    assert sum(len(network.get_parameter(name)) for name in names) == 2944


@pytest.mark.parametrize(
    ("order", "kinds"),
    [
        ("relu-bn", ["Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d", "Conv2d", "ReLU", "BatchNorm2d"]),
        ("bn-relu", ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d", "Conv2d", "BatchNorm2d", "ReLU"]),
        ("plain", ["Conv2d", "ReLU", "MaxPool2d", "Conv2d", "ReLU"]),
    ],
)
def test_the_order_is_the_one_that_is_asked_for(order: str, kinds: list[str]):
    network = conv_chain((1, 8, 8), 10, channels=(2, 0, 3), order=order)
    assert [type(each).__name__ for each in network.features] == kinds
    assert (network.features[0].bias is None) == (order != "plain")


def test_pooling_stops_where_the_image_is_one_pixel_high():
    network = conv_chain((1, 4, 4), 10, channels=(2, 0, 2, 0, 2, 0, 2))
    assert sum(isinstance(each, nn.MaxPool2d) for each in network.features) == 2


def test_every_filter_begins_with_the_same_expected_norm_whatever_its_layer():
    torch.manual_seed(0)
    network = conv_chain(CIFAR, 10, channels=(200, 200, 200))
    means = [
        float(network.get_parameter(name).detach().square().flatten(1).sum(1).mean()) for name in convolutions(network)
    ]
    assert means == pytest.approx([1 / 3] * 3, rel=0.05)


def test_an_unknown_order_and_a_negative_width_are_refused():
    with pytest.raises(BadConfig, match="order = 'bn'"):
        conv_chain((1, 8, 8), 10, order="bn")
    with pytest.raises(BadConfig, match="channels = -1"):
        conv_chain((1, 8, 8), 10, channels=(-1,))


def test_conv_bn_ranks_all_its_weights_has_no_bias_that_adds_flow_and_the_spread_of_he():
    torch.manual_seed(0)
    network = BY_ID["conv-bn"].build(CIFAR, 10, channels=(64, 0, 64))
    assert BY_ID["conv-bn"].prunable(network) == ["features.0.weight", "features.4.weight", "classifier.weight"]
    assert network.classifier.bias.tolist() == [0.0] * 10
    for name in BY_ID["conv-bn"].prunable(network):
        weight = network.get_parameter(name)
        assert float(weight.detach().std()) == pytest.approx((2 / weight[0].numel()) ** 0.5, rel=0.1)
