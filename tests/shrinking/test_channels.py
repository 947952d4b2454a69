import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from pruneproof.api import BadTensor, channels_of
from pruneproof.shrinking import reasons
from pruneproof.shrinking.shape import Cut, Shape

NETWORKS = {
    "lenet-5": ("lenet-5", (1, 28, 28), {}),
    "vgg-11": ("vgg-11", (3, 8, 8), {"width": 0.06}),
    "resnet-8, shortcuts of zeros": ("resnet-8", (3, 8, 8), {"width": 4}),
    "resnet-8, convolved shortcuts": ("resnet-8", (3, 8, 8), {"width": 4, "shortcut": "B"}),
    "mobilenet-v2-cifar": ("mobilenet-v2-cifar", (3, 8, 8), {"width": 0.125}),
    "preact-resnet-18": ("preact-resnet-18", (3, 8, 8), {"width": 4}),
}


class Joined(nn.Module):
    """Two branches side by side, read by one layer."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.both = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 3, 3), nn.Conv2d(5, 2, 1)

    def forward(self, x):
        return self.both(torch.cat([self.left(x), self.right(x)], 1))


class Scaled(nn.Module):
    """A parameter of its own meets the channels of a layer."""

    def __init__(self):
        super().__init__()
        self.first, self.scale, self.last = nn.Linear(3, 4), nn.Parameter(torch.ones(4)), nn.Linear(4, 2)

    def forward(self, x):
        return self.last(self.first(x) * self.scale)


class Halves(nn.Module):
    """The outputs of a layer are split in two."""

    def __init__(self, *, slices=False):
        super().__init__()
        self.first, self.last, self.slices = nn.Linear(3, 4), nn.Linear(2, 2), slices

    def forward(self, x):
        x = self.first(x)
        left, right = (x[:, :2], x[:, 2:]) if self.slices else x.chunk(2, 1)
        return self.last(left * torch.sigmoid(right))


class Recurrent(nn.Module):
    """A recurrent layer reads the outputs of a linear one."""

    def __init__(self):
        super().__init__()
        self.first, self.cell, self.last = nn.Linear(3, 4), nn.LSTM(4, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.last(self.cell(self.first(x)[:, None])[0][:, -1])


def test_a_concatenation_puts_channels_side_by_side():
    found = channels_of(Joined(), torch.zeros(1, 1, 4, 4))
    assert found.reads["both"].tolist() == [*found.writes["left"], *found.writes["right"]]
    assert len(set(found.reads["both"].tolist())) == 5


def test_inputs_of_the_network_are_no_channel():
    found = channels_of(nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)), torch.zeros(1, 3))
    assert found.reads["0"].tolist() == [-1, -1, -1]
    assert found.reads["1"].tolist() == found.writes["0"].tolist() == [0, 1]


@pytest.mark.parametrize(("name", "shape", "options"), NETWORKS.values(), ids=list(NETWORKS))
def test_a_network_without_one_channel_runs_and_is_smaller_by_its_places(nets, name, shape, options):
    model = nets.network(name, shape, **options).eval()
    found = channels_of(model, torch.zeros(1, *shape))
    free = [each for each in range(found.count) if each not in found.obstacles]
    for number in np.random.default_rng(0).permutation(free)[:12].tolist():
        places = {
            part: Cut(
                tuple(np.flatnonzero(dict(found).get(part, np.empty(0)) == number).tolist()),
                tuple(np.flatnonzero(found.reads.get(part, np.empty(0)) == number).tolist()),
            )
            for part, _ in model.named_modules()
        }
        smaller = nets.network(name, shape, **options).eval()
        Shape(places).apply_(smaller)
        assert smaller(torch.zeros(2, *shape)).shape == (2, 10)
        for part, cut in places.items():
            layer = smaller.get_submodule(part)
            if cut.outputs:
                assert len(layer.weight) == len(model.get_submodule(part).weight) - 1
            if cut.inputs:
                left = layer.weight[0].numel() / model.get_submodule(part).weight[0].numel()
                assert left == pytest.approx(1 - len(cut.inputs) / len(found.reads[part]))


@pytest.mark.parametrize(
    ("model", "shape", "reason"),
    [
        (nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2)), (3,), reasons.DEPENDS),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.Conv2d(4, 2, 3)), (1, 8, 8), reasons.DEPENDS),
        (
            nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 3, groups=2)),
            (1, 8, 8),
            '"1", of the kind Conv2d in groups',
        ),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.ConvTranspose2d(4, 2, 3)), (1, 8, 8), '"1", of the kind ConvTranspose2d'),
        (nn.Sequential(nn.Linear(3, 4), weight_norm(nn.Linear(4, 2))), (3,), '"1", of the kind'),
        (Recurrent(), (3,), '"cell", of the kind LSTM'),
        (Scaled(), (3,), reasons.PARAMETER),
        (Halves(), (3,), reasons.SPLIT),
        (Halves(slices=True), (3,), reasons.SPLIT),
    ],
)
def test_what_keeps_all_its_channels_is_named(model, shape, reason):
    found = channels_of(model, torch.zeros(1, *shape))
    first = next(iter(found.writes))
    assert all(reason in found.obstacles[each] for each in found.writes[first].tolist())


def test_instance_normalisation_and_activations_with_slopes_let_channels_through():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.InstanceNorm2d(4, affine=True), nn.PReLU(4), nn.PReLU(), nn.Conv2d(4, 2, 3)
    )
    found = channels_of(model, torch.zeros(1, 1, 8, 8))
    assert found.passes.keys() == {"1", "2"}
    assert not set(found.writes["0"].tolist()) & found.obstacles.keys()


def test_only_a_batch_normalisation_that_alone_reads_a_layer_can_make_up_for_its_bias():
    first, second = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), nn.Conv2d(2, 2, 1)

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.norm = first, second, nn.BatchNorm2d(2)

        def forward(self, x):
            x = self.second(self.first(x))
            return x + self.norm(x)

    assert channels_of(Both(), torch.zeros(1, 1, 8, 8)).normalised == {"first.0": "first.1"}


def test_the_network_is_left_as_it_was(nets):
    model = nets.network("resnet-8", (3, 8, 8))
    model.stages[1].eval()
    model.classifier.requires_grad_(False)
    state = {name: each.clone() for name, each in model.state_dict().items()}
    modes = [part.training for part in model.modules()]
    with torch.no_grad():
        channels_of(model, torch.zeros(1, 3, 8, 8))
    assert all(torch.equal(each, state[name]) for name, each in model.state_dict().items())
    assert [part.training for part in model.modules()] == modes
    assert not model.classifier.weight.requires_grad
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in model.modules())


def test_an_input_that_does_not_fit_is_refused():
    with pytest.raises(BadTensor, match="could not be followed"):
        channels_of(nn.Linear(3, 2), torch.zeros(1, 7))
