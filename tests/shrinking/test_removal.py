import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pruneproof.api import BadTensor, MaskSet
from pruneproof.shrinking import reasons, removal
from pruneproof.shrinking.layers import layers
from pruneproof.shrinking.removal import slim

ARCHITECTURES = {
    "lenet-300-100": ("lenet-300-100", (1, 28, 28), {}),
    "lenet-5": ("lenet-5", (1, 28, 28), {}),
    "lenet-5 padded": ("lenet-5", (1, 8, 8), {}),
    "vgg-11": ("vgg-11", (3, 32, 32), {"width": 0.25}),
    "resnet-8, shortcuts of zeros": ("resnet-8", (3, 16, 16), {"shortcut": "A"}),
    "resnet-14, convolved shortcuts": ("resnet-14", (3, 16, 16), {"shortcut": "B"}),
    "wrn-10-2": ("wrn", (3, 16, 16), {"depth": 10, "width": 2}),
    "mobilenet-v1": ("mobilenet-v1", (3, 16, 16), {"small": True, "width": 0.125}),
    "mobilenet-v2-cifar": ("mobilenet-v2-cifar", (3, 8, 8), {"width": 0.25}),
}


@pytest.fixture(params=ARCHITECTURES.values(), ids=list(ARCHITECTURES), scope="module")
def case(request, nets):
    name, shape, options = request.param
    model = nets.network(name, shape, **options)
    masks = nets.half_of_the_filters(model, nets.by_id[name].prunable(model)[:-1])
    inputs = torch.randn(5, *shape, generator=torch.Generator().manual_seed(3))
    return model, masks, inputs, slim(model, masks, inputs)


def test_in_double_precision_outputs_agree_to_its_rounding(case, nets):
    model, masks, inputs, _ = case
    model, inputs = nets.masked(model, masks).double(), inputs.double()
    small = slim(model, masks, torch.zeros_like(inputs[:1])).model
    # 2^-53 = 1.1e-16, times the square root of some 10^4 terms, times some 10^2 layers and their gains
    assert nets.largest_difference(model, small, inputs) < 1e-11


def test_in_single_precision_outputs_agree_to_its_rounding(case, nets):
    model, masks, inputs, small = case
    # Sums are taken in another order: about sqrt(terms) roundings of 2^-24 a layer, which add up over the layers.
    terms = max(layer.weight[0].numel() for layer in layers(model).values())
    allowed = 2**-24 * math.sqrt(terms) * len(layers(model))
    assert nets.largest_difference(nets.masked(model, masks), small.model, inputs) < allowed


def test_every_dead_filter_is_removed_or_accounted_for_with_a_reason(case):
    _, masks, _, small = case
    kept = {}
    for each in small.kept:
        kept.setdefault(each.weight, set()).update(each.filters)
        assert "failed" not in each.reason
        assert "different" not in each.reason
    for name in masks:
        dead = set(np.flatnonzero(masks.row_counts(name) == 0))
        removed = set(small.removed.get(name, ()))
        assert dead <= removed | kept.get(name, set())
        assert removed.isdisjoint(kept.get(name, ()))
        assert len(small.model.get_parameter(name)) == len(masks[name]) - len(removed)


def test_it_is_smaller_and_says_by_how_much(case):
    model, _, _, small = case
    assert small.removed
    assert small.parameters_before == sum(each.numel() for each in model.parameters())
    assert small.parameters_after == sum(each.numel() for each in small.model.parameters())
    assert small.parameters_after < small.parameters_before
    assert small.macs_after < small.macs_before


def test_the_network_and_the_random_generator_are_left_as_they_were(nets):
    model = nets.network("resnet-8", (3, 16, 16))
    model.stages[1].eval()
    masks = nets.half_of_the_filters(model, nets.by_id["resnet-8"].prunable(model)[:-1])
    before = {name: each.clone() for name, each in model.state_dict().items()}
    modes = [part.training for part in model.modules()]
    state = torch.get_rng_state()
    slim(model, masks, torch.zeros(1, 3, 16, 16))
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    assert [part.training for part in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)


def test_a_residual_stream_is_cut_where_all_that_write_it_agree(nets):
    model = nets.network("resnet-14", (3, 16, 16), shortcut="B")
    names = nets.by_id["resnet-14"].prunable(model)
    stream = [name for name in names if name == "conv1.weight" or (".0." in name[:9] and name.endswith("conv2.weight"))]
    dead = {name: np.ones(tuple(model.get_parameter(name).shape), dtype=bool) for name in stream}
    for mask in dead.values():
        mask[[2, 5, 11]] = False
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.bias.data.copy_(-part.bias.data.abs())  # after ReLU, the dead channels are zero
            part.running_mean.zero_()
    masks = MaskSet.from_arrays(dead)
    small = slim(model, masks, torch.zeros(1, 3, 16, 16))
    assert {name: small.removed[name] for name in stream} == dict.fromkeys(stream, (2, 5, 11))
    assert small.kept == ()
    inputs = torch.randn(4, 3, 16, 16)
    assert nets.largest_difference(nets.masked(model, masks).double(), small.model.double(), inputs.double()) < 1e-6


