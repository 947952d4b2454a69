import pytest
import torch
from torch import nn

from pruneproof.errors import BadConfig
from pruneproof.models.lenet import LENET_5, LENET_5_1998


def test_lenet_5_has_the_published_caffe_sizes_on_mnist() -> None:
    model = LENET_5.build((1, 28, 28), 10)
    parameters = dict(model.named_parameters())
    assert [parameters[name].numel() for name in LENET_5.prunable(model)] == [500, 25_000, 400_000, 5_000]
    assert sum(each.numel() for each in parameters.values()) == 431_080


@pytest.mark.parametrize("sides", [(4, 4), (8, 8), (15, 40), (16, 16), (17, 28), (32, 32)])
def test_the_linear_layer_fits_the_maps_that_reach_it(sides: tuple[int, int]) -> None:
    assert LENET_5.build((1, *sides), 10)(torch.zeros(2, 1, *sides)).shape == (2, 10)


def test_lenet_5_of_1998_has_the_published_widths_on_32x32() -> None:
    model = LENET_5_1998.build((1, 32, 32), 10)
    shapes = [tuple(model.get_parameter(name).shape) for name in LENET_5_1998.prunable(model)]
    assert shapes == [(6, 1, 5, 5), (16, 6, 5, 5), (120, 16, 5, 5), (84, 120), (10, 84)]
    assert sum(each.numel() for each in model.parameters()) == 61_706  # as LeCun et al. count with all maps connected


@pytest.mark.parametrize("sides", [(4, 4), (8, 8), (28, 28), (31, 40), (32, 32), (33, 48)])
def test_the_hidden_layer_of_1998_fits_the_maps_that_reach_it(sides: tuple[int, int]) -> None:
    model = LENET_5_1998.build((1, *sides), 10, widths=(10, 10, 10, 10))
    assert model(torch.zeros(2, 1, *sides)).shape == (2, 10)


def test_without_activation_only_pooling_is_left_between_the_layers() -> None:
    model = LENET_5_1998.build((1, 32, 32), 10, activation="linear")
    assert not any(isinstance(part, nn.ReLU) for part in model)
    for more in ({"widths": (1, 2, 3)}, {"widths": (0, 1, 1, 1)}, {"activation": "tanh"}):
        with pytest.raises(BadConfig, match="lenet-5-1998"):
            LENET_5_1998.build((1, 32, 32), 10, **more)
