"""TPP against its definition with a detached target, and what it does to a network."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof.errors import BadConfig
from pruneproof.regularizers.tpp import tpp

AT_ONCE = {"delta": 1.0, "every": 1}


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def penalty(weight, filters, step=1, *, bias=None, scale=None, shift=None, **options):
    """The penalty of one layer `l.weight` of which `filters` are marked."""
    marked = filters.reshape(-1, *[1] * (weight.dim() - 1)).expand(weight.shape).clone()
    found = {"l.weight": weight} | ({} if bias is None else {"l.bias": bias})
    scales, shifts = ({} if each is None else {"l.weight": each} for each in (scale, shift))
    alive = {"l.weight": torch.ones_like(marked)}
    return tpp({"l.weight": weight}, found, alive, {"l.weight": marked}, scales, shifts, step, **AT_ONCE | options)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 63), st.integers(0, 99))
def test_value_and_gradient_are_those_of_a_gram_matrix_pulled_to_itself_without_the_marked(rows, columns, marks, seed):
    filters = torch.tensor([bool(marks >> place & 1) for place in range(rows)])
    weight = drawn(rows, columns, 2, 1, seed=seed).requires_grad_()
    matrix = weight.flatten(1)
    target = (matrix @ matrix.T).detach()
    target[filters], target[:, filters] = 0.0, 0.0
    expected = 7.0 * F.mse_loss(matrix @ matrix.T, target) + 0.5 * matrix[filters].square().sum()
    found = penalty(weight, filters, factor=7.0)
    torch.testing.assert_close(found, expected)
    one, other = (torch.autograd.grad(each, weight)[0] for each in (found, expected))
    torch.testing.assert_close(one, other)


def test_it_pulls_at_bias_scale_and_shift_of_marked_filters_alone():
    filters = torch.tensor([True, False, False])
    rest = {name: drawn(3, seed=place).requires_grad_() for place, name in enumerate(("bias", "scale", "shift"))}
    found = penalty(drawn(3, 4), filters, delta=0.25, **rest)
    for each, slope in zip(rest.values(), torch.autograd.grad(found, [*rest.values()]), strict=True):
        torch.testing.assert_close(slope, 0.25 * each.detach() * filters)
    without = penalty(drawn(3, 4), filters, normalisation=False, **rest)
    assert torch.autograd.grad(without, rest["scale"], allow_unused=True) == (None,)


def test_the_factor_is_zero_at_first_and_grows_to_the_ceiling_with_both_parts():
    weight, filters = drawn(3, 4), torch.tensor([True, False, True])
    whole = float(penalty(weight, filters, 1))
    found = [float(penalty(weight, filters, step, delta=0.25, every=3, ceiling=0.6)) / whole for step in range(10)]
    assert found == pytest.approx([0.0] * 3 + [0.25] * 3 + [0.5] * 3 + [0.6])


def test_two_kept_filters_are_left_as_alike_as_they_are():
    weight = drawn(1, 4).expand(3, 4).clone().requires_grad_()
    slope = torch.autograd.grad(penalty(weight, torch.tensor([True, False, False])), weight)[0]
    pulled_apart = torch.autograd.grad(penalty(weight, torch.zeros(3).bool()), weight)[0]
    assert slope.any()
    assert not pulled_apart.any()


def test_a_filter_of_which_a_weight_is_not_marked_is_not_taken_apart():
    weight = drawn(2, 2)
    marked = {"l.weight": torch.tensor([[True, False], [False, False]])}
    alive = {"l.weight": torch.ones(2, 2).bool()}
    found = tpp({"l.weight": weight}, {}, alive, marked, {}, {}, 1, **AT_ONCE)
    assert float(found) == pytest.approx(0.5 * float(weight[0, 0]) ** 2)


def test_descent_makes_marked_filters_vanish_and_others_stay():
    torch.manual_seed(0)
    layer, filters = nn.Linear(6, 4, bias=False).double(), torch.tensor([True, False, False, True])
    before = layer.weight.detach().clone()
    for step in range(200):
        layer.zero_grad()
        penalty(layer.weight, filters, step, delta=0.01, factor=10.0).backward()
        with torch.no_grad():
            layer.weight -= 0.2 * layer.weight.grad
    assert layer.weight[filters].abs().max() < 1e-3
    assert (layer.weight - before)[~filters].abs().max() < 0.5 * before[~filters].abs().max()


@pytest.mark.parametrize("options", [{"delta": -1.0}, {"every": 0}, {"ceiling": -0.1}, {"factor": -1.0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadConfig, match="tpp"):
        tpp({}, {}, {}, {}, {}, {}, 0, **options)
