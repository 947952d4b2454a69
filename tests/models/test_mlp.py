import math

import torch
from torch import nn

from pruneproof.models.mlp import LENET_300_100, LENET_300_100_TANH, MLP, MLP_7, MLP_7_LINEAR


def test_lenet_300_100_has_its_published_size_on_mnist() -> None:
    model = LENET_300_100.build((1, 28, 28), 10)
    parameters = dict(model.named_parameters())
    assert sum(each.numel() for each in parameters.values()) == 266_610
    assert [parameters[name].numel() for name in LENET_300_100.prunable(model)] == [235_200, 30_000, 1_000]


def test_an_mlp_without_hidden_layers_is_a_linear_classifier() -> None:
    model = MLP.build((3, 4), 5, hidden=())
    assert {name: tuple(each.shape) for name, each in model.named_parameters()} == {
        "classifier.weight": (5, 12),
        "classifier.bias": (5,),
    }


def test_the_tanh_network_has_the_same_weights_drawn_by_fan_in_and_no_bias() -> None:
    torch.manual_seed(0)
    model = LENET_300_100_TANH.build((1, 28, 28), 10)
    assert sum(model.get_parameter(name).numel() for name in LENET_300_100_TANH.prunable(model)) == 266_200
    assert [type(part) for part in model if not isinstance(part, nn.Linear)] == [nn.Flatten, nn.Tanh, nn.Tanh]
    for part in model:
        if isinstance(part, nn.Linear):
            assert abs(part.weight.std().item() / (2 / part.in_features) ** 0.5 - 1) < 0.05
            assert not part.bias.any()


def test_mlp_7_has_seven_linear_layers_of_the_published_widths_on_32x32() -> None:
    for model in (MLP_7, MLP_7_LINEAR):
        network = model.build((1, 32, 32), 10)
        shapes = [tuple(network.get_parameter(name).shape) for name in model.prunable(network)]
        assert shapes == [(100, 1024), *[(100, 100)] * 5, (10, 100)]
        assert sum(math.prod(shape) for shape in shapes) == 153_400


def test_the_linear_one_differs_from_mlp_7_by_its_activations_alone() -> None:
    torch.manual_seed(0)
    bent = MLP_7.build((1, 32, 32), 10)
    torch.manual_seed(0)
    straight = MLP_7_LINEAR.build((1, 32, 32), 10)
    assert all(torch.equal(each, straight.state_dict()[name]) for name, each in bent.state_dict().items())
    x = torch.randn(3, 1, 32, 32)
    torch.testing.assert_close(straight(2 * x) - straight(x), straight(x) - straight(0 * x))
    assert not torch.allclose(bent(2 * x) - bent(x), bent(x) - bent(0 * x))
