"""Scores of the gradient-flow measures: against numbers by hand, whole Hessians, and loops over filters."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from pruneproof.api import BadConfig, ModelProbe, Selection, conv_and_linear, select_masks
from pruneproof.criteria import gradient_flow as measures
from pruneproof.training.normalisation import scales

NAMES = ["0.weight", "3.weight"]
ORDERS = {"conv-bn-relu": (nn.BatchNorm2d, nn.ReLU), "conv-relu-bn": (nn.ReLU, nn.BatchNorm2d)}


def network(order="conv-relu-bn"):
    """Two convolutions with batch normalisation as training leaves it."""
    torch.manual_seed(0)

    def behind(width):
        return [part(width) if part is nn.BatchNorm2d else part() for part in ORDERS[order]]

    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, bias=False), *behind(3), nn.Conv2d(3, 4, 2, bias=False), *behind(4), nn.Flatten(),
        nn.Linear(4, 3),
    ).double()  # fmt: skip
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.weight.data.uniform_(0.5, 2.0)
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.5, 2.0)
    return model


def samples():
    rng = torch.Generator().manual_seed(1)
    return [(torch.randn(5, 1, 4, 4, generator=rng, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1]))] * 2


def loss_of(model, names, x, y, temperature, train_mode):
    """Return (flat weights) -> loss, and the flat weights."""
    shapes = [model.get_parameter(name).shape for name in names]
    flat = torch.cat([model.get_parameter(name).detach().flatten() for name in names])
    buffers = {name: each.clone() for name, each in model.named_buffers()}

    def loss(flat):
        parts = flat.split([math.prod(shape) for shape in shapes])
        weights = {name: part.reshape(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        model.train(train_mode)
        logits = functional_call(model, {**weights, **{name: each.clone() for name, each in buffers.items()}}, (x,))
        return F.cross_entropy(logits / temperature, y)

    return loss, flat


def by_filter(model, names, flat, terms):
    """Return [f(w_f, terms_f) ...] by a loop over layers and filters."""
    found, place = [], 0
    for name in names:
        for row in model.get_parameter(name):
            size = row.numel()
            found.append((flat[place : place + size], *(each[place : place + size] for each in terms)))
            place += size
    return found


def filters_of(scores, reduce):
    """Return one number per filter as a selection reduces them."""
    how = {"sum": lambda rows: rows.sum(1), "abs-of-sum": lambda rows: rows.sum(1).abs(),
           "l1": lambda rows: rows.abs().sum(1)}[reduce]  # fmt: skip
    return torch.cat([how(scores[name].flatten(1)) for name in NAMES])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("train_mode", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 5.0, 200.0])
def test_every_score_is_that_of_an_independent_loop_over_filters_with_the_hessian_product_of_torch(
    order, train_mode, temperature
):
    model, batches = network(order), samples()
    probe = ModelProbe(model, NAMES, None, batches[:1], mode="train" if train_mode else "eval")
    weights = probe.weights()
    loss, flat = loss_of(model, NAMES, *batches[0], temperature, train_mode)
    slope = torch.autograd.functional.jacobian(loss, flat)
    _, product = torch.autograd.functional.hvp(loss, flat, slope)
    initial = {name: each - 0.25 for name, each in weights.items()}
    loops = {
        "loss": [sum(abs(w * g) for w, g in zip(ws, gs, strict=True)) for ws, gs, _ in by_filter(
            model, NAMES, flat, (slope, product))],
        "biased": [float((ws.abs() * (ws * gs).abs()).sum()) for ws, gs, _ in by_filter(
            model, NAMES, flat, (slope, product))],
        "taylor": [abs(float(ws @ gs)) for ws, gs, _ in by_filter(model, NAMES, flat, (slope, product))],
        "norm": [float(ws @ hs) for ws, _, hs in by_filter(model, NAMES, flat, (slope, product))],
    }  # fmt: skip
    found = {
        "loss": filters_of(measures.loss_preservation(weights, probe, temperature=temperature), "l1"),
        "biased": filters_of(measures.biased_loss(weights, probe, temperature=temperature), "l1"),
        "taylor": filters_of(measures.taylor(weights, probe, temperature=temperature), "abs-of-sum"),
        "norm": filters_of(measures.gradient_norm(weights, probe, temperature=temperature), "sum"),
    }
    for name, expected in loops.items():
        expected = torch.tensor(expected, dtype=torch.float64)
        scale = float((flat * slope).abs().max() if name != "norm" else (flat * product).abs().max())
        torch.testing.assert_close(found[name], expected, rtol=1e-9, atol=1e-10 * max(scale, 1e-30), msg=name)
    kept = filters_of(measures.gradient_norm(weights, probe, temperature=temperature), "abs-of-sum")
    torch.testing.assert_close(kept, found["norm"].abs())
    moved = filters_of(measures.moved_loss(weights, initial, probe, temperature=temperature), "l1")
    torch.testing.assert_close(moved, 0.25 * found["loss"])


def test_the_hessian_product_is_that_of_the_whole_hessian():
    model, batches = network(), samples()
    probe = ModelProbe(model, NAMES, None, batches)
    loss, flat = loss_of(model, NAMES, *batches[0], 1.0, False)  # both batches are the same
    slope = torch.autograd.functional.jacobian(loss, flat)
    expected = flat * (torch.autograd.functional.hessian(loss, flat) @ slope)
    found = measures.gradient_norm(probe.weights(), probe)
    torch.testing.assert_close(torch.cat([found[name].flatten() for name in NAMES]), expected, rtol=1e-8, atol=1e-14)


def test_by_hand_on_one_linear_layer_of_two_classes():
    # One sample x = (1, 2) of class 0, logits Wx = 0, p = (½, ½): g = (p - e_0) xᵀ / T, H = xxᵀ ⊗ (diag p - ppᵀ) / T².
    layer = nn.Linear(2, 2, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[2.0, -1.0], [4.0, -2.0]]))
    probe = ModelProbe(layer, ["weight"], None, [(torch.tensor([[1.0, 2.0]], dtype=torch.float64), torch.tensor([0]))])
    weights = probe.weights()
    g = torch.tensor([[-0.5, -1.0], [0.5, 1.0]], dtype=torch.float64)
    # Hg: rows of C = [[1/4, -1/4], [-1/4, 1/4]], x xᵀ: C g x xᵀ = ((-5/4), (5/4)) xᵀ
    h = torch.tensor([[-1.25, -2.5], [1.25, 2.5]], dtype=torch.float64)
    for t in (1.0, 5.0):
        torch.testing.assert_close(measures.taylor(weights, probe, temperature=t)["weight"], layer.weight * g / t)
        torch.testing.assert_close(
            measures.loss_preservation(weights, probe, temperature=t)["weight"],
            torch.tensor([[1.0, 1.0], [2.0, 2.0]], dtype=torch.float64) / t,
        )
        torch.testing.assert_close(
            measures.biased_loss(weights, probe, temperature=t)["weight"],
            torch.tensor([[2.0, 1.0], [8.0, 4.0]], dtype=torch.float64) / t,
        )
        torch.testing.assert_close(
            measures.gradient_norm(weights, probe, temperature=t)["weight"], layer.weight * h / t**3
        )


def test_absolute_values_inside_and_outside_of_the_sum_rank_differently():
    scores = {"w": torch.tensor([[3.0, -3.0], [1.0, 1.0], [-2.0, 0.5]])[:, :, None, None]}

    def best(reduce):
        masks = select_masks(scores, keep=1, selection=Selection(structure="filter", reduce=reduce))
        return masks.row_counts("w").nonzero()[0].tolist()

    assert (best("l1"), best("abs-of-sum"), best("sum")) == ([0], [1], [1])


def test_in_training_mode_the_sums_vanish_and_twice_differentiated_they_are_minus_the_squared_gradient():
    model, batches = network(), samples()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps = 1e-12
    probe = ModelProbe(model, NAMES, None, batches[:1], mode="train")
    weights, slopes = probe.weights(), probe.gradients()
    assert float(filters_of(measures.taylor(weights, probe), "abs-of-sum").max()) < 1e-10
    squares = filters_of({name: each.square() for name, each in slopes.items()}, "sum")
    assert float(squares.max()) > 1e-4
    torch.testing.assert_close(
        filters_of(measures.gradient_norm(weights, probe), "sum"), -squares, rtol=1e-4, atol=1e-10
    )


def test_the_batch_fisher_squares_means_of_batches():
    model, batches = network(), samples()
    probe = ModelProbe(model, NAMES, None, batches)
    weights = probe.weights()
    whole = measures.batch_fisher(weights, probe, batch=1000, temperature=2.0)
    mean = measures.taylor(weights, probe, temperature=2.0)
    single = measures.batch_fisher(weights, probe, batch=1, temperature=2.0)
    diagonal = probe.curvature("fisher", temperature=2.0)
    for name in NAMES:
        torch.testing.assert_close(whole[name], mean[name].square(), rtol=1e-8, atol=1e-18)
        torch.testing.assert_close(single[name], weights[name].square() * diagonal[name], rtol=1e-8, atol=1e-18)
    with pytest.raises(BadConfig, match="batch = 0"):
        measures.batch_fisher(weights, probe, batch=0)


@pytest.mark.parametrize("order", ORDERS)
def test_the_scale_of_a_filter_is_that_of_its_normalisation_in_either_order(order):
    model = network(order)
    weights = {name: model.get_parameter(name).detach() for name in conv_and_linear(model)}
    found = measures.scale(weights, scales(model, list(weights)))
    gammas = [part.weight.detach() for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
    for name, gamma in zip(NAMES, gammas, strict=True):
        assert found[name].shape == weights[name].shape
        torch.testing.assert_close(found[name].flatten(1).mean(1), gamma.abs())
    assert found["7.weight"].unique().tolist() == [1.0]
