"""Gradients, Hessian-vector products and curvature: modes, dead weights, temperature, batches."""

import copy
import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call

from pruneproof.errors import BadConfig
from pruneproof.testing.cases import Case, Scene
from pruneproof.testing.networks import KINDS, Network
from pruneproof.testing.strategies import SEEDS, networks
from pruneproof.training.probe import ModelProbe

MODES = (False, True)
CASES = st.builds(
    Case,
    network=networks().filter(lambda network: network.fill not in ("wide", "blank")),
    batches=st.sampled_from([(3,), (4, 2), (2, 3, 5)]),
    dead=st.sampled_from([0.0, 0.5, 0.9]),
    seed=SEEDS,
)


def scene_of(kind: str, dead: float = 0.5) -> Scene:
    """Return a network of which no layer is switched off for all samples, so that no derivative is all zero."""
    return Case(Network(kind=kind, width=4, seed=2), batches=(4, 2), dead=dead).build()


def probe_of(scene: Scene) -> ModelProbe:
    return ModelProbe(scene.model, scene.names, scene.masks, scene.batches)


def point(scene: Scene) -> dict[str, torch.Tensor]:
    """Return the weights with dead ones zero."""
    return {
        name: scene.model.get_parameter(name).detach().masked_fill(~alive, 0.0)
        for name, alive in probe_of(scene).alive().items()
    }


def mean_loss(scene: Scene, *, train_mode: bool, temperature: float = 1.0):
    """Return weights -> the mean loss over all samples, with neither a mask nor a probe."""
    model = copy.deepcopy(scene.model).train(train_mode)

    def loss(*weights: torch.Tensor) -> torch.Tensor:
        total, count = torch.zeros((), dtype=torch.float64), 0
        for x, y in scene.batches:
            logits = functional_call(model, dict(zip(scene.names, weights, strict=True)), (x.double(),))
            total = total - (logits / temperature).log_softmax(1)[torch.arange(len(y)), y].sum()
            count += len(y)
        return total / count

    return loss


def random_like(tensors: dict[str, torch.Tensor], seed: int) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {name: torch.randn(each.shape, generator=draw, dtype=torch.float64) for name, each in tensors.items()}


