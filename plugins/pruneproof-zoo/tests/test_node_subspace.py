"""Subspace node pruning: residual variances are regressions, and the fold is least squares."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof.api import BadConfig, conv_and_linear
from pruneproof.training.scoring import scored
from pruneproof_zoo.node_subspace import NODE_SUBSPACE, node_subspace, residual_variances


class Given:
    def __init__(self, moments):
        self.moments = moments

    def layer_gram(self):
        return {"w": self.moments[None]}


def drawn(seed, nodes=5, samples=12, outputs=3):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, nodes, generator=draw, dtype=torch.float64)
    return x, torch.randn(outputs, nodes, generator=draw, dtype=torch.float64)


def everything(weight):
    return {"w": torch.ones_like(weight, dtype=torch.bool)}


@given(st.integers(0, 10**6))
def test_what_is_left_of_the_last_node_is_the_residual_of_a_regression_on_the_others(seed):
    x, _ = drawn(seed)
    moments = x.T @ x
    found = residual_variances(moments)
    fit = torch.linalg.lstsq(x[:, :-1], x[:, -1:]).solution
    assert float(found[-1]) == pytest.approx(float((x[:, -1:] - x[:, :-1] @ fit).square().sum()))
    assert float(found[-1]) == pytest.approx(1 / float(torch.linalg.inv(moments)[-1, -1]))


@given(st.integers(0, 10**6))
def test_the_fold_is_the_least_squares_of_what_the_layer_puts_out(seed):
    x, weight = drawn(seed)
    keep = torch.rand(5, generator=torch.Generator().manual_seed(seed)) < 0.6
    found = node_subspace({"w": weight}, everything(weight), Given(x.T @ x), damping=1e-13)
    moved = found.update({"w": keep.expand(3, 5)})["w"]
    assert not moved[:, ~keep].any()
    if keep.any():
        expected = torch.linalg.lstsq(x[:, keep], x @ weight.T).solution.T
        torch.testing.assert_close(moved[:, keep], expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("order", ["zca", "weights"])
def test_scores_are_the_shares_of_variance_from_a_node_to_the_last(order):
    x, weight = drawn(1)
    found = node_subspace({"w": weight}, everything(weight), Given(x.T @ x), order=order, damping=1e-13).scores["w"]
    assert (found == found[:1]).all()
    share, ranked = found[0].sort(descending=True)
    variances = residual_variances((x.T @ x)[ranked[:, None], ranked])
    torch.testing.assert_close(share, variances.flip(0).cumsum(0).flip(0) / variances.sum())
    if order == "weights":
        assert ranked.tolist() == weight.norm(dim=0).argsort(descending=True).tolist()


def test_a_node_that_is_there_twice_is_free_to_remove():
    x, weight = drawn(2)
    x[:, 4] = x[:, 2]
    found = node_subspace({"w": weight}, everything(weight), Given(x.T @ x), damping=1e-12)
    least = found.scores["w"][0].argmin()
    assert least in (2, 4)
    assert found.scores["w"].min() < 1e-9
    keep = torch.arange(5) != least
    moved = found.update({"w": keep.expand(3, 5)})["w"]
    torch.testing.assert_close(x @ moved.T, x @ weight.T, rtol=1e-6, atol=1e-6)


def test_weights_of_nodes_that_are_still_read_stay_as_they_are():
    x, weight = drawn(3)
    mask = torch.rand(3, 5, generator=torch.Generator().manual_seed(0)) < 0.5
    mask[0] = True
    found = node_subspace({"w": weight}, everything(weight), Given(x.T @ x))
    torch.testing.assert_close(found.update({"w": mask})["w"], torch.where(mask, weight, 0.0))


def test_a_duplicated_channel_of_a_convolution_is_folded_at_each_place_of_the_kernel():
    torch.manual_seed(0)
    first, second = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
    with torch.no_grad():
        first.weight[2], first.bias[2] = 2 * first.weight[0], 2 * first.bias[0]
    network = nn.Sequential(first, nn.ReLU(), second, nn.Flatten(), nn.Linear(64, 3)).double().eval()
    x = torch.randn(20, 2, 4, 4, dtype=torch.float64)
    names = conv_and_linear(network)
    batches = [(x, torch.zeros(20, dtype=torch.int64))]
    found = scored(NODE_SUBSPACE, {"damping": 1e-12}, network, names, None, batches, torch.Generator())
    before = network(x)
    share = found.scores["2.weight"][0, :, 0, 0]
    assert share.min() < 1e-6
    keep = torch.arange(3) != share.argmin()
    alive = {name: torch.ones_like(network.get_parameter(name), dtype=torch.bool) for name in names}
    alive["2.weight"] = keep[None, :, None, None].expand(4, 3, 3, 3).clone()
    with torch.no_grad():
        second.weight.copy_(found.update(alive)["2.weight"])
    torch.testing.assert_close(network(x), before, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", [{"order": "norm"}, {"damping": 0.0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadConfig, match="node-subspace got the order"):
        node_subspace({"w": torch.ones(1, 1)}, everything(torch.ones(1, 1)), Given(torch.eye(1)), **options)
