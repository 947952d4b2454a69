import pytest
import torch
import torchvision
from torch import nn

from pruneproof.api import Model
from pruneproof.models.vgg import VGG_11_PLAIN, VGGS

CIFAR = (3, 32, 32)
BY_ID = {model.id: model for model in VGGS}


def weights_of(model: Model, classes: int, **options: object) -> list[int]:
    with torch.device("meta"):
        network = model.build(CIFAR, classes, **options)
    return [network.get_parameter(each).numel() for each in model.prunable(network)]


def parameters_of(name: str, classes: int) -> int:
    with torch.device("meta"):
        return sum(each.numel() for each in BY_ID[name].build(CIFAR, classes).parameters())


def test_parameter_counts_are_those_of_the_pruning_literature() -> None:
    """VGG-13 counted in a released bias-free code; VGG-19 printed as 20.08M on CIFAR-100; the others as rounded."""
    assert parameters_of("vgg-13", 10) == 9_413_066
    assert round(parameters_of("vgg-19", 100) / 1e6, 2) == 20.08
    assert round(parameters_of("vgg-16", 10) / 1e6, 1) == 14.7
    assert round(parameters_of("vgg-19", 10) / 1e6, 1) == 20.0


def test_vgg_16_has_the_prunable_weights_of_the_synflow_data_on_cifar_100() -> None:
    weights = weights_of(BY_ID["vgg-16"], 100)
    assert (sum(weights), len(weights)) == (14_761_664, 14)


@pytest.mark.parametrize("name", BY_ID)
def test_convolutions_are_those_of_torchvision(name: str) -> None:
    with torch.device("meta"):
        reference = getattr(torchvision.models, name.replace("-", ""))()
    expected = [part.weight.numel() for part in reference.modules() if isinstance(part, nn.Conv2d)]
    assert weights_of(BY_ID[name], 10)[:-1] == expected


def test_half_the_width_has_half_the_channels_everywhere() -> None:
    full, half = weights_of(BY_ID["vgg-16"], 10), weights_of(BY_ID["vgg-16"], 10, width=0.5)
    assert [f / h for f, h in zip(full, half, strict=True)] == [2.0] + [4.0] * 12 + [2.0]


@pytest.mark.parametrize(("side", "pools"), [(2, 1), (8, 3), (28, 4), (32, 5), (224, 5)])
def test_pooling_stops_at_one_pixel(side: int, pools: int) -> None:
    with torch.device("meta"):
        network = BY_ID["vgg-11"].build((3, side, side), 10)
    assert sum(isinstance(part, nn.MaxPool2d) for part in network.modules()) == pools


def test_the_plain_vgg_11_has_the_weights_and_biases_of_the_authors_network() -> None:
    assert sum(weights_of(VGG_11_PLAIN, 10)) == 9_747_136
    with torch.device("meta"):
        network = VGG_11_PLAIN.build(CIFAR, 10)
    biases = [each.numel() for name, each in network.named_parameters() if name.endswith("bias")]
    assert (sum(biases), len(biases)) == (3_786, 11)
    assert not any(isinstance(part, nn.BatchNorm2d | nn.Dropout) for part in network.modules())