def inner(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> float:
    return float(sum((each * right[name]).sum() for name, each in left.items()))


def require_close(found, expected, rtol=1e-9, atol=1e-12):
    assert found.keys() == expected.keys()
    for name, each in expected.items():
        size = float(each.abs().max()) if each.numel() else 0.0
        torch.testing.assert_close(found[name], each, rtol=0.0, atol=rtol * size + atol)


@pytest.mark.parametrize(("kind", "train_mode", "dead"), list(itertools.product(KINDS, MODES, (0.0, 0.5))))
def test_the_loss_is_that_of_torch_at_any_weights_and_its_slope_is_the_gradient(kind, train_mode, dead):
    scene = scene_of(kind, dead)
    probe, at = probe_of(scene), point(scene)
    options = {"train_mode": train_mode, "temperature": 2.0, "double": True}
    expected = mean_loss(scene, train_mode=train_mode, temperature=2.0)(*at.values()).detach()
    assert probe.loss(**options) == pytest.approx(float(expected), rel=1e-12)
    along = random_like(at, 1)
    there, back = ({name: each + by * along[name] for name, each in at.items()} for by in (1e-6, -1e-6))
    change = probe.loss(at=there, **options) - probe.loss(at=back, **options)
    assert change / 2e-6 == pytest.approx(inner(probe.gradients(**options), along), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(("kind", "train_mode", "dead"), list(itertools.product(KINDS, MODES, (0.0, 0.5))))
def test_the_hessian_product_is_that_of_torch_in_either_mode_with_dead_weights_or_without(kind, train_mode, dead):
    scene = scene_of(kind, dead)
    probe, at = probe_of(scene), point(scene)
    vector, alive = random_like(at, 1), probe.alive()
    loss = mean_loss(scene, train_mode=train_mode, temperature=2.0)

    def by_torch(along):
        _, product = torch.autograd.functional.hvp(loss, tuple(at.values()), tuple(along.values()))
        return dict(zip(at, product, strict=True))

    every = probe.hessian_vector(vector, train_mode=train_mode, temperature=2.0, dead=True)
    assert all(each.any() for each in every.values())
    require_close(every, by_torch(vector))
    within = probe.hessian_vector(vector, train_mode=train_mode, temperature=2.0)
    expected = by_torch({name: each * alive[name] for name, each in vector.items()})
    assert all(each.any() for each in within.values())
    require_close(within, {name: each * alive[name] for name, each in expected.items()})


@pytest.mark.parametrize(("kind", "train_mode"), list(itertools.product(("mlp", "tied", "conv"), MODES)))
def test_the_hessian_product_with_unit_vectors_gives_the_columns_of_the_hessian(kind, train_mode):
    scene = scene_of(kind)
    probe, at = probe_of(scene), point(scene)
    loss = mean_loss(scene, train_mode=train_mode)
    blocks = torch.autograd.functional.hessian(loss, tuple(at.values()))
    for row, (name, weight) in enumerate(at.items()):
        for entry in range(0, weight.numel(), 3):
            unit = {each: torch.zeros_like(other) for each, other in at.items()}
            unit[name].view(-1)[entry] = 1.0
            found = probe.hessian_vector(unit, train_mode=train_mode, dead=True)
            expected = {
                each: block.flatten(0, weight.ndim - 1)[entry] for each, block in zip(at, blocks[row], strict=True)
            }
            require_close(found, expected, atol=1e-10)


@pytest.mark.parametrize(("train_mode", "dead"), list(itertools.product(MODES, MODES)))
def test_the_hessian_product_is_the_central_difference_of_gradients(train_mode, dead):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2)).double()
    scene = Scene(Case(), model, ("0.weight", "3.weight"), None, Case(Network(features=3), batches=(5, 3)).samples(0))
    vector = random_like(point(scene), 2)

    def gradient(step: float):
        moved = copy.deepcopy(model)
        with torch.no_grad():
            for name, along in vector.items():
                moved.get_parameter(name).add_(step * along)
        return ModelProbe(moved, scene.names, None, scene.batches).gradients(train_mode=train_mode)

    ahead, behind = gradient(1e-4), gradient(-1e-4)
    product = probe_of(scene).hessian_vector(vector, train_mode=train_mode, dead=dead)
    require_close(product, {name: (ahead[name] - behind[name]) / 2e-4 for name in vector}, rtol=1e-6)


@pytest.mark.parametrize(("kind", "train_mode"), list(itertools.product(KINDS, MODES)))
def test_gradients_at_dead_weights_are_those_of_a_network_whose_weights_are_zero_there(kind, train_mode):
    scene = scene_of(kind)
    at = {name: weight.requires_grad_() for name, weight in point(scene).items()}
    mean_loss(scene, train_mode=train_mode, temperature=2.0)(*at.values()).backward()
    found = probe_of(scene).gradients(train_mode=train_mode, temperature=2.0, dead=True)
    require_close(found, {name: weight.grad for name, weight in at.items()})
    alive = probe_of(scene).alive()
    assert any(found[name][~alive[name]].any() for name in found)


def test_the_gradient_at_a_dead_weight_is_the_change_of_the_loss_when_it_leaves_zero():
    scene = scene_of("mlp")
    gradient, alive = probe_of(scene).gradients(train_mode=False, dead=True), probe_of(scene).alive()
    loss = mean_loss(scene, train_mode=False)
    for name in scene.names:
        for entry in (~alive[name]).nonzero():
            values = []
            for step in (1e-5, -1e-5):
                moved = point(scene)
                moved[name][tuple(entry)] += step
                values.append(float(loss(*moved.values()).detach()))
            assert (values[0] - values[1]) / 2e-5 == pytest.approx(float(gradient[name][tuple(entry)]), abs=1e-8)


def test_at_another_point_dead_weights_count_as_zero_and_have_a_gradient_when_asked():
    scene = scene_of("mlp")
    probe = probe_of(scene)
    away = {name: each + 3.0 for name, each in random_like(point(scene), 4).items()}
    at = {name: (away[name] * alive).requires_grad_() for name, alive in probe.alive().items()}
    mean_loss(scene, train_mode=False)(*at.values()).backward()
    require_close(probe.gradients(at=away, train_mode=False, dead=True), {name: each.grad for name, each in at.items()})