def test_a_constant_goes_into_the_bias_of_an_unpadded_reader():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 3, 3, bias=False))
    model[0].bias.data = torch.tensor([0.0, 0.7])
    masks = MaskSet.from_tensors({"0.weight": torch.tensor([1, 0]).reshape(2, 1, 1, 1).expand(2, 1, 3, 3)})
    small = slim(model, masks, torch.zeros(1, 1, 5, 5))
    assert small.removed == {"0.weight": (1,)}
    torch.testing.assert_close(small.model[2].bias, 0.7 * model[2].weight[:, 1].sum((1, 2)))


def test_a_constant_before_zero_padding_stays_and_one_may_carry_others(nets):
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1))
    model[0].bias.data = torch.tensor([0.0, 0.7, 0.3, -1.0])
    inputs = torch.randn(2, 1, 6, 6)

    def dead(*filters):
        mask = torch.ones(4, 1, 3, 3)
        mask[list(filters)] = 0
        return MaskSet.from_tensors({"0.weight": mask})

    alone = slim(model, dead(1, 3), inputs)
    assert alone.removed == {"0.weight": (3,)}
    assert alone.kept == (removal.Kept("0.weight", (1,), reasons.PADDED),)
    merged = slim(model, dead(1, 2, 3), inputs)
    assert merged.removed == {"0.weight": (2, 3)}
    assert merged.kept == (removal.Kept("0.weight", (1,), reasons.CARRIER),)
    assert nets.largest_difference(nets.masked(model, dead(1, 2, 3)), merged.model, inputs) < 1e-6


@pytest.mark.parametrize("mode", ["replicate", "reflect", "circular"])
def test_padding_that_repeats_a_constant_is_no_obstacle(mode, nets):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 3, 3, padding=1, padding_mode=mode))
    model[0].bias.data = torch.tensor([0.0, 0.7])
    masks = MaskSet.from_tensors({"0.weight": torch.tensor([1, 0]).reshape(2, 1, 1, 1).expand(2, 1, 3, 3)})
    inputs = torch.randn(2, 1, 6, 6)
    small = slim(model, masks, inputs)
    assert small.removed == {"0.weight": (1,)}
    assert nets.largest_difference(nets.masked(model, masks), small.model, inputs) < 1e-6


def test_outputs_of_the_network_stay():
    model = nn.Sequential(nn.Linear(3, 4))
    masks = MaskSet.from_tensors({"0.weight": torch.tensor([[1], [0], [1], [1]]).expand(4, 3)})
    assert slim(model, masks, torch.zeros(1, 3)).kept == (removal.Kept("0.weight", (1,), reasons.OUTPUT),)


def test_a_collapsed_layer_keeps_one_filter(nets):
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    masks = MaskSet.from_tensors({"0.weight": torch.zeros(4, 3)})
    small = slim(model, masks, torch.zeros(1, 3))
    assert small.removed == {"0.weight": (0, 1, 2)}
    assert small.kept == (removal.Kept("0.weight", (3,), reasons.LAST),)
    assert nets.largest_difference(nets.masked(model, masks), small.model, torch.randn(5, 3)) < 1e-6


def test_a_layer_used_twice_keeps_its_inputs():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.again = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x):
            return self.again(torch.relu(self.again(torch.relu(self.first(x)))))

    model = Twice()
    masks = MaskSet.from_tensors({"first.weight": torch.tensor([[1], [0], [1]]).expand(3, 3)})
    small = slim(model, masks, torch.zeros(1, 3))
    assert not small.removed
    assert [each.reason for each in small.kept] == [reasons.REUSED]


def test_a_normalisation_over_channels_keeps_them():
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    masks = MaskSet.from_tensors({"0.weight": torch.tensor([[1], [0], [1], [1]]).expand(4, 3)})
    small = slim(model, masks, torch.zeros(1, 3))
    assert not small.removed
    assert [each.reason for each in small.kept] == [reasons.DEPENDS]


