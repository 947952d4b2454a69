import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from pruneproof.contracts.model import conv_and_linear
from pruneproof.errors import BadConfig
from pruneproof.testing.cases import Case
from pruneproof.testing.networks import Network
from pruneproof.training import curvature
from pruneproof.training.curvature import sole_layers
from pruneproof.training.probe import ModelProbe
from pruneproof.values.masks import MaskSet

SAMPLES = 5


class Block(nn.Module):
    """A residual block whose ReLU writes in place, a grouped convolution, and a layer that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.inner = nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)
        self.twice = nn.Linear(4, 4)
        self.classifier = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        stream = F.relu_(self.norm(self.stem(x)))
        stream = stream + self.inner(stream)
        features = torch.tanh(self.twice(stream.mean((2, 3))))
        return self.classifier(torch.tanh(self.twice(features)))


NETWORKS = {
    "mlp": lambda: nn.Sequential(nn.Flatten(), nn.Linear(72, 6), nn.Tanh(), nn.Linear(6, 3)),
    "many-positions": lambda: nn.Sequential(nn.Conv2d(2, 3, 3, dilation=2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3)),
    "large-maps": lambda: nn.Sequential(
        nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 3)
    ),
    "sequence": lambda: nn.Sequential(nn.Flatten(1, 2), nn.Linear(6, 4), nn.Tanh(), nn.Flatten(), nn.Linear(48, 3)),
    "same-padding": lambda: nn.Sequential(
        nn.Conv2d(2, 2, 3, padding="same"), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3)
    ),
    "block": Block,
}


def made(name: str) -> tuple[nn.Module, list[str], torch.Tensor, torch.Tensor]:
    """Build a network in float64 with running statistics that are not those of initialisation, and samples."""
    torch.manual_seed(0)
    model = NETWORKS[name]().double()
    x, y = torch.randn(SAMPLES, 2, 6, 6, dtype=torch.float64), torch.randint(3, (SAMPLES,))
    model(x)
    return model, conv_and_linear(model), x, y


def by_jacobian(model: nn.Module, names: list[str], x: torch.Tensor, kind: str, y: torch.Tensor):
    """Return the mean over samples of the diagonal of JᵀHJ, from one whole Jacobian per sample."""
    model = model.eval()
    weights = {name: model.get_parameter(name).detach() for name in names}
    totals = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for one, label in zip(x, y, strict=True):

        def logits(*leaves, one=one):
            return functional_call(model, dict(zip(names, leaves, strict=True)), (one[None],))[0]

        p = logits(*weights.values()).detach().softmax(0)
        hessian = p.diag() - torch.outer(p, p)
        if kind == "fisher":
            slope = p - F.one_hot(label, len(p))
            hessian = torch.outer(slope, slope)
        for name, jacobian in zip(
            names, torch.autograd.functional.jacobian(logits, tuple(weights.values())), strict=True
        ):
            rows = jacobian.flatten(1)
            totals[name] += torch.einsum("ai,ab,bi->i", rows, hessian, rows).reshape(totals[name].shape) / len(x)
    return totals


def by_backward(model: nn.Module, names: list[str], x: torch.Tensor):
    """Return the same exact diagonal from one backward pass for each class and sample."""
    model = model.eval()
    totals = {name: torch.zeros_like(model.get_parameter(name)) for name in names}
    for one in x:
        for label in range(3):
            model.zero_grad()
            chances = model(one[None]).log_softmax(1)[0, label]
            chances.backward()
            for name in names:
                totals[name] += chances.detach().exp() * model.get_parameter(name).grad.square() / len(x)
    return totals


def whole(weight_names: list[str], diagonal: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([diagonal[name].flatten() for name in weight_names])


@pytest.mark.parametrize(("name", "kind"), list(itertools.product(NETWORKS, ("ggn", "fisher"))))
def test_the_diagonal_is_that_of_the_brute_force_jacobian(name, kind):
    model, names, x, y = made(name)
    found = ModelProbe(model.train(), names, None, [(x[:3], y[:3]), (x[3:], y[3:])]).curvature(kind)
    expected = by_jacobian(model, names, x, kind, y)
    for each in names:
        assert expected[each].abs().max() > 0
        torch.testing.assert_close(found[each], expected[each])


@pytest.mark.parametrize("name", NETWORKS)
def test_the_exact_diagonal_is_that_of_one_backward_pass_per_class_and_sample(name):
    model, names, x, y = made(name)
    found = ModelProbe(model, names, None, [(x, y)]).curvature()
    expected = by_backward(model, names, x)
    for each in names:
        torch.testing.assert_close(found[each], expected[each])


@pytest.mark.parametrize(
    ("name", "left_out"),
    [("mlp", set()), ("large-maps", set()), ("same-padding", {"0.weight"}), ("block", {"twice.weight"})],
)
def test_layers_take_the_short_way_where_one_plain_call_is_all_that_uses_their_weight(name, left_out):
    model, names, x, _ = made(name)
    weights = {each: model.get_parameter(each) for each in names}
    found = sole_layers(model.eval(), lambda some, x: functional_call(model, dict(some), (x,)), weights, x)
    assert set(found) == set(names) - left_out


@pytest.mark.parametrize("kind", ["residual", "depthwise", "recurrent", "tied"])
@pytest.mark.parametrize("dead", [0.0, 0.5])
def test_networks_of_every_kind_agree_with_the_jacobian_and_dead_weights_have_no_curvature(kind, dead):
    scene = Case(Network(kind=kind, width=3), batches=(3, 2), dead=dead).build()
    x, y = (torch.cat(parts) for parts in zip(*scene.batches, strict=True))
    found = ModelProbe(scene.model, scene.names, scene.masks, scene.batches).curvature(double=True)
    alive = {} if scene.masks is None else scene.masks.to_tensors()
    with torch.no_grad():
        for name, mask in alive.items():
            scene.model.get_parameter(name).masked_fill_(~mask, 0.0)
    expected = by_jacobian(scene.model, list(scene.names), x.double(), "ggn", y)
    for name in scene.names:
        torch.testing.assert_close(found[name], expected[name] * alive.get(name, torch.tensor(1.0)))


def test_the_estimate_is_unbiased_and_its_error_falls_with_the_draws():
    model, names, x, y = made("large-maps")
    exact = whole(names, ModelProbe(model, names, None, [(x, y)]).curvature())

    def error(draws: int, seed: int) -> torch.Tensor:
        found = ModelProbe(model, names, None, [(x, y)], seed=seed).curvature("ggn-mc", draws=draws)
        return whole(names, found) - exact

    few = torch.stack([error(10, seed) for seed in range(200)])
    many = torch.stack([error(160, seed) for seed in range(200)])
    assert few.std(0).mean() / many.std(0).mean() == pytest.approx(4.0, rel=0.2)
    assert bool((many.mean(0).abs() <= 5 * many.std(0) / 200**0.5 + 1e-12).all())


def test_the_estimate_is_the_same_at_every_call_and_another_one_under_another_seed():
    model, names, x, y = made("mlp")
    probe, other = (ModelProbe(model, names, None, [(x, y)], seed=seed) for seed in (0, 1))
    first, again = (whole(names, probe.curvature("ggn-mc", draws=2)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, whole(names, other.curvature("ggn-mc", draws=2)))


@pytest.mark.parametrize("name", ["mlp", "block", "large-maps", "many-positions"])
def test_the_amount_of_memory_and_the_split_into_batches_do_not_matter(name, monkeypatch):
    model, names, x, y = made(name)
    expected = ModelProbe(model, names, None, [(x, y)]).curvature()
    monkeypatch.setattr(curvature, "NUMBERS", 1)
    batches = [(x[:1], y[:1]), (x[1:], y[1:])]
    for each, found in ModelProbe(model, names, None, batches).curvature().items():
        torch.testing.assert_close(found, expected[each])


def test_float32_agrees_with_float64_within_its_precision():
    model, names, x, y = made("large-maps")
    expected = whole(names, ModelProbe(model, names, None, [(x, y)]).curvature())
    probe = ModelProbe(model.float(), names, None, [(x.float(), y)])
    found, double = whole(names, probe.curvature()), whole(names, probe.curvature(double=True))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-6 * float(expected.max()))
    assert double.dtype == torch.float64
    torch.testing.assert_close(double, expected, rtol=1e-5, atol=1e-7 * float(expected.max()))


def test_a_well_fitted_network_tells_the_true_from_the_empirical_fisher():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(72, 3)).double()
    x = torch.randn(SAMPLES, 2, 6, 6, dtype=torch.float64)
    y = model(x).argmax(1)
    with torch.no_grad():
        model[1].weight.mul_(20)
    probe = ModelProbe(model, ["1.weight"], None, [(x, y)])
    true, empirical = (probe.curvature(kind)["1.weight"].sum() for kind in ("ggn", "fisher"))
    assert true > 2 * empirical


def test_a_mask_acts_as_if_the_weights_were_zero():
    model, names, x, y = made("block")
    draw = torch.Generator().manual_seed(2)
    masks = MaskSet.from_tensors(
        {each: torch.rand(model.get_parameter(each).shape, generator=draw) < 0.6 for each in names}
    )
    looked = ModelProbe(model, names, masks, [(x, y)]).curvature()
    with torch.no_grad():
        for each, mask in masks.to_tensors().items():
            model.get_parameter(each).masked_fill_(~mask, 0.0)
    plain = ModelProbe(model, names, None, [(x, y)]).curvature()
    for each, mask in masks.to_tensors().items():
        torch.testing.assert_close(looked[each], plain[each] * mask)


@pytest.mark.parametrize(("kind", "draws"), [("hessian", 1), ("ggn-mc", 0)])
def test_an_unknown_kind_and_no_draw_are_refused(kind, draws):
    model, names, x, y = made("mlp")
    with pytest.raises(BadConfig, match=f'curvature "{kind}" with {draws} draws: one of ggn, ggn-mc, fisher'):
        ModelProbe(model, names, None, [(x, y)]).curvature(kind, draws=draws)
