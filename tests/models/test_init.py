from typing import Literal

import pytest
import torch
from torch import nn

from pruneproof.models.init import he_normal


@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 9 * 40), ("fan_out", 9 * 90)])
def test_the_standard_deviation_is_that_of_the_fan(mode: Literal["fan_in", "fan_out"], fan: int) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(40, 90, 3), nn.Linear(50, 50))
    linear = model[1].weight.clone()
    he_normal(model, mode)
    assert model[0].weight.std().item() == pytest.approx((2 / fan) ** 0.5, rel=0.02)
    assert torch.equal(model[1].weight, linear)
