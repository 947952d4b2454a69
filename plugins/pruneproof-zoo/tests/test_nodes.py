"""A dead node leaves the network that never had it."""

import copy

import pytest
import torch
from torch import nn

from pruneproof.api import channels_of, conv_and_linear
from pruneproof_zoo.nodes import readers


def shapes(network):
    return {name: tuple(network.get_parameter(name).shape) for name in conv_and_linear(network)}


class Residual(nn.Module):
    """A stream that is written twice and read twice."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 3, 3, padding=1)
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        x = self.stem(x).relu()
        return self.head((x + self.norm(self.conv(x)).relu()).mean((2, 3)))


def chain():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Sigmoid(), nn.Conv2d(4, 6, 1), nn.Flatten(), nn.Linear(24, 2)
    )


@pytest.mark.parametrize("build", [chain, Residual])
def test_whatever_it_writes_a_dead_node_is_not_heard(build):
    torch.manual_seed(0)
    network = build().double().eval()
    x = torch.randn(5, 2, 4, 4, dtype=torch.float64)
    found, written = readers(shapes(network), network, x), channels_of(network, x).writes
    units = sorted({int(each) for numbers in found.values() for each in numbers.ravel()} - {-1})
    assert len(units) == (10 if build is chain else 3)
    for unit in units:
        node = copy.deepcopy(network)
        assert not torch.equal(rewritten(node, written, unit)(x), network(x))
        for name, numbers in found.items():
            weight = node.get_parameter(name).data
            weight[torch.from_numpy(numbers == unit).expand(weight.shape)] = 0
        torch.testing.assert_close(rewritten(node, written, unit)(x), node(x), rtol=0, atol=0)


def rewritten(network, written, unit):
    """Return the network with other filters and biases where a channel is written."""
    changed = copy.deepcopy(network)
    for layer, numbers in written.items():
        for parameter in changed.get_submodule(layer).parameters():
            parameter.data[numbers == unit] += 1.0
    return changed


def test_a_channel_that_an_unlisted_layer_reads_is_no_unit():
    network = Residual().eval()
    listed = {name: shape for name, shape in shapes(network).items() if name != "conv.weight"}
    found = readers(listed, network, torch.zeros(1, 2, 4, 4))
    whole = readers(shapes(network), network, torch.zeros(1, 2, 4, 4))
    assert (whole["head.weight"] >= 0).all()
    assert (found["head.weight"] == -1).all()


def test_channels_that_go_through_a_grouped_convolution_are_no_units():
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Conv2d(4, 6, 2, groups=2), nn.Flatten(), nn.Linear(6, 2)).eval()
    found = readers(shapes(network), network, torch.zeros(1, 2, 4, 4))
    assert all((numbers == -1).all() for numbers in found.values())