def test_dead_slices_of_other_tensors_are_named(nets):
    model = nets.network("fastgrnn", (8, 9))
    name = nets.by_id["fastgrnn"].prunable(model)[0]
    mask = torch.ones(model.get_parameter(name).shape)
    mask[0] = 0
    small = slim(model, MaskSet.from_tensors({name: mask}), torch.zeros(1, 8, 9))
    assert small.kept == (removal.Kept(name, (0,), reasons.ELSEWHERE),)


def test_a_removal_that_changes_the_outputs_is_undone(monkeypatch, nets):
    monkeypatch.setattr(removal, "_fold", lambda *_: None)  # forget what a constant adds
    model = nets.network("lenet-5", (1, 28, 28))
    masks = nets.half_of_the_filters(model, ["conv1.weight"])
    inputs = torch.randn(3, 1, 28, 28)
    small = slim(model, masks, inputs)
    assert not small.removed
    assert ["outputs are different" in each.reason for each in small.kept] == [True]
    assert nets.largest_difference(nets.masked(model, masks), small.model, inputs) == 0


def test_weights_that_are_dead_one_by_one_stay_zero():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    mask = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 1]])
    small = slim(model, MaskSet.from_tensors({"0.weight": mask}), torch.zeros(1, 3))
    assert torch.equal(small.model[0].weight != 0, mask[[0, 2, 3]] != 0)


def test_dtypes_modes_and_frozen_parameters_come_back(nets):
    model = nets.network("vgg-11", (3, 16, 16), width=0.125).bfloat16()
    model.features[3].eval()
    model.classifier.requires_grad_(False)
    masks = nets.half_of_the_filters(model, nets.by_id["vgg-11"].prunable(model)[:-1])
    small = slim(model, masks, torch.zeros(1, 3, 16, 16)).model
    patterns = dict(model.named_parameters())
    for name, each in small.named_parameters():
        assert each.dtype == torch.bfloat16
        assert each.requires_grad == patterns.get(name, model.features[0].weight).requires_grad
    assert [part.training for part in small.modules()] == [part.training for part in model.modules()]
    assert small(torch.zeros(2, 3, 16, 16, dtype=torch.bfloat16)).shape == (2, 10)


def test_it_works_where_gradients_are_off(nets):
    model = nets.network("lenet-5", (1, 28, 28))
    with torch.no_grad():
        small = slim(model, nets.half_of_the_filters(model, ["conv1.weight"]), torch.zeros(1, 1, 28, 28))
    assert len(small.removed["conv1.weight"]) == 10


def test_the_smaller_network_can_be_trained_on(nets):
    model = nets.network("resnet-8", (3, 16, 16))
    small = slim(
        model, nets.half_of_the_filters(model, nets.by_id["resnet-8"].prunable(model)[:-1]), torch.zeros(1, 3, 16, 16)
    )
    small.model.train()(torch.randn(4, 3, 16, 16)).square().sum().backward()
    assert all(each.grad is not None for each in small.model.parameters())


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (torch.zeros(1, 3, dtype=torch.long), "floating point"),
        (torch.zeros(0, 3), "floating point"),
        (torch.zeros(1, 7), "cannot process"),
    ],
)
def test_an_example_that_does_not_fit_is_refused(example, words):
    masks = MaskSet.dense({"weight": (2, 3)})
    with pytest.raises(BadTensor, match=words):
        slim(nn.Linear(3, 2), masks, example)


def test_masks_that_do_not_fit_are_refused():
    with pytest.raises(BadTensor):
        slim(nn.Linear(3, 2), MaskSet.dense({"other": (2, 3)}), torch.zeros(1, 3))


def test_a_network_that_returns_no_tensor_is_refused():
    class Pair(nn.Linear):
        def forward(self, x):
            return super().forward(x), x

    with pytest.raises(BadTensor, match="tuple"):
        slim(Pair(3, 2), MaskSet.dense({"weight": (2, 3)}), torch.zeros(1, 3))


def rows(*alive, size):
    """Return the mask of a matrix whose rows are alive or dead."""
    return torch.tensor(alive)[:, None].expand(len(alive), size)


class Fixed(nn.Module):
    """Its code counts on four channels."""

    def __init__(self, reshape):
        super().__init__()
        self.first, self.last, self.reshape = nn.Linear(3, 4, bias=False), nn.Linear(4, 2), reshape

    def forward(self, x):
        return self.last(self.reshape(self.first(x)))


