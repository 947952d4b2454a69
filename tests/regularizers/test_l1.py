import pytest
import torch

from pruneproof.errors import BadConfig
from pruneproof.regularizers.l1 import l1


def test_every_weight_is_pulled_with_the_same_force_and_zeros_are_not():
    weights = {"a": torch.tensor([2.0, -0.1, 0.0], requires_grad=True), "b": torch.tensor([[-9.0]], requires_grad=True)}
    penalty = l1(weights, factor=0.5)
    assert float(penalty.detach()) == pytest.approx(5.55)
    slopes = torch.autograd.grad(penalty, list(weights.values()))
    assert [each.flatten().tolist() for each in slopes] == [[0.5, -0.5, 0.0], [-0.5]]


def test_a_negative_factor_is_refused():
    with pytest.raises(BadConfig, match="factor"):
        l1({"w": torch.ones(1)}, factor=-1.0)
