import pytest
import torch

from pruneproof.models.lenet import LENET_5


def test_lenet_5_has_the_published_caffe_sizes_on_mnist() -> None:
    model = LENET_5.build((1, 28, 28), 10)
    parameters = dict(model.named_parameters())
    assert [parameters[name].numel() for name in LENET_5.prunable(model)] == [500, 25_000, 400_000, 5_000]
    assert sum(each.numel() for each in parameters.values()) == 431_080


@pytest.mark.parametrize("sides", [(4, 4), (8, 8), (15, 40), (16, 16), (17, 28), (32, 32)])
def test_the_linear_layer_fits_the_maps_that_reach_it(sides: tuple[int, int]) -> None:
    assert LENET_5.build((1, *sides), 10)(torch.zeros(2, 1, *sides)).shape == (2, 10)
