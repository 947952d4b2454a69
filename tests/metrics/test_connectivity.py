"""Paths from input to output: against plain reachability, and where the four definitions of collapse part."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof.metrics import connectivity
from pruneproof.metrics.connectivity import effective, units_alive
from pruneproof.models.resnet_cifar import RESNETS


def data(*shape):
    return SimpleNamespace(shape=shape)


def chain(sizes=(3, 4, 4, 2)):
    torch.manual_seed(0)
    layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def masks_of(model, seed, dead):
    draw = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(each.shape, generator=draw) >= dead
        for name, each in model.named_parameters()
        if each.dim() > 1
    }


@given(st.integers(0, 999), st.sampled_from([0.3, 0.6, 0.8]))
def test_a_weight_is_effective_where_input_reaches_it_and_it_reaches_an_output(seed, dead):
    model = chain()
    alive = masks_of(model, seed, dead)
    forward, reached = [], torch.ones(3, dtype=torch.bool)
    for mask in alive.values():
        forward.append(reached)
        reached = (mask & reached).any(1)
    backward, leads = [], torch.ones(2, dtype=torch.bool)
    for mask in reversed(list(alive.values())):
        backward.insert(0, leads)
        leads = (mask & leads[:, None]).any(0)
    found = effective(model, alive, data(3))
    for (name, mask), before, behind in zip(alive.items(), forward, backward, strict=True):
        assert torch.equal(found[name], mask & before & behind[:, None])


def test_the_network_s_own_weights_biases_and_normalisation_do_not_matter():
    conv = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 2)
    ).eval()
    alive = masks_of(conv, 3, 0.5)
    before = effective(conv, alive, data(1, 6, 6))
    with torch.no_grad():
        conv[0].weight.zero_()
        conv[1].weight.neg_()
        conv[1].running_mean.fill_(9.0)
        conv[5].bias.fill_(-9.0)
    assert all(torch.equal(each, before[name]) for name, each in effective(conv, alive, data(1, 6, 6)).items())
    everything = {name: torch.ones_like(mask) for name, mask in alive.items()}
    assert all(bool(each.all()) for each in effective(conv, everything, data(1, 6, 6)).values())


def test_no_tensor_is_empty_and_yet_no_path_is_left():
    model = chain((2, 2, 2))
    alive = {"0.weight": torch.tensor([[True, True], [False, False]]), "2.weight": torch.tensor([[False, True]] * 2)}
    assert not connectivity.collapsed_tensor(alive)
    assert not connectivity.collapsed_cut(model, alive, data(2))
    assert connectivity.disconnected(model, alive, data(2))
    assert connectivity.effective_weights(model, alive, data(2)) == 0
    assert connectivity.effective_sparsity(model, alive, data(2)) == 1.0
    assert units_alive(model, alive, data(2)) == {"0.weight": 0, "2.weight": 0}


def test_an_empty_tensor_beside_a_shortcut_cuts_nothing():
    model = next(each for each in RESNETS if each.id == "resnet-8").build((1, 8, 8), 3, width=2)
    alive = {name: torch.ones_like(model.get_parameter(name), dtype=torch.bool) for name in names(model)}
    inner = "stages.0.0.conv2.weight"
    alive[inner] = torch.zeros_like(alive[inner])
    assert connectivity.collapsed_tensor(alive)
    assert not connectivity.collapsed_cut(model, alive, data(1, 8, 8))
    assert not connectivity.disconnected(model, alive, data(1, 8, 8))
    found = effective(model, alive, data(1, 8, 8))
    assert not found["stages.0.0.conv1.weight"].any()
    assert connectivity.effective_share(model, alive, data(1, 8, 8)) < 1.0
    alive["conv1.weight"] = torch.zeros_like(alive["conv1.weight"])
    assert connectivity.collapsed_cut(model, alive, data(1, 8, 8))
    assert connectivity.disconnected(model, alive, data(1, 8, 8))


def names(model):
    return [name for name, each in model.named_parameters() if each.dim() > 1]


@pytest.mark.parametrize(("accuracy", "expected"), [(40.0, True), (40.9, True), (41.1, False)])
def test_chance_is_the_share_of_the_commonest_class(accuracy, expected):
    labels = torch.tensor([0, 0, 1, 1, 2])
    samples = SimpleNamespace(classes=3, batches=lambda split, size: iter([(labels, labels)]))
    assert connectivity.at_chance(SimpleNamespace(accuracy=accuracy), samples) == expected