@settings(max_examples=25)
@given(CASES, st.booleans())
def test_without_dead_weights_the_derivatives_are_zero_at_them_and_the_same_elsewhere(case, train_mode):
    scene = case.build()
    probe = probe_of(scene)
    vector = {name: each * probe.alive()[name] for name, each in random_like(point(scene), 1).items()}
    for some, every in (
        (probe.gradients(train_mode=train_mode), probe.gradients(train_mode=train_mode, dead=True)),
        (
            probe.hessian_vector(vector, train_mode=train_mode),
            probe.hessian_vector(vector, train_mode=train_mode, dead=True),
        ),
    ):
        for name, alive in probe.alive().items():
            assert torch.equal(some[name], every[name].masked_fill(~alive, 0.0))


@settings(max_examples=25)
@given(CASES, st.booleans(), st.booleans(), st.sampled_from([1.0, 5.0, 200.0]))
def test_the_hessian_product_is_linear_and_symmetric(case, train_mode, dead, temperature):
    scene = case.build()
    u, v = (random_like(point(scene), seed) for seed in (1, 2))

    def product(vector):
        return probe_of(scene).hessian_vector(vector, train_mode=train_mode, dead=dead, temperature=temperature)

    hu, hv = product(u), product(v)
    size = max(
        float((each * other[name]).abs().sum()) for each_, other in ((u, hv), (v, hu)) for name, each in each_.items()
    )
    assert inner(u, hv) == pytest.approx(inner(v, hu), rel=1e-9, abs=1e-9 * size + 1e-12)
    mixed = product({name: 2.0 * u[name] - 0.5 * v[name] for name in u})
    require_close(mixed, {name: 2.0 * hu[name] - 0.5 * hv[name] for name in u}, atol=1e-9 * size + 1e-12)


@pytest.mark.parametrize("train_mode", MODES)
def test_float64_on_demand_is_what_a_float64_network_gives(train_mode):
    single = Case(Network(kind="conv", width=3), batches=(4, 2), dead=0.5).build(torch.float32)
    twice = Scene(single.case, copy.deepcopy(single.model).double(), single.names, single.masks, single.batches)
    vector = random_like(point(twice), 1)
    found = probe_of(single).hessian_vector(vector, train_mode=train_mode, double=True)
    assert all(each.dtype == torch.float64 for each in found.values())
    require_close(found, probe_of(twice).hessian_vector(vector, train_mode=train_mode), rtol=1e-12)
    rounded = probe_of(single).hessian_vector(vector, train_mode=train_mode)
    assert all(each.dtype == torch.float32 for each in rounded.values())


def test_in_train_mode_filters_before_batch_norm_have_no_first_order_and_a_negative_second_order_score():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.BatchNorm2d(4, eps=1e-12),
        nn.Conv2d(4, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4, eps=1e-12),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    ).double()
    x, y = torch.randn(24, 1, 6, 6, dtype=torch.float64), torch.randint(3, (24,))
    names = ["0.weight", "3.weight", "8.weight"]
    probe = ModelProbe(model, names, None, [(x, y)])
    weights = probe.weights()

    def by_filter(left, right, name):
        return (left[name] * right[name]).flatten(1).sum(1)

    g = probe.gradients(train_mode=True)
    hg = probe.hessian_vector(g, train_mode=True)
    frozen = probe.gradients(train_mode=False)
    for name in names[:2]:
        assert by_filter(weights, g, name).abs().max() < 1e-9 * g[name].abs().max()
        torch.testing.assert_close(by_filter(weights, hg, name), -by_filter(g, g, name), rtol=1e-6, atol=0.0)
        assert by_filter(weights, frozen, name).abs().min() > 1e-6


class Cooled(nn.Module):
    """A network whose logits are divided before they come out."""

    def __init__(self, inner: nn.Module, temperature: float) -> None:
        super().__init__()
        self.inner, self.temperature = inner, temperature

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) / self.temperature


