"""FORCE against plain autograd, and through a real pruning step: what went may return, in iterative SNIP it may not."""

import torch
import torch.nn.functional as F
from torch import nn

from pruneproof.criteria.force import force
from pruneproof.criteria.snip import snip
from pruneproof.training.probe import ModelProbe
from pruneproof.values.masks import MaskSet


def test_the_score_is_that_of_the_weight_before_pruning_times_the_gradient_of_the_pruned_network():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    x, y = torch.randn(9, 4, dtype=torch.float64), torch.arange(9) % 3
    dense = {name: model.get_parameter(name).detach().clone() for name in ("0.weight", "2.weight")}
    alive = {name: torch.rand_like(each) < 0.5 for name, each in dense.items()}
    found = force(dense, ModelProbe(model, list(dense), MaskSet.from_tensors(alive), [(x, y)]))

    leaves = {name: torch.where(alive[name], each, 0.0).requires_grad_() for name, each in dense.items()}
    loss = F.cross_entropy(torch.func.functional_call(model, leaves, (x,)), y)
    for name, slope in zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True):
        torch.testing.assert_close(found[name], (dense[name] * slope).abs())
        assert found[name][~alive[name]].any()


def test_a_weight_that_was_masked_is_scored_above_one_that_stayed():
    # One input of 1 and two hidden units h1 = a, h2 = b; logits (h1 c, h2 d). With b masked, d has no gradient.
    model = nn.Sequential(nn.Linear(1, 2, bias=False), nn.Linear(2, 2, bias=False)).double()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[0.1], [2.0]]))
        model[1].weight.copy_(torch.tensor([[0.1, 0.0], [0.0, 3.0]]))
    names = ["0.weight", "1.weight"]
    initial = {name: model.get_parameter(name).detach().clone() for name in names}
    masks = MaskSet.from_tensors(
        {"0.weight": torch.tensor([[True], [False]]), "1.weight": torch.ones(2, 2, dtype=torch.bool)}
    )
    samples = [(torch.ones(1, 1, dtype=torch.float64), torch.tensor([1]))]
    found = force(initial, ModelProbe(model, names, masks, samples))["0.weight"]
    assert found[1] > found[0] > 0
    monotone = snip(
        {name: torch.where(masks[name], each, 0.0) for name, each in initial.items()},
        ModelProbe(model, names, masks, samples).gradients(),
    )["0.weight"]
    assert monotone[1] == 0
