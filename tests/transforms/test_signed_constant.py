import pytest
import torch
from torch import nn

from pruneproof.errors import BadConfig
from pruneproof.transforms.signed_constant import signed_constant


def test_the_magnitude_is_the_standard_deviation_of_kaiming_s_normal_distribution():
    for layer in (nn.Linear(300, 400), nn.Conv2d(32, 64, 3, groups=2)):
        constant = signed_constant({"w": layer.weight.detach()}).state["w"]
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        assert constant.abs().unique().numel() == 1
        assert float(constant.abs().max()) == pytest.approx(float(layer.weight.detach().std()), rel=0.02)


def test_the_signs_stay_and_zeros_too():
    weight = torch.tensor([[0.1, -7.0, 0.0]])
    assert signed_constant({"w": weight}).state["w"].sign().equal(weight.sign())


def test_a_gain_of_nothing_is_refused():
    with pytest.raises(BadConfig, match="gain"):
        signed_constant({}, gain=0.0)
