import torch
from torch import nn

from pruneproof.models.mlp import LENET_300_100, LENET_300_100_TANH, MLP


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
