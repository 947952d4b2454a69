"""Masks over a row: what one pass over memory sets and sees."""

import pytest
import torch
from torch import nn

from pruneproof.training.masked_row import MaskedRow
from pruneproof.training.row import Row


def masked():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Flatten(), nn.Linear(20, 3)).to(memory_format=torch.channels_last)
    alive = {name: torch.rand(each.shape) < 0.5 for name, each in model.named_parameters() if each.dim() > 1}
    row = Row.of(model)
    return model, row, alive, MaskedRow(model, row, alive)


@pytest.mark.parametrize("poison", [-0.0, 1.0, torch.nan, -torch.inf])
def test_dead_weights_and_gradients_become_positive_zero_and_the_rest_keeps_its_bits(poison):
    model, row, alive, pass_over = masked()
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    for name, each in model.named_parameters():
        each.grad = torch.full_like(each, poison)
        if name in alive:
            each.data[~alive[name]] = poison
    assert row.gather()
    assert pass_over.mask_gradients()
    assert pass_over.mask_weights()
    for name, each in model.named_parameters():
        kept = alive.get(name, torch.ones_like(each, dtype=torch.bool))
        assert torch.equal(each.detach()[kept], before[name][kept])
        assert (each.detach()[~kept].view(torch.int32) == 0).all()
        assert (each.grad[~kept].view(torch.int32) == 0).all()
        assert torch.equal(each.grad[kept].isnan(), torch.full_like(each, poison)[kept].isnan())


@pytest.mark.parametrize("poison", [1e-30, torch.nan])
def test_one_dead_weight_that_is_not_zero_is_seen(poison):
    model, _, alive, pass_over = masked()
    assert pass_over.mask_weights()
    assert pass_over.is_intact()
    dead = (~alive["2.weight"]).nonzero()[0]
    model[2].weight.data[*dead] = poison
    assert not pass_over.is_intact()


def replace_module(model):
    model[2] = nn.Linear(20, 3)


def replace_parameter(model):
    model[2].weight = nn.Parameter(torch.zeros(3, 20))


def replace_memory(model):
    model[2].weight.data = torch.zeros(3, 20)


@pytest.mark.parametrize("change", [replace_module, replace_parameter, replace_memory])
def test_a_model_that_no_longer_holds_these_weights_is_not_called_intact(change):
    model, _, _, pass_over = masked()
    assert pass_over.mask_weights()
    change(model)
    assert not pass_over.is_intact()


def test_without_gathered_gradients_nothing_is_masked():
    _, row, _, pass_over = masked()
    assert not pass_over.mask_gradients()
    row.release()
    assert not pass_over.mask_gradients()
