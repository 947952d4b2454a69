"""Parameters in one piece of memory: nothing about them changes but where they lie."""

import copy

import pytest
import torch
from torch import nn

from pruneproof.training.row import LINE, Row


def network(last: bool = False) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.Linear(20, 3))
    return model.to(memory_format=torch.channels_last) if last else model


def backward(model: nn.Module) -> None:
    generator = torch.Generator().manual_seed(1)
    model(torch.randn(4, 3, 4, 4, generator=generator)).square().sum().backward()


@pytest.mark.parametrize("last", [False, True])
def test_parameters_keep_their_bits_shapes_and_strides_and_begin_on_cache_lines(last):
    model, plain = network(last), network(last)
    row = Row.of(model)
    for moved, kept in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.equal(moved, kept)
        assert moved.stride() == kept.stride()
        assert (moved.data_ptr() - row.weights.data_ptr()) % LINE == 0
    assert row.is_whole()
    assert row.weights.count_nonzero() == sum(int(each.count_nonzero()) for each in plain.parameters())


@pytest.mark.parametrize("last", [False, True])
def test_gathered_gradients_are_those_of_a_plain_network(last):
    model, plain = network(last), network(last)
    row = Row.of(model)
    backward(model)
    backward(plain)
    assert row.gather()
    for moved, kept in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.equal(moved.grad, kept.grad)
    row.release()
    assert not row.has_gradients
    assert all(each.grad is None for each in model.parameters())


def test_a_missing_gradient_leaves_the_others_where_they_are():
    model = network()
    row = Row.of(model)
    backward(model)
    model[3].bias.grad = None
    before = [each.grad for each in model.parameters()]
    assert not row.gather()
    assert all(each.grad is grad for each, grad in zip(model.parameters(), before, strict=True))


def test_a_parameter_that_was_given_other_memory_has_left_the_row():
    model = network()
    row = Row.of(model)
    backward(model)
    model[3].weight.data = model[3].weight.data.clone()
    assert not row.is_whole()
    assert not row.gather()


def test_a_network_moves_into_a_second_row_and_copies_have_memory_of_their_own():
    model = network()
    first = Row.of(model)
    twin = copy.deepcopy(model)
    second = Row.of(model)
    assert not first.is_whole()
    assert second.is_whole()
    second.weights.zero_()
    assert twin[3].weight.count_nonzero() > 0


def shared():
    model = network()
    model[1].register_buffer("view", model[3].weight.data.view(-1))
    return model


def frozen():
    model = network()
    model[3].weight.requires_grad_(False)
    return model


@pytest.mark.parametrize("make", [shared, frozen, lambda: network().double(), lambda: network().half(), nn.ReLU])
def test_what_does_not_fit_into_a_row_stays_where_it_is(make):
    model = make()
    before = [each.data_ptr() for each in model.parameters()]
    assert Row.of(model) is None
    assert [each.data_ptr() for each in model.parameters()] == before
