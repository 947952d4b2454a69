"""edge-popup: its scores, its straight-through gate and its export rule."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof.errors import BadConfig
from pruneproof.searches.edge_popup import export, gate, start
from pruneproof.units import keep_count

SCORES = st.lists(st.lists(st.integers(-3, 3), min_size=1, max_size=9), min_size=1, max_size=4)


def variables(rows):
    names = ["m", "c", "z", "a"]
    return {name: torch.tensor(row, dtype=torch.float64) for name, row in zip(names, rows, strict=False)}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@given(SCORES, st.floats(0.0, 1.0, exclude_max=True))
def test_globally_the_first_of_a_stable_ranking_are_kept(rows, sparsity):
    scores = variables(rows)
    size = sum(map(len, scores.values()))
    ranked = sorted((-abs(float(s)), name, i) for name, each in scores.items() for i, s in enumerate(each))
    kept = {(name, i) for _, name, i in ranked[: keep_count(size, sparsity)]}
    found = export(scores, sparsity, scope="global")
    assert {(name, int(i)) for name, mask in found.items() for i in mask.nonzero()[:, 0]} == kept


@given(SCORES, st.floats(0.0, 1.0, exclude_max=True))
def test_per_layer_each_keeps_its_share_of_its_own_best(rows, sparsity):
    scores = variables(rows)
    size = sum(map(len, scores.values()))
    keep = keep_count(size, sparsity)
    found = export(scores, sparsity)
    assert sum(int(mask.sum()) for mask in found.values()) == keep
    for name, mask in found.items():
        count = int(mask.sum())
        assert abs(count - keep * len(mask) / size) < 1
        best = sorted(range(len(mask)), key=lambda i: (-abs(float(scores[name][i])), i))[:count]
        assert sorted(best) == mask.nonzero()[:, 0].tolist()


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_the_gate_is_the_exported_mask_and_its_gradient_goes_straight_to_the_magnitudes(scope):
    scores = {name: torch.randn(3, 4, generator=rng(i), requires_grad=True) for i, name in enumerate("ab")}
    gates = gate(scores, 0.5, 0.0, rng(), scope=scope)
    mask = export(scores, 0.5, scope=scope)
    slopes = {name: torch.randn(3, 4, generator=rng(9)) for name in scores}
    total = sum((gates[name] * slopes[name]).sum() for name in scores)
    for name, found in zip(scores, torch.autograd.grad(total, list(scores.values())), strict=True):
        assert torch.equal(gates[name].detach(), mask[name].float())
        torch.testing.assert_close(found, slopes[name] * scores[name].detach().sign())


def test_scores_start_as_a_layer_of_pytorch_starts():
    layer = nn.Conv2d(8, 64, 3)
    drawn = start({"w": layer.weight.detach()}, rng())["w"]
    assert drawn.shape == layer.weight.shape
    bound = (8 * 9) ** -0.5
    assert drawn.abs().max() <= bound
    for quantile in (0.1, 0.5, 0.9):
        assert drawn.quantile(quantile) == pytest.approx(bound * (2 * quantile - 1), abs=0.005)
        assert layer.weight.detach().quantile(quantile) == pytest.approx(bound * (2 * quantile - 1), abs=0.005)


def test_the_draws_depend_on_seed_and_names_and_not_on_the_order():
    weights = {"b": torch.zeros(2, 3), "a": torch.zeros(4, 5)}
    first, turned = start(weights, rng()), start(dict(reversed(weights.items())), rng())
    assert all(torch.equal(first[name], turned[name]) for name in weights)
    assert not torch.equal(first["a"], start(weights, rng(1))["a"])


def test_an_unknown_scope_is_refused():
    with pytest.raises(BadConfig, match='"row"'):
        start({}, rng(), scope="row")