@pytest.mark.parametrize(
    ("reshape", "reason"),
    [
        (lambda x: x.reshape(-1, 4), reasons.BROKEN),
        (lambda x: x * x.shape[1], reasons.DIFFERENT),
        (lambda x: x.flip(1), reasons.DEPENDS),  # what is read there is another channel
        (lambda x: torch.nn.functional.layer_norm(x, x.shape[1:]), reasons.DEPENDS),
    ],
    ids=["broken", "different", "flipped", "normalised"],
)
def test_code_that_counts_on_its_channels_keeps_them_and_the_reason_is_in_words(nets, reshape, reason):
    torch.manual_seed(0)
    model = Fixed(reshape)
    masks = MaskSet.from_tensors({"first.weight": rows(1, 0, 1, 1, size=3)})
    small = slim(model, masks, torch.zeros(1, 3))
    assert small.kept == (removal.Kept("first.weight", (1,), reason),)
    assert nets.largest_difference(nets.masked(model, masks), small.model, torch.randn(5, 3)) == 0


def test_where_one_layer_must_stay_the_others_still_go(nets):
    model = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), Fixed(lambda x: x * x.shape[1]))
    model[2].first = nn.Linear(6, 4, bias=False)
    masks = MaskSet.from_tensors(
        {"0.weight": rows(1, 0, 0, 1, 1, 1, size=3), "2.first.weight": rows(0, 1, 1, 1, size=6)}
    )
    small = slim(model, masks, torch.zeros(1, 3))
    assert small.removed == {"0.weight": (1, 2)}
    assert small.kept == (removal.Kept("2.first.weight", (0,), reasons.DIFFERENT),)
    assert nets.largest_difference(nets.masked(model, masks), small.model, torch.randn(5, 3)) < 1e-6


@pytest.mark.parametrize(
    ("between", "words"),
    [
        (nn.ConvTranspose2d(4, 4, 3), "ConvTranspose2d"),
        (nn.Conv2d(4, 4, 3, groups=2), "in groups"),
        (nn.GroupNorm(2, 4), "normalisation over channels"),
    ],
)
def test_what_is_not_cut_is_named_with_its_kind(nets, between, words):
    model = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), between, nn.ReLU(), nn.Conv2d(4, 2, 3))
    masks = MaskSet.from_tensors({"0.weight": rows(1, 0, 0, 1, size=9).reshape(4, 1, 3, 3)})
    small = slim(model, masks, torch.zeros(1, 1, 8, 8))
    assert not small.removed
    [kept] = small.kept
    assert words in kept.reason
    assert nets.largest_difference(nets.masked(model, masks), small.model, torch.randn(2, 1, 8, 8)) < 1e-6


def test_filters_that_only_read_dead_ones_go_too():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    second = torch.ones(4, 4)
    second[2, [0, 3]] = 0
    masks = MaskSet.from_tensors({"0.weight": rows(1, 0, 0, 1, size=3), "2.weight": second})
    small = slim(model, masks, torch.zeros(1, 3))
    assert small.removed == {"0.weight": (1, 2), "2.weight": (2,)}
    assert small.kept == ()


def test_a_constant_before_batch_normalisation_adds_no_bias(nets):
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4)).eval()
    model[0].bias.data = torch.tensor([0.0, 0.7, 0.2])
    masks = MaskSet.from_tensors({"0.weight": rows(1, 0, 1, size=9).reshape(3, 1, 3, 3)})
    small = slim(model, masks, torch.zeros(1, 1, 8, 8))
    assert small.removed == {"0.weight": (1,)}
    assert list(small.model.state_dict()) == list(model.state_dict())
    torch.testing.assert_close(small.model[3].running_mean, -0.7 * model[2].weight[:, 1].flatten())
    assert nets.largest_difference(nets.masked(model, masks), small.model, torch.randn(2, 1, 8, 8)) < 1e-6


def test_a_diverged_network_is_answered_too():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    model[0].weight.data.fill_(math.nan)
    masks = MaskSet.from_tensors({"0.weight": rows(1, 0, 1, 1, size=3)})
    small = slim(model, masks, torch.zeros(1, 3))
    assert small.removed == {"0.weight": (1,)}
    assert small.model(torch.zeros(1, 3)).isnan().all()


