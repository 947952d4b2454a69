import pytest
import torch
from torch import nn

from pruneproof.shrinking.constants import readings

PARTS = [
    nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(), nn.PReLU(), nn.ELU(), nn.SELU(), nn.GELU(), nn.SiLU(), nn.Mish(),
    nn.Softplus(), nn.Sigmoid(), nn.Tanh(), nn.Hardtanh(), nn.Hardsigmoid(), nn.Hardswish(), nn.Threshold(0.1, 0.2),
    nn.BatchNorm2d(2), nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveMaxPool2d(2), nn.AdaptiveAvgPool2d(2),
    nn.Upsample(scale_factor=2), nn.Dropout(), nn.ZeroPad2d(1), nn.ReflectionPad2d(1),
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_what_depends_on_the_input_is_never_taken_for_a_constant(part):
    reader = nn.Conv2d(2, 1, 1)
    writer = nn.Conv2d(1, 2, 1)
    writer.weight.data[1] = 0
    (reading,) = readings(nn.Sequential(writer, part, reader).eval(), torch.zeros(1, 1, 4, 4))[reader]
    assert reading.constant.tolist() == [False, True]


def test_the_constant_is_what_the_network_makes_of_the_bias():
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12, 1)
    )
    model[0].weight.data[1] = 0
    model[0].bias.data[1] = 2.0
    model[1].running_mean[1], model[1].running_var[1] = 0.5, 4.0
    (reading,) = readings(model.eval().double(), torch.zeros(1, 1, 6, 6, dtype=torch.float64))[model[5]]
    assert reading.constant.tolist() == [False] * 4 + [True] * 4 + [False] * 4
    torch.testing.assert_close(reading.value[4:8], torch.full((4,), 1.5 / (4 + 1e-5) ** 0.5, dtype=torch.float64))


def test_a_constant_that_padding_makes_uneven_has_no_value():
    depthwise, reader = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 1)
    first = nn.Conv2d(1, 1, 1)
    first.weight.data.zero_()
    first.bias.data.fill_(1.0)
    (reading,) = readings(nn.Sequential(first, depthwise, reader), torch.zeros(1, 1, 4, 4))[reader]
    assert reading.constant.tolist() == [True]
    assert reading.value.isnan().tolist() == [True]
