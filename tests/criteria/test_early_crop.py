"""EarlyCroP's score is the size of the change of the squared gradient norm when a weight shrinks."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from pruneproof.criteria.early_crop import early_crop
from pruneproof.training.probe import ModelProbe


def test_it_is_half_the_slope_of_the_squared_gradient_norm_on_running_statistics():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 6, bias=False), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3)).double().eval()
    model[1].running_mean.normal_()
    x, y = torch.randn(12, 5, dtype=torch.float64), torch.arange(12) % 3
    weights = {name: model.get_parameter(name).detach().clone() for name in ("0.weight", "3.weight")}

    def squared_norm(changed):
        leaves = {name: each.clone().requires_grad_() for name, each in changed.items()}
        loss = F.cross_entropy(functional_call(model, leaves, (x,)), y)
        return sum(float(each.square().sum()) for each in torch.autograd.grad(loss, list(leaves.values())))

    scores = early_crop(weights, ModelProbe(model, list(weights), None, [(x, y)]))
    for name in weights:
        norms = []
        for factor in (1 + 1e-5, 1 - 1e-5):
            moved = weights[name].clone()
            moved[1, 2] *= factor
            norms.append(squared_norm({**weights, name: moved}))
        assert abs(norms[0] - norms[1]) / 4e-5 == pytest.approx(float(scores[name][1, 2]), rel=1e-4)