@st.composite
def chains(draw):
    """Draw a chain of convolutions with what may stand between them, and masks with dead filters."""
    rng = torch.Generator().manual_seed(draw(st.integers(0, 2**20)))
    parts, width = [], 2
    for _ in range(draw(st.integers(1, 3))):
        after = draw(st.integers(1, 5))
        kernel = draw(st.sampled_from([1, 3]))
        parts.append(
            nn.Conv2d(width, after, kernel, draw(st.integers(1, 2)), draw(st.integers(0, 1)), bias=draw(st.booleans()))
        )
        if draw(st.booleans()):
            parts.append(nn.BatchNorm2d(after))
            parts[-1].running_mean.uniform_(-1, 1, generator=rng)
            parts[-1].bias.data.uniform_(-1, 1, generator=rng)
        parts.append(draw(st.sampled_from([nn.ReLU, nn.Tanh, nn.GELU, nn.Hardswish, nn.Identity]))())
        width = after
    model = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 3))
    masks = {}
    for name, layer in layers(model).items():
        layer.weight.data.uniform_(-1, 1, generator=rng)
        if layer.bias is not None:
            layer.bias.data.uniform_(-1, 1, generator=rng)
        alive = torch.tensor(draw(st.lists(st.booleans(), min_size=len(layer.weight), max_size=len(layer.weight))))
        masks[f"{name}.weight"] = alive.reshape(-1, *[1] * (layer.weight.dim() - 1)).expand(layer.weight.shape)
    return model.eval().double(), MaskSet.from_tensors(masks)


@settings(max_examples=60, deadline=None)
@given(chain=chains())
def test_any_chain_answers_as_before(nets, chain):
    model, masks = chain
    inputs = torch.randn(3, 2, 24, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    small = slim(model, masks, inputs[:1])
    with torch.no_grad():
        expected, found = nets.masked(model, masks)(inputs), small.model(inputs)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert not any("failed" in each.reason for each in small.kept)


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.filters = nn.Conv1d(3, 8, 3, padding=1)
        self.memory = kind(8, 5, batch_first=True)
        self.last = nn.Linear(5, 2)

    def forward(self, x):
        return self.last(self.memory(torch.relu(self.filters(x)).transpose(1, 2))[0][:, -1])


class Counting(nn.Module):
    """Says with an error of its own that it counts on eight channels."""

    def __init__(self):
        super().__init__()
        self.filters, self.last = nn.Conv1d(3, 8, 1), nn.Conv1d(8, 2, 1)

    def forward(self, x):
        x = torch.relu(self.filters(x))
        assert x.shape[1] == 8
        return self.last(x)


class Choosy(Counting):
    """Takes no input that is no number."""

    def forward(self, x):
        assert x.isfinite().all()
        return self.last(torch.relu(self.filters(x)))


def image(*after):
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.ReLU(), *after)


READERS = {
    "transposed": image(nn.ConvTranspose2d(8, 6, 2, stride=2), nn.Conv2d(6, 3, 1)),
    "transposed in groups": image(nn.ConvTranspose2d(8, 8, 2, stride=2, groups=2), nn.Conv2d(8, 3, 1)),
    "transposed depthwise": image(nn.ConvTranspose2d(8, 8, 2, stride=2, groups=8), nn.Conv2d(8, 3, 1)),
    "in groups": image(nn.Conv2d(8, 8, 3, groups=2), nn.Conv2d(8, 3, 1)),
    "several per channel": image(nn.Conv2d(8, 16, 3, groups=8), nn.Conv2d(16, 3, 1)),
    "group norm": image(nn.GroupNorm(2, 8), nn.Conv2d(8, 3, 1)),
    "layer norm": image(nn.LayerNorm([8, 6, 6]), nn.Conv2d(8, 3, 1)),
    "pixel shuffle": image(nn.PixelShuffle(2), nn.Conv2d(2, 3, 1)),
    "gru": Recurrent(nn.GRU),
    "lstm": Recurrent(nn.LSTM),
    "an assertion": Counting(),
    "no input that is no number": Choosy(),
}


@pytest.mark.parametrize("network", READERS.values(), ids=READERS)
def test_filters_that_anything_reads_go_without_a_difference_or_stay_for_a_reason_in_words(network):
    [(name, weight), *_] = network.named_parameters()
    keep = torch.ones_like(weight, dtype=torch.bool)
    keep[[1, 2]] = False
    masks = MaskSet.from_tensors({name: keep})
    x = torch.randn(2, *((3, 6) if weight.dim() == 3 else (3, 6, 6)), generator=torch.Generator().manual_seed(0))
    small = slim(network, masks, x)
    stay = {each for kept in small.kept for each in kept.filters}
    assert stay | set(small.removed.get(name, ())) == {1, 2}
    assert not any("Error" in kept.reason for kept in small.kept)
    masks.apply_(network)
    torch.testing.assert_close(small.model.eval()(x), network.eval()(x))


def test_a_recurrent_reader_is_named_in_the_reason():
    network = Recurrent(nn.GRU)
    keep = torch.ones(8, 3, 3, dtype=torch.bool)
    keep[1] = False
    [kept] = slim(network, MaskSet.from_tensors({"filters.weight": keep}), torch.zeros(1, 3, 7)).kept
    assert kept.reason == 'the network\'s layers could not be followed through "memory", of the kind GRU'
