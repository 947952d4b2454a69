"""Whole transformers: exact counts, nothing else touched, and the order in which the papers look at the layers."""

import copy

import pytest
import torch
from torch import nn

from pruneproof.api import BadConfig, BadTensor, UnknownName, keep_count
from pruneproof_wanda import prune_transformer, sparsegpt

METHODS = ["wanda", "magnitude", "sparsegpt"]
BLOCKS = {"llama": "model.layers", "opt": "model.decoder.layers", "gpt2": "transformer.h", "bert": "encoder.layer"}
LINEAR = {"llama": 7, "opt": 6, "gpt2": 4, "bert": 6}
"""Linear layers per block."""


class Chain(nn.Module):
    """Blocks that share nothing with transformers but their form."""

    def __init__(self, width=8, blocks=2):
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 2 * width), nn.Dropout(0.5), nn.ReLU(), nn.Linear(2 * width, width))
            for _ in range(blocks)
        )
        self.head = nn.Linear(width, 3)

    def forward(self, x, **options):
        for block in self.blocks:
            x = block(x, **options)
        return self.head(x)


class Noisy(nn.Module):
    def forward(self, x):
        return x + 0.01 * torch.randn_like(x)


def snapshot(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def untouched(model, before):
    now = model.state_dict()
    return now.keys() == before.keys() and all(torch.equal(now[name], before[name]) for name in before)


def hooks(model):
    return [len(part._forward_pre_hooks) + len(part._forward_hooks) for part in model.modules()]


def samples(*sizes, width=8):
    x = torch.randn(sum(sizes), width, generator=torch.Generator().manual_seed(1)).double()
    return list(x.split(list(sizes)))


@pytest.mark.parametrize("amount", [{"sparsity": 0.55}, {"structure": "2:4"}], ids=["55 %", "2:4"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("architecture", BLOCKS)
def test_counts_are_exact_and_nothing_else_changes(build, tokens, architecture, method, amount):
    model = build(architecture).train()
    model.get_submodule(BLOCKS[architecture])[0].eval()
    before, modes = snapshot(model), [part.training for part in model.modules()]
    generator = torch.get_rng_state()

    found = prune_transformer(model, tokens.split(4), method=method, **amount)

    assert len(found.masks) == 2 * LINEAR[architecture]
    for name, tensor in model.state_dict().items():
        if name not in found.masks:
            assert torch.equal(tensor, before[name]), name
            continue
        matrix, mask = (tensor.T, found.masks[name].T) if architecture == "gpt2" else (tensor, found.masks[name])
        dense = before[name].T if architecture == "gpt2" else before[name]
        assert not matrix[~mask].any()
        if method != "sparsegpt":
            assert torch.equal(matrix[mask], dense[mask])
        outputs, inputs = matrix.shape
        if "structure" in amount:
            assert found.masks.is_n_of_m(name, 2, 4, axis=0 if architecture == "gpt2" else 1)
            assert mask.sum() == outputs * inputs // 2
        elif method == "wanda":
            assert set(mask.sum(1).tolist()) == {keep_count(inputs, 0.55)}
        else:
            assert mask.sum() == keep_count(outputs * inputs, 0.55)
    assert [part.training for part in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), generator)
    assert not any(hooks(model))
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())


def inputs_of(model, names, call):
    """Run the whole model and return what each layer reads, as rows."""
    seen = {}

    def listener(name):
        return lambda _, args: seen.update({name: args[0].detach().reshape(-1, args[0].shape[-1]).double()})

    handles = [
        model.get_submodule(name.removesuffix(".weight")).register_forward_pre_hook(listener(name)) for name in names
    ]
    with torch.no_grad():
        call(model.eval())
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("method", ["wanda", "sparsegpt"])
@pytest.mark.parametrize("architecture", BLOCKS)
def test_each_block_is_pruned_by_what_it_reads_under_the_pruned_blocks_before_it(build, tokens, architecture, method):
    """Against the plain way: the whole model is run anew for every block, all samples at once."""
    model = build(architecture).double()
    padding = torch.ones_like(tokens)
    padding[:3, 5:] = 0  # so that what a block is called with beside the hidden states matters
    plain = copy.deepcopy(model)
    batches = [{"input_ids": t, "attention_mask": p} for t, p in zip(tokens.split(4), padding.split(4), strict=True)]
    found = prune_transformer(model, batches, method=method, sparsity=0.5)

    reports = {report.name: report for report in found.layers}
    for index in range(2):
        names = [name for name in found.masks if name.startswith(f"{BLOCKS[architecture]}.{index}.")]
        read = inputs_of(plain, names, lambda model: model(tokens, attention_mask=padding))
        for name in names:
            stored = plain.get_parameter(name).data
            weight = stored.T if architecture == "gpt2" else stored
            x = read[name]
            if method == "wanda":
                scores = weight.abs() * x.norm(dim=0)
                mask = torch.zeros_like(weight, dtype=torch.bool)
                mask.scatter_(1, scores.topk(weight.shape[1] // 2, dim=1).indices, True)
                pruned = weight * mask
            else:
                pruned, mask = sparsegpt(weight, x.T @ x, sparsity=0.5)
            lost = ((x @ (weight - pruned).T) ** 2).sum() / ((x @ weight.T) ** 2).sum()
            assert reports[name].error == pytest.approx(lost.item())
            assert reports[name].kept == mask.sum()
            assert reports[name].size == mask.numel()
            turned = (pruned.T, mask.T) if architecture == "gpt2" else (pruned, mask)
            assert torch.equal(found.masks[name], turned[1]), name
            torch.testing.assert_close(model.get_parameter(name).data, turned[0])
            stored.copy_(turned[0])
    assert found.layers[0].name.startswith(f"{BLOCKS[architecture]}.0.")
    assert found.error == pytest.approx(sum(report.error for report in found.layers) / len(found.layers))


@pytest.mark.parametrize("method", METHODS)
def test_the_split_into_batches_does_not_matter(build, tokens, method):
    model = build("llama").double()
    one, other = copy.deepcopy(model), copy.deepcopy(model)
    whole = prune_transformer(one, [tokens], method=method, sparsity=0.5)
    split = prune_transformer(other, (each for each in tokens.split([1, 7, 5, 3])), method=method, sparsity=0.5)
    assert whole.masks == split.masks
    for name, parameter in one.named_parameters():
        torch.testing.assert_close(other.get_parameter(name), parameter)


def test_sparsegpt_reconstructs_better_than_wanda_and_that_better_than_magnitude_where_inputs_differ_in_size(
    build, tokens
):
    model = build("llama")
    with torch.no_grad():  # a few features of large inputs, as large language models have them
        for name, parameter in model.named_parameters():
            if "layernorm" in name:
                parameter[:3] *= 10.0
    errors = {
        method: prune_transformer(copy.deepcopy(model), tokens.split(8), method=method, sparsity=0.5).error
        for method in METHODS
    }
    assert errors["sparsegpt"] < errors["wanda"] < errors["magnitude"]


def test_wanda_is_magnitude_where_all_inputs_are_of_one_size():
    model = Chain(blocks=1).double()
    model.blocks[0][3].weight.requires_grad_(False)
    signs = torch.randn(32, 8).sign().double()
    chosen = [
        prune_transformer(
            copy.deepcopy(model), [signs], method=method, sparsity=0.5, scope="row", unprunable=["*.3.weight"]
        ).masks
        for method in ("wanda", "magnitude")
    ]
    assert chosen[0] == chosen[1]
    assert list(chosen[0]) == ["blocks.0.0.weight"]


def test_in_the_scope_block_the_layers_of_a_block_compete():
    model = Chain().double()
    with torch.no_grad():
        model.blocks[0][0].weight.mul_(100.0)
    found = prune_transformer(model, samples(6), method="magnitude", scope="block", sparsity=0.5)
    kept = {report.name: report.kept for report in found.layers}
    assert kept["blocks.0.0.weight"] == 128
    assert kept["blocks.0.3.weight"] == 0
    assert kept["blocks.1.0.weight"] + kept["blocks.1.3.weight"] == 128


def test_an_encoder_and_a_decoder_are_pruned_one_after_the_other(build, tokens):
    model = build("bart")
    with pytest.raises(BadConfig, match=r"2 lists of blocks: encoder\.layers, decoder\.layers"):
        prune_transformer(model, [tokens], sparsity=0.5)
    encoder = prune_transformer(model, [tokens], sparsity=0.5, blocks="encoder.layers")
    decoder = prune_transformer(model, [tokens], sparsity=0.5, blocks="decoder.layers")
    assert len(encoder.masks) == 2 * 6
    assert len(decoder.masks) == 2 * 10  # with attention to the encoder


def test_half_precision_is_pruned_as_it_is(build, tokens):
    model = build("llama").bfloat16()
    before = snapshot(model)
    found = prune_transformer(model, [tokens], sparsity=0.5)
    for name, mask in found.masks.items():
        assert torch.equal(model.get_parameter(name)[mask], before[name][mask])
        assert set(mask.sum(1).tolist()) == {mask.shape[1] // 2}


def test_pytorch_s_own_encoder_is_pruned_but_for_what_it_calls_by_other_ways():
    torch.manual_seed(0)
    block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
    x = torch.randn(4, 5, 8)
    with pytest.raises(BadConfig, match=r'"layers.0.self_attn.out_proj.weight" was never called.*`unprunable`'):
        prune_transformer(model, [x], sparsity=0.5)
    assert not any(hooks(model))
    found = prune_transformer(model, [x], sparsity=0.5, unprunable=["*.self_attn.*"])
    assert sorted(found.masks) == [f"layers.{index}.linear{layer}.weight" for index in (0, 1) for layer in (1, 2)]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({}, BadConfig, "say how much to prune"),
        ({"sparsity": 1.5}, BadConfig, "1.5 is out of range"),
        ({"sparsity": 0.5, "method": "wander"}, UnknownName, 'Nearest: "wanda"'),
        ({"sparsity": 0.5, "scope": "global"}, UnknownName, "the next has no inputs yet"),
        ({"sparsity": 0.5, "scope": "block", "method": "sparsegpt"}, BadConfig, "slices of a matrix"),
        ({"sparsity": 0.5, "columns": 0, "method": "sparsegpt"}, BadConfig, "0 columns"),
        ({"sparsity": 0.5, "structure": "2:4"}, BadConfig, "Leave `sparsity` and `scope` out"),
        ({"structure": "2:4", "scope": "row"}, BadConfig, "Leave `sparsity` and `scope` out"),
        ({"structure": "filter"}, BadConfig, '"filter" is not understood'),
        ({"structure": "2:5"}, BadTensor, '"blocks.0.0.weight" has 8 inputs'),
        ({"sparsity": 0.5, "blocks": "layers"}, UnknownName, "Known: blocks"),
        ({"sparsity": 0.5, "unprunable": ["*.q_proj.*"]}, BadConfig, "matches none of blocks.0.0.weight"),
        ({"sparsity": 0.5, "unprunable": "*"}, BadConfig, "no linear layer that may be pruned"),
        ({"sparsity": 0.5, "calibration": []}, BadConfig, "no calibration batch"),
        ({"sparsity": 0.5, "calibration": samples(4)[0]}, BadConfig, "one Tensor: a list of batches"),
        ({"sparsity": 0.5, "calibration": [3]}, BadConfig, "a calibration batch is int"),
        ({"sparsity": 0.5, "calibration": [samples(4)[0] * float("nan")]}, BadTensor, '"blocks.0" returned NaN'),
    ],
)
def test_bad_input_gets_one_clear_message_and_leaves_the_model_as_it_was(options, kind, message):
    model = Chain().double()
    before = snapshot(model)
    with pytest.raises(kind, match=message):
        prune_transformer(model, **{"calibration": samples(4), **options})
    assert untouched(model, before)
    assert model.training
    assert not any(hooks(model))


def changed(change):
    model = Chain().double()
    change(model)
    return model


def tie(model):
    model.blocks[1][0].weight = model.blocks[0][0].weight


def compute(model):
    nn.utils.parametrizations.weight_norm(model.blocks[0][0])


def quantize(model):
    model.blocks[0][0].weight = nn.Parameter(torch.ones(16, 8, dtype=torch.int8), requires_grad=False)


def swap(model):
    model.forward = lambda x: model.head(model.blocks[0](model.blocks[1](x)))


def skip(model):
    model.forward = lambda x: model.head(model.blocks[0](x))


def part(model):
    model.forward = lambda x: model.head(model.blocks[1](model.blocks[0](x) + x))


def cache(model):
    block = type("Block", (nn.Linear,), {"forward": lambda self, x, **options: nn.Linear.forward(self, x)})
    model.blocks = nn.ModuleList(block(8, 8) for _ in range(2)).double()
    model.forward = lambda x: model.blocks[1](model.blocks[0](x, past_key_values=[]), past_key_values=[])


def no_list(model):
    model.blocks = nn.Sequential(*model.blocks)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (tie, BadTensor, "used in 2 places"),
        (compute, BadTensor, "is computed"),
        (quantize, BadTensor, "torch.int8; float16"),
        (swap, BadConfig, "ran in the order blocks.1, blocks.0"),
        (skip, BadConfig, r"ran in the order blocks.0; each once"),
        (part, BadConfig, "does not read what the block before it returned"),
        (cache, BadConfig, "use_cache=False"),
        (no_list, BadConfig, "no list of blocks"),
    ],
)
def test_models_that_cannot_be_pruned_block_by_block_are_refused_as_they_were(change, kind, message):
    model = changed(change)
    before = snapshot(model)
    with pytest.raises(kind, match=message):
        prune_transformer(model, samples(4), sparsity=0.5)
    assert untouched(model, before)
    assert not any(hooks(model))


def test_a_sequential_is_a_list_of_blocks_when_it_is_named():
    found = prune_transformer(changed(no_list), samples(4), sparsity=0.5, blocks="blocks")
    assert len(found.masks) == 4


def test_an_error_on_the_way_names_the_layer_and_removes_the_hooks():
    model = Chain().double()
    generator = torch.get_rng_state()
    with pytest.raises(BadTensor, match=r'"blocks.0.0.weight": the Hessian .* no inverse at dampening 0\.0'):
        prune_transformer(model, samples(3), method="sparsegpt", sparsity=0.5, dampening=0.0)
    assert model.training
    assert not any(hooks(model))
    assert torch.equal(torch.get_rng_state(), generator)


def test_a_model_that_draws_random_numbers_leaves_the_generators_where_they_were():
    model = changed(lambda model: model.blocks.append(Noisy()))
    generator = torch.get_rng_state()
    prune_transformer(model, samples(4), sparsity=0.5, blocks="blocks")
    assert torch.equal(torch.get_rng_state(), generator)


def test_an_error_of_the_model_itself_comes_through_and_the_hooks_go():
    model = Chain().double()
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        prune_transformer(model, samples(3, width=5), sparsity=0.5)
    assert model.training
    assert not any(hooks(model))