@pytest.mark.parametrize("temperature", [0.5, 5.0, 200.0])
@pytest.mark.parametrize("kind", ["conv", "tied"])
def test_the_temperature_divides_the_logits_and_nothing_else_in_all_that_takes_the_loss(kind, temperature):
    scene = scene_of(kind, dead=0.0)
    cooled = Cooled(scene.model, temperature)
    warm = probe_of(scene)
    cold = ModelProbe(cooled, [f"inner.{name}" for name in scene.names], None, scene.batches)
    vector = random_like(warm.weights(), 1)

    def inside(tensors):
        return {f"inner.{name}": each for name, each in tensors.items()}

    for train_mode in MODES:
        options = {"train_mode": train_mode}
        require_close(inside(warm.gradients(temperature=temperature, **options)), cold.gradients(**options), rtol=1e-12)
        product = warm.hessian_vector(vector, temperature=temperature, **options)
        require_close(inside(product), cold.hessian_vector(inside(vector), **options), rtol=1e-10, atol=1e-15)
    for curvature in ("ggn", "ggn-mc", "fisher"):
        found = warm.curvature(curvature, temperature=temperature)
        require_close(inside(found), cold.curvature(curvature), rtol=1e-12, atol=0.0)
    require_close(
        inside(warm.sample_gradients(temperature=temperature)), cold.sample_gradients(), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("call", ["gradients", "hessian_vector", "curvature", "sample_gradients"])
def test_a_temperature_of_zero_is_refused(call):
    probe = probe_of(scene_of("mlp"))
    arguments = [probe.weights()] if call == "hessian_vector" else []
    with pytest.raises(BadConfig, match=r"temperature 0\.0: a number above 0"):
        getattr(probe, call)(*arguments, temperature=0.0)


@pytest.mark.parametrize("kind", ["conv", "tied"])
def test_every_sample_weighs_alike_whatever_the_batches_one_for_each_class_or_of_unequal_size(kind):
    scene = Case(Network(kind=kind, width=4, seed=2), batches=(12,), dead=0.5).build()
    [(x, y)] = scene.batches
    order = y.argsort()
    splits = [
        [(x[:7], y[:7]), (x[7:8], y[7:8]), (x[8:], y[8:])],
        [(x[y == each], y[y == each]) for each in (0, 1)],
        [(x[order][:1], y[order][:1]), (x[order][1:], y[order][1:])],
    ]
    assert len(splits[1][0][0]) != len(splits[1][1][0])

    def answers(batches):
        probe = ModelProbe(scene.model, scene.names, scene.masks, batches)
        gradient = probe.gradients(train_mode=False)
        return [
            gradient,
            probe.hessian_vector(gradient, train_mode=False),
            probe.curvature(),
            probe.fisher(),
            probe.activations(),
            probe.layer_gram(),
        ]

    expected = answers([(x, y)])
    for batches in splits:
        for found, each in zip(answers(batches), expected, strict=True):
            require_close(found, each)


@pytest.mark.parametrize("train_mode", MODES)
def test_what_dead_weights_hold_reaches_no_answer(train_mode):
    for kind in KINDS:
        scene = scene_of(kind)
        probe = probe_of(scene)
        vector, alive = random_like(point(scene), 1), probe.alive()

        def answers(probe=probe, vector=vector, kind=kind):
            features = [] if kind == "recurrent" else [probe.layer_gram(train_mode=train_mode)]
            return [
                probe.gradients(train_mode=train_mode, dead=True),
                probe.hessian_vector(vector, train_mode=train_mode),
                probe.hessian_vector(probe.weights(), train_mode=train_mode, dead=True),
                probe.curvature("ggn", temperature=2.0),
                probe.sample_gradients(),
                *features,
            ]

        before = answers()
        with torch.no_grad():
            for name, each in alive.items():
                scene.model.get_parameter(name)[~each] = (
                    torch.tensor([torch.nan, torch.inf]).double().repeat(int((~each).sum()))[: int((~each).sum())]
                )
                vector[name] = vector[name].masked_fill(~each, torch.nan)
        for found, expected in zip(answers(), before, strict=True):
            for name in scene.names:
                assert torch.equal(found[name], expected[name])


def test_the_curvature_refuses_batch_statistics():
    with pytest.raises(BadConfig, match=r"asked for the curvature with train_mode=True: .* no sample has a loss"):
        probe_of(scene_of("conv")).curvature(train_mode=True)


def test_the_two_modes_differ_where_there_is_batch_norm():
    probe = probe_of(scene_of("conv"))
    vector = probe.weights()
    batch, running = (probe.hessian_vector(vector, train_mode=mode) for mode in (True, False))
    assert all(not torch.allclose(batch[name], running[name]) for name in vector)
    assert (
        F.mse_loss(probe.layer_gram()["classifier.weight"], probe.layer_gram(train_mode=True)["classifier.weight"]) > 0
    )
