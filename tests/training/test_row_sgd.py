"""Gradient descent over a row, held against the library's own to the bit."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof.training.row import Row
from pruneproof.training.row_sgd import RowSGD


def network(sizes: list[int]) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(*(nn.Linear(size, 1 + size % 7) for size in sizes))


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(one.view(torch.int32), other.view(torch.int32))


OPTIONS = st.fixed_dictionaries(
    {"momentum": st.sampled_from([0.0, 0.9, 0.3]), "weight_decay": st.sampled_from([0.0, 5e-4])}
)


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    options=OPTIONS,
    nesterov=st.booleans(),
    lacking=st.lists(st.integers(0, 9), max_size=4),
    reload=st.integers(0, 5),
)
def test_weights_and_state_are_those_of_the_library_whichever_gradients_are_missing(
    sizes, options, nesterov, lacking, reload
):
    nesterov = nesterov and options["momentum"] > 0
    model, plain = network(sizes), network(sizes)
    row = Row.of(model)
    ours = RowSGD(row, 0.1, options["momentum"], weight_decay=options["weight_decay"], nesterov=nesterov)
    theirs = torch.optim.SGD(plain.parameters(), 0.1, nesterov=nesterov, **options)
    draw = torch.Generator().manual_seed(len(sizes))
    own, others = list(model.parameters()), list(plain.parameters())
    for step in range(6):
        row.release()
        for place, (one, other) in enumerate(zip(own, others, strict=True)):
            gradient = torch.randn(one.shape, generator=draw)
            gradient.view(-1)[0] = -0.0
            missing = step < 4 and place in lacking and step % 2 == 0
            one.grad, other.grad = (None, None) if missing else (gradient.clone(), gradient.clone())
        for group in (*ours.param_groups, *theirs.param_groups):
            group["lr"] = 0.1 / (1 + step)
        row.gather()
        ours.step()
        theirs.step()
        if step == reload:
            ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
    for one, other in zip(own, others, strict=True):
        assert same(one.detach(), other.detach())
        assert set(ours.state.get(one, {})) == set(theirs.state.get(other, {}))
        for key, value in theirs.state.get(other, {}).items():
            assert same(ours.state[one][key], value)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_parameter_that_leaves_the_row_goes_on_being_trained(momentum):
    model = network([3, 4])
    row = Row.of(model)
    optimizer = RowSGD(row, 0.1, momentum, weight_decay=0.0, nesterov=False)
    for step in range(3):
        row.release()
        if step == 1:
            model[0].weight.data = model[0].weight.data.clone()
        for each in model.parameters():
            each.grad = torch.ones_like(each)
        before = model[0].weight.detach().clone()
        row.gather()
        optimizer.step()
        assert (model[0].weight < before).all()
