import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from pruneproof.contracts.model import conv_and_linear
from pruneproof.criteria.snip import SNIP
from pruneproof.training.scoring import score


def scored(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
    return score(SNIP, {}, model, conv_and_linear(model), None, [(x, y)], torch.Generator())


def samples() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(12, 1, 6, 6, generator=generator), torch.randint(3, (12,), generator=generator)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).double()


def test_the_score_is_the_sensitivity_to_the_mask_by_plain_autograd():
    model, (x, y) = network(), samples()
    x = x.double()
    gates = {name: torch.ones_like(model.get_parameter(name), requires_grad=True) for name in conv_and_linear(model)}
    gated = {name: gate * model.get_parameter(name) for name, gate in gates.items()}
    loss = F.cross_entropy(functional_call(network(), gated, (x,)), y)
    sensitivity = dict(zip(gates, torch.autograd.grad(loss, list(gates.values())), strict=True))
    for name, found in scored(model, x, y).items():
        torch.testing.assert_close(found, sensitivity[name].abs())


def test_flipping_a_hidden_unit_of_a_tanh_network_leaves_the_scores():
    torch.manual_seed(0)
    x, y = samples()
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    before = scored(model, x, y)
    with torch.no_grad():
        model[1].weight[2] *= -1
        model[1].bias[2] *= -1
        model[3].weight[:, 2] *= -1
    after = scored(model, x, y)
    for name, expected in before.items():
        torch.testing.assert_close(after[name], expected)


def test_moving_scale_between_layers_of_a_relu_network_leaves_the_scores():
    torch.manual_seed(0)
    x, y = samples()
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 3)).double()
    before = scored(model, x, y)
    with torch.no_grad():
        model[1].weight *= 4
        model[1].bias *= 4
        model[3].weight /= 4
    after = scored(model, x, y)
    for name, expected in before.items():
        torch.testing.assert_close(after[name], expected)


def test_the_score_is_the_slope_of_the_loss_as_a_weight_shrinks():
    model, (x, y) = network(), samples()
    x = x.double()
    scores = scored(model, x, y)["4.weight"]
    row, column = divmod(int(scores.argmax()), scores.shape[1])

    @torch.no_grad()
    def loss(factor: float) -> float:
        changed = network()
        changed[4].weight[row, column] *= factor
        return float(F.cross_entropy(changed(x), y))

    slope = (loss(1 + 1e-5) - loss(1 - 1e-5)) / 2e-5
    assert abs(slope) == pytest.approx(float(scores[row, column]), rel=1e-6)
