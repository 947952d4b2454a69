"""Which parameters of a module `select` ranks, which it leaves, and what it says about them."""

import warnings

import pytest
import torch
from torch import nn

from pruneproof import select
from pruneproof.contracts.model import conv_and_linear
from pruneproof.errors import BadConfig, BadTensor
from pruneproof.selection.weights import weights_of


class Turned(nn.Module):
    """A layer that stores its weights as (inputs, outputs), as those of GPT-2 do."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))


class Language(nn.Module):
    """An embedding, a position for each place, a block, and a head that is tied to the embedding."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.pos_embed = nn.Parameter(torch.randn(1, 8, 16))
        self.cls_token = nn.Parameter(torch.randn(1, 1, 16))
        self.norm = nn.LayerNorm((8, 16))
        self.up, self.down = Turned(16, 64), Turned(64, 16)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.embed.weight


class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.randn(4, 8, 16))
        self.gate_up_proj_bias = nn.Parameter(torch.randn(4, 16))
        self.down_proj = nn.Parameter(torch.randn(4, 8, 8))


class Adapted(nn.Module):
    """As the library peft wraps a layer."""

    def __init__(self):
        super().__init__()
        self.base_layer = nn.Linear(8, 8)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(8, 2, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(2, 8, bias=False)})


class LoRALinear(nn.Linear):
    """As the library loralib replaces a layer."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.A, self.B = nn.Parameter(torch.randn(2, inputs)), nn.Parameter(torch.zeros(outputs, 2))


def shared_layers():
    layers = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.ReLU())
    layers[1].weight = layers[0].weight
    return layers


RANKED = {
    "linear and convolution": (nn.Sequential(nn.Linear(2, 2), nn.Conv2d(1, 2, 3)), ["0.weight", "1.weight"]),
    "transposed convolution": (nn.ConvTranspose2d(3, 4, 2), ["weight"]),
    "bilinear": (nn.Bilinear(2, 3, 4), ["weight"]),
    "attention": (nn.MultiheadAttention(8, 2, add_bias_kv=True), ["in_proj_weight", "out_proj.weight"]),
    "attention to other widths": (
        nn.MultiheadAttention(8, 2, kdim=4, vdim=2),
        ["k_proj_weight", "out_proj.weight", "q_proj_weight", "v_proj_weight"],
    ),
    "recurrent": (nn.GRU(4, 2), ["weight_hh_l0", "weight_ih_l0"]),
    "recurrent with a projection": (
        nn.LSTM(4, 6, proj_size=3, bidirectional=True),
        [f"weight_{kind}_l0{way}" for kind in ("hh", "hr", "ih") for way in ("", "_reverse")],
    ),
    "recurrent cell": (nn.LSTMCell(4, 2), ["weight_hh", "weight_ih"]),
    "stored by input": (Turned(4, 2), ["weight"]),
    "stored by input, to one output": (Turned(4, 1), ["weight"]),
    "experts": (Experts(), ["down_proj", "gate_up_proj"]),
    "adapted": (nn.Sequential(Adapted(), LoRALinear(4, 4)), ["0.base_layer.weight", "1.weight"]),
    "a language model": (Language(), ["down.weight", "up.weight"]),
    "one parameter in two layers": (shared_layers(), ["0.weight"]),
}


@pytest.mark.parametrize("case", RANKED)
@pytest.mark.filterwarnings("ignore:left as they are")
def test_what_multiplies_features_is_ranked_and_nothing_else(case):
    module, names = RANKED[case]
    masks = select(module, sparsity=0.5)
    assert list(masks) == names
    size = sum(module.get_parameter(name).numel() for name in names)
    assert (masks.size(), masks.count()) == (size, size - size // 2)
    masks.apply_(module)
    assert sum(int(module.get_parameter(name).count_nonzero()) for name in names) == masks.count()


def test_one_warning_names_what_is_left_out_by_reason():
    with pytest.warns(UserWarning, match="^left as they are") as said:
        select(nn.ModuleDict({"a": Language(), "b": Experts(), "c": Adapted()}), sparsity=0.5)
    (text,) = [str(each.message) for each in said]
    for reason in (
        "embeddings, and heads tied to them: a.embed.weight, a.head.weight",
        "factors of adapters (merge them first: what they add is not pruned): c.lora_A.default.weight, c.lora_B.",
        "whose name says that they are added or looked up: a.pos_embed, b.gate_up_proj_bias",
        "by `include`, or name these in `unprunable`",
    ):
        assert reason in text
    assert "cls_token" not in text
    assert "norm" not in text
    assert [each.filename for each in said] == [__file__]


def test_long_lists_are_cut():
    many = nn.Sequential(nn.Linear(2, 2), *(nn.Embedding(2, 2) for _ in range(30)))
    with pytest.warns(UserWarning, match="and 10 more"):
        select(many, sparsity=0.5)


def test_include_and_unprunable_settle_it_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(select(Language(), sparsity=0.5, include=["head.weight", "up.*"])) == [
            "head.weight",
            "up.bias",
            "up.weight",
        ]
        quiet = select(Language(), sparsity=0.5, unprunable=["*embed*", "head.*"])
        assert list(quiet) == ["down.weight", "up.weight"]
        masks = select(Language(), sparsity=0.5, include="*.weight", unprunable=["up.weight", "norm.weight"])
    assert masks["up.weight"].all()
    assert masks["norm.weight"].all()
    assert masks.count("embed.weight") + masks.count("down.weight") == (50 * 16 + 64 * 16) // 2
    assert "head.weight" not in masks


def test_an_unprunable_name_of_a_shared_weight_exempts_it_under_all_its_names():
    shared = shared_layers()
    shared[2] = nn.Linear(3, 3)
    masks = select(shared, keep=1, unprunable="1.*")
    assert (masks.count("0.weight"), masks.count("2.weight")) == (9, 1)
    twice = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3)})
    twice["c"] = twice["a"]
    masks = select(twice, keep=1, unprunable="c.*")
    assert (masks.count("a.weight"), masks.count("b.weight")) == (9, 1)


@pytest.mark.parametrize("how", [{"include": "nothing.*"}, {"unprunable": "nothing.*"}], ids=str)
def test_a_pattern_of_no_parameter_is_refused(how):
    with pytest.raises(BadConfig, match=r'"nothing\.\*".* matches none of .*0\.bias, 0\.weight'):
        select(nn.Sequential(nn.Linear(2, 2)), keep=1, **how)


def test_what_a_parametrization_computes_is_refused_of_a_layer_and_named_of_others():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    with pytest.raises(BadTensor, match='"weight" is computed, not a parameter of ParametrizedLinear'):
        select(layer, sparsity=0.5)
    with pytest.warns(UserWarning, match=r"computed by a parametrization: 0\.parametrizations\.weight\.original"):
        select(nn.Sequential(nn.utils.parametrizations.orthogonal(Turned(4, 4)), nn.Linear(4, 4)), sparsity=0.5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_packed_weights_of_quantised_layers_are_named():
    network = nn.Sequential(nn.Linear(4, 4), nn.Conv2d(1, 2, 3))
    packed = torch.ao.quantization.quantize_dynamic(network, {nn.Linear})
    found = weights_of(packed)
    assert list(found.ranked) == ["1.weight"]
    assert found.left == {"0.weight": "held as buffers or packed, as by quantisation"}


def test_a_module_without_weights_says_what_it_has():
    with pytest.raises(BadTensor, match=r"has no convolution or linear weights nor others .*; there are weight"):
        select(nn.Embedding(3, 2), sparsity=0.5)


def test_the_pool_of_the_papers_is_part_of_it():
    network = nn.Sequential(nn.Conv1d(1, 2, 1), nn.BatchNorm1d(2), nn.Linear(2, 2), nn.GRU(2, 2))
    assert conv_and_linear(network) == ["0.weight", "2.weight"]
    assert set(conv_and_linear(network)) < set(weights_of(network).ranked)


class Part(nn.Module):
    def __init__(self, **parameters):
        super().__init__()
        for name, shape in parameters.items():
            setattr(self, name, nn.Parameter(torch.randn(shape)))


@pytest.mark.parametrize(
    ("parameters", "ranked"),
    [
        ({"w0": (1, 1, 8), "w1": (8, 4), "x_r": (1, 1, 8), "r_k": (2, 4), "time_decay": (2, 4)}, ["w1"]),
        ({"positional_embedding": (7, 8), "text_projection": (8, 4), "proj": (8, 4)}, ["text_projection", "proj"]),
        ({"codebook": (16, 8), "centroids": (16, 8), "weight": (8, 8)}, ["weight"]),
        ({"gate_up_proj": (4, 8, 16), "gate_up_proj_bias": (4, 16), "sinks": (4,)}, ["gate_up_proj"]),
        ({"window": (8, 8), "running_std": (8, 8), "scores": (8, 8), "w_out": (8, 8)}, ["w_out"]),
    ],
)
def test_a_part_of_an_unknown_class_is_told_by_the_names_that_tell_checkpoints_apart(parameters, ranked):
    assert list(weights_of(Part(**parameters)).ranked) == ranked
