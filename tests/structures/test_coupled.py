"""Coupled channels: what is chosen is removed whole, and nothing else is lost."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from pruneproof import select
from pruneproof.api import BadConfig, Selection, conv_and_linear, slim
from pruneproof.models.catalogue import MODELS
from pruneproof.structures.coupled import coupled

BY_ID = {model.id: model for model in MODELS}
NETWORKS = {
    "lenet-5": ("lenet-5", (1, 28, 28), {}),
    "vgg-11": ("vgg-11", (3, 16, 16), {"width": 0.125}),
    "vgg-11-plain": ("vgg-11-plain", (3, 16, 16), {"width": 0.125}),
    "mobilenet-v1": ("mobilenet-v1", (3, 16, 16), {"small": True, "width": 0.125}),
    "mobilenet-v2-cifar": ("mobilenet-v2-cifar", (3, 8, 8), {"width": 0.25}),
    "mobilenet-v2-cifar, identities": ("mobilenet-v2-cifar", (3, 8, 8), {"width": 0.25, "shortcut": "identity"}),
    "resnet-20, shortcuts of zeros": ("resnet-20", (3, 8, 8), {"width": 8}),
    "resnet-20, convolved shortcuts": ("resnet-20", (3, 8, 8), {"width": 8, "shortcut": "B"}),
    "wrn-10-1": ("wrn", (3, 8, 8), {"depth": 10, "width": 1}),
    "wrn-10-2": ("wrn", (3, 8, 8), {"depth": 10, "width": 2}),
    "preact-resnet-18": ("preact-resnet-18", (3, 8, 8), {"width": 8}),
}


def network(name):
    """Build a network with batch normalisation as training leaves it, and an input."""
    model, shape, options = NETWORKS[name]
    rng = torch.Generator().manual_seed(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = BY_ID[model].build(shape, 10, **options)
    for part in built.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.weight.data.uniform_(-1.0, 2.0, generator=rng)
            part.bias.data.uniform_(-0.5, 0.5, generator=rng)
            part.running_mean.uniform_(-0.5, 0.5, generator=rng)
            part.running_var.uniform_(0.1, 2.0, generator=rng)
    return built.double(), torch.randn(3, *shape, generator=rng, dtype=torch.float64)


def units(model, example, **options):
    shapes = {name: tuple(model.get_parameter(name).shape) for name in conv_and_linear(model)}
    return coupled(shapes, model, example, **options)


def of(places, name):
    return places[name].reshape(-1).tolist()


def chosen(model, example, residual="keep-width", sparsity=0.5, **options):
    asked = Selection(structure={"id": "coupled", "residual": residual}, scope="tensor", **options)
    return select(model, sparsity=sparsity, selection=asked, example=example)


@pytest.mark.parametrize("residual", ["keep-width", "together"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_unit_that_is_chosen_is_removed_whole_with_the_outputs_of_the_masked_network(name, residual):
    model, inputs = network(name)
    masks = chosen(model, inputs[:1], residual)
    small = slim(model, masks, inputs[:1])
    assert small.kept == ()
    assert small.shape.biases == ()
    dead = {name: (masks.row_counts(name) == 0).nonzero()[0].tolist() for name in conv_and_linear(model)}
    assert {name: list(gone) for name, gone in small.removed.items()} == {
        key: each for key, each in dead.items() if each
    }
    masked = deepcopy(model).eval()
    masks.apply_(masked)
    with torch.no_grad():
        torch.testing.assert_close(small.model.eval()(inputs), masked(inputs), rtol=0, atol=1e-9)
    assert small.parameters_after < (0.45 if residual == "together" else 0.75) * small.parameters_before


def test_half_of_a_chain_is_what_one_counts_by_hand():
    model, inputs = network("vgg-11")
    small = slim(model, chosen(model, inputs[:1]), inputs[:1])
    widths = [each // 2 for each in (8, 16, 32, 32, 64, 64, 64, 64)]
    pairs = zip([3, *widths], widths, strict=False)
    assert small.parameters_after == sum(9 * before * after + 2 * after for before, after in pairs) + 32 * 10 + 10


def test_a_stream_is_one_unit_over_all_that_write_it_or_stays():
    model, inputs = network("resnet-20, convolved shortcuts")
    together = units(model, inputs[:1], residual="together")
    first = [name for name in together if name in ("conv1.weight", *(f"stages.0.{n}.conv2.weight" for n in range(3)))]
    assert len(first) == 4
    assert all(of(together, name) == of(together, first[0]) for name in first)
    assert of(together, "bn1.weight") == of(together, "bn1.bias") == of(together, first[0])
    assert of(together, "stages.1.0.shortcut.0.weight") == of(together, "stages.1.0.conv2.weight")
    kept = units(model, inputs[:1])
    assert set(of(kept, "conv1.weight")) == set(of(kept, "stages.1.0.shortcut.0.weight")) == {-1}
    assert "bn1.weight" not in kept
    assert min(of(kept, "stages.0.0.conv1.weight")) >= 0


def test_a_shortcut_that_appends_zeros_lets_go_of_what_was_there_before():
    model, inputs = network("resnet-20, shortcuts of zeros")
    found = units(model, inputs[:1], residual="together")
    stream = of(found, "conv1.weight")
    assert min(stream) >= 0
    assert of(found, "stages.1.0.conv2.weight") == [*stream, *[-1] * 8]
    assert of(found, "stages.2.2.conv2.weight") == [*stream, *[-1] * 24]


def test_depthwise_filters_follow_or_keep_their_channel():
    model, inputs = network("mobilenet-v1")
    found = units(model, inputs[:1])
    assert of(found, "block1.depthwise.weight") == of(found, "conv.weight") == of(found, "block1.bn1.bias")
    kept = units(model, inputs[:1], depthwise="keep")
    numbers = {name: set(of(kept, name)) for name in kept}
    assert numbers.pop("block13.pointwise.weight") == set(range(128))  # read by the classifier alone
    assert all(each == {-1} for name, each in numbers.items() if not name.startswith("block13.bn2"))


def test_units_are_numbered_in_the_order_of_the_network_without_gaps():
    model, inputs = network("mobilenet-v2-cifar")
    found = units(model, inputs[:1], residual="together")
    seen = [each for name in conv_and_linear(model) for each in of(found, name) if each >= 0]
    assert list(dict.fromkeys(seen)) == list(range(max(seen) + 1))


def test_units_are_scored_by_convolutions_and_linear_layers_alone():
    model, inputs = network("vgg-11")
    before = chosen(model, inputs[:1])
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.weight.data.mul_(torch.linspace(0, 9, len(part.weight)))
    assert chosen(model, inputs[:1]) == before
    assert set(before) == {*conv_and_linear(model), *(f"{name}.{kind}" for name, kind in normalisations(model))}


def normalisations(model):
    parts = [name for name, part in model.named_modules() if isinstance(part, nn.BatchNorm2d)]
    return [(name, kind) for name in parts for kind in ("weight", "bias")]


def test_rising_sparsities_are_nested_when_each_starts_from_the_mask_before():
    model, inputs = network("resnet-20, convolved shortcuts")
    asked = Selection(structure={"id": "coupled", "residual": "together"}, scope="tensor")
    masks = None
    for sparsity in (0.25, 0.5, 0.75):
        again = select(model, sparsity=sparsity, selection=asked, example=inputs[:1], alive=masks)
        assert masks is None or again.is_subset_of(masks)
        masks = again
    assert slim(model, masks, inputs[:1]).kept == ()


def test_what_must_not_be_pruned_keeps_the_channels_that_it_writes():
    model, inputs = network("resnet-20, convolved shortcuts")
    masks = chosen(model, inputs[:1], "together", unprunable=("stages.0.1.conv2.weight", "stages.0.2.conv1.weight"))
    for name in ("conv1.weight", "stages.0.0.conv2.weight", "stages.0.1.conv2.weight", "stages.0.2.conv1.weight"):
        assert masks.density(name) == 1.0
    assert masks.density("stages.0.0.conv1.weight") == 0.5


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.last = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)
        self.two.weight = self.one.weight

    def forward(self, x):
        return self.last(torch.relu(self.two(torch.relu(self.one(x)))))


CASES = {
    "a normalisation without weights": nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, affine=False), nn.ReLU(), nn.Conv2d(4, 2, 3)
    ),
    "a normalisation over channels": nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.ReLU(), nn.Conv2d(4, 2, 3)
    ),
    "a reader in groups": nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3, groups=2)),
    "a transposed reader": nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.ConvTranspose2d(4, 2, 3)),
}


@pytest.mark.parametrize("model", CASES.values(), ids=list(CASES))
def test_channels_that_cannot_be_removed_alone_are_in_no_unit(model):
    found = units(model, torch.zeros(1, 1, 8, 8))
    assert all((numbers == -1).all() for numbers in found.values())
    masks = select(model, sparsity=0.5, structure="coupled", example=torch.zeros(1, 1, 8, 8))
    assert masks.count() == masks.size()


def test_a_weight_of_two_layers_is_in_no_unit():
    found = units(Shared(), torch.zeros(1, 3))
    assert {name: np.unique(numbers).tolist() for name, numbers in found.items()} == {
        "one.weight": [-1],
        "last.weight": [-1],
    }


def test_without_an_input_to_follow_it_is_refused():
    with pytest.raises(BadConfig, match="follows an input"):
        select(nn.Linear(2, 2), sparsity=0.5, structure="coupled")
    with pytest.raises(BadConfig, match="looks at the network"):
        select({"w": torch.ones(2, 2)}, sparsity=0.5, structure="coupled", example=torch.zeros(1, 2))


@pytest.mark.parametrize("options", [{"residual": "drop"}, {"depthwise": "die"}])
def test_other_words_for_an_option_are_refused(options):
    with pytest.raises(BadConfig, match="allowed are"):
        units(nn.Linear(2, 2), torch.zeros(1, 2), **options)


def test_depthwise_filters_that_are_not_prunable_die_with_their_channel_and_are_not_scored():
    model, example = network("mobilenet-v1")
    shapes = {name: tuple(model.get_parameter(name).shape) for name in conv_and_linear(model)}
    ranked = {name: shape for name, shape in shapes.items() if "depthwise" not in name}
    found = coupled(ranked, model, example, depthwise="unscored")
    assert of(found, "block1.depthwise.weight") == of(found, "block1.bn1.weight") == of(found, "conv.weight")
    assert max(of(found, "conv.weight")) == len(of(found, "conv.weight")) - 1
    assert set(of(coupled(ranked, model, example), "conv.weight")) == {-1}
    whole = coupled(shapes, model, example, depthwise="unscored")
    assert {name: of(whole, name) for name in shapes} == {name: of(units(model, example), name) for name in shapes}
