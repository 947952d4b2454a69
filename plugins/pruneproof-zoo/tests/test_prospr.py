"""ProsPr against autograd through the steps, SNIP, and the vector by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from pruneproof.api import BadConfig, conv_and_linear, score
from pruneproof.criteria.snip import SNIP
from pruneproof_zoo.prospr import PROSPR, prospr


class Bowl:
    """L = ½ Σ a θ²."""

    def __init__(self, curvature):
        self.curvature = torch.tensor(curvature, dtype=torch.float64)

    def gradients(self, *, at, **_):
        return {"w": self.curvature * at["w"]}

    def hessian_vector(self, vector, **_):
        return {"w": self.curvature * vector["w"]}


def test_on_a_parabola_the_two_orders_rank_differently():
    theta = {"w": torch.ones(2, dtype=torch.float64)}
    full, first = (prospr(theta, Bowl([1.0, 2.0]), order=order)["w"] for order in ("full", "first-order"))
    assert full.tolist() == pytest.approx([0.9**6, 2 * 0.8**6])
    assert [round(each, 4) for each in full.tolist()] == [0.5314, 0.5243]
    assert [round(each, 4) for each in first.tolist()] == [0.729, 1.024]


def network():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), nn.Softplus(), nn.Flatten(), nn.Linear(12, 3)
    )
    return model.double()


def samples():
    draw = torch.Generator().manual_seed(1)
    return torch.randn(9, 2, 4, 4, dtype=torch.float64, generator=draw), torch.randint(3, (9,), generator=draw)


def through_the_steps(model, x, y, steps, lr, momentum):
    """The definition: differentiate the loss after the steps by masks of ones."""
    names = conv_and_linear(model)
    masks = {name: torch.ones_like(model.get_parameter(name)).requires_grad_() for name in names}
    theta = {name: model.get_parameter(name).detach() * masks[name] for name in names}
    buffer = dict.fromkeys(names, 0.0)
    model.train()
    for _ in range(steps):
        loss = F.cross_entropy(functional_call(model, theta, (x,)), y)
        slopes = dict(zip(names, torch.autograd.grad(loss, list(theta.values()), create_graph=True), strict=True))
        buffer = {name: momentum * buffer[name] + slopes[name] for name in names}
        theta = {name: theta[name] - lr * buffer[name] for name in names}
    loss = F.cross_entropy(functional_call(model, theta, (x,)), y)
    return dict(zip(names, (each.abs() for each in torch.autograd.grad(loss, list(masks.values()))), strict=True))


@pytest.mark.parametrize(("steps", "momentum"), [(1, 0.0), (3, 0.0), (3, 0.9)])
def test_it_is_the_derivative_through_the_steps(steps, momentum):
    x, y = samples()
    options = {"steps": steps, "lr": 0.5, "momentum": momentum}
    found = score(PROSPR, options, network(), conv_and_linear(network()), None, [(x, y)], torch.Generator())
    expected = through_the_steps(network(), x, y, steps, 0.5, momentum)
    for name, each in expected.items():
        torch.testing.assert_close(found[name], each, rtol=1e-6, atol=1e-8 * float(each.max()))


@pytest.mark.parametrize("order", ["full", "first-order"])
def test_without_steps_it_is_snip_bit_for_bit(order):
    x, y = samples()
    model = network()
    given = model, conv_and_linear(model), None, [(x, y)], torch.Generator()
    found, expected = score(PROSPR, {"steps": 0, "order": order}, *given), score(SNIP, {}, *given)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("options", [{"steps": -1}, {"lr": 0.0}, {"momentum": 1.0}, {"order": "second"}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadConfig, match='"full" or "first-order" were expected'):
        prospr({"w": torch.ones(1)}, Bowl([1.0]), **options)
