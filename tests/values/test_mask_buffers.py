"""Masks beside weights as the libraries and papers of others leave them in state dicts."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from pruneproof.errors import BadTensor
from pruneproof.values.mask_import import import_masks

MASK = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])


def read(state, path, **options):
    torch.save(state, path / "x.pt")
    masks, form = import_masks(path / "x.pt", **options)
    return {name: masks[name].int().tolist() for name in masks}, form


LAYOUTS = {
    "a buffer beside the weight (SynFlow, ShrinkBench)": ("fc.weight", "fc.weight_mask"),
    "a mask within the weight's name": ("fc.weight", "fc.weight.mask"),
    "the mask of a module": ("fc.weight", "fc.mask"),
    "the pruning mask of a module": ("fc.weight", "fc.pruning_mask"),
    "a mask in front of the parameter": ("fc.weight", "fc.mask_weight"),
    "the masks of OpenLTH": ("model.fc.weight", "mask_fc___weight"),
    "a wrapped one": ("module.fc.weight", "module.fc.weight_mask"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.uint8])
def test_the_mask_counts_and_not_the_weights_that_it_hides(tmp_path, layout, dtype):
    weight, mask = LAYOUTS[layout]
    prefix = "module." if weight.startswith("module.") else ""
    state = {weight: torch.randn(2, 3), mask: MASK.to(dtype), f"{prefix}bn.weight": torch.zeros(3)}
    found, form = read(state, tmp_path)
    assert form == "buffers"
    assert found == {weight.removeprefix("module."): MASK.int().tolist()}


def test_weights_and_biases_of_masked_layers(tmp_path):
    class Masked(nn.Linear):
        def __init__(self):
            super().__init__(3, 2)
            self.register_buffer("weight_mask", MASK)
            self.register_buffer("bias_mask", torch.tensor([1.0, 0.0]))

    found, _ = read(nn.Sequential(Masked(), nn.ReLU()).state_dict(), tmp_path)
    assert found == {"0.weight": MASK.int().tolist(), "0.bias": [1, 0]}
    assert list(read(nn.Sequential(Masked()).state_dict(), tmp_path, include=("*weight*",))[0]) == ["0.weight"]


def test_a_mask_of_filters_speaks_of_all_their_weights(tmp_path):
    found, _ = read({"c.weight": torch.randn(2, 3), "c.weight_mask": torch.tensor([[0.0], [1.0]])}, tmp_path)
    assert found == {"c.weight": [[0, 0, 0], [1, 1, 1]]}


class Masking(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mask", MASK)

    def forward(self, weight):
        return weight * self.mask


def test_the_mask_of_a_parametrisation(tmp_path):
    layer = nn.Linear(3, 2)
    parametrize.register_parametrization(layer, "weight", Masking())
    found, form = read(nn.ModuleDict({"fc": layer}).state_dict(), tmp_path)
    assert (found, form) == ({"fc.weight": MASK.int().tolist()}, "buffers")


def test_torch_prune_goes_before(tmp_path):
    layer = nn.Linear(3, 2)
    prune.custom_from_mask(layer, "weight", MASK)
    assert read(layer.state_dict(), tmp_path) == ({"weight": MASK.int().tolist()}, "torch-prune")


def test_a_mask_of_attention_is_none_of_weights(tmp_path):
    state = {"attn.weight": torch.tensor([[0.5, 0.0]]), "attn.mask": torch.ones(4, 4).tril()}
    assert read(state, tmp_path) == ({"attn.weight": [[1, 0]]}, "zeros")


@pytest.mark.parametrize("name", ["weight_mask", "mask_scores", "scores"])
def test_soft_masks_and_scores_are_refused_by_name(tmp_path, name):
    state = {"fc.weight": torch.randn(2, 3), f"fc.{name}": torch.rand(2, 3) / 2}
    with pytest.raises(BadTensor, match=f'"fc.{name}".*"zeros"'):
        read(state, tmp_path)
    assert read(state, tmp_path, form="zeros")[0] == {"fc.weight": [[1, 1, 1], [1, 1, 1]]}


def test_a_mask_of_another_shape_is_refused_by_name(tmp_path):
    with pytest.raises(BadTensor, match=r'"fc\.weight_mask" of shape \[3\] does not fit'):
        read({"fc.weight": torch.randn(2, 3), "fc.weight_mask": torch.ones(3)}, tmp_path)


def zeroed():
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.mul_(MASK)
    return layer


@pytest.mark.filterwarnings("ignore:.*weight_norm")
@pytest.mark.parametrize(
    "wrap",
    [
        nn.utils.weight_norm,
        parametrizations.weight_norm,
        nn.utils.spectral_norm,
        parametrizations.spectral_norm,
    ],
)
def test_zeros_of_normalised_weights_are_seen_through_the_norm(tmp_path, wrap):
    layer = wrap(zeroed())
    assert (layer.weight != 0).int().tolist() == MASK.int().tolist()
    found, form = read(nn.ModuleDict({"fc": layer}).state_dict(), tmp_path)
    assert (found, form) == ({"fc.weight": MASK.int().tolist()}, "zeros")


def test_a_row_of_norm_zero_is_pruned(tmp_path):
    layer = parametrizations.weight_norm(zeroed())
    with torch.no_grad():
        layer.parametrizations.weight.original0[1] = 0
    assert read(layer.state_dict(), tmp_path)[0] == {"weight": [[1, 0, 0], [0, 0, 0]]}


def test_zeros_behind_another_parametrisation_are_not_guessed(tmp_path):
    layer = parametrizations.orthogonal(nn.Linear(3, 3))
    with pytest.raises(BadTensor, match="remove_parametrizations"):
        read(layer.state_dict(), tmp_path)
