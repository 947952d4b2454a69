import pytest
import torch
from safetensors.torch import save_file

from pruneproof.checkpoints.content import of_two_values
from pruneproof.checkpoints.source import open_source

TENSORS = {
    "causal": torch.ones(1, 1, 40, 40).tril(),
    "additive": torch.full((40, 40), -torch.inf).triu(1).bfloat16(),
    "constant": torch.full((3, 4), 0.5),
    "zeros": torch.zeros(3, 4).half(),
    "signed": torch.tensor([[0.0, -0.0, 1.0]]),
    "late": torch.cat([torch.zeros(2999, 2), torch.tensor([[1.0, 2.0]])]),
    "random": torch.linspace(-1, 1, 12).reshape(1, 3, 4),
    "nan": torch.full((2, 2), torch.nan),
    "empty": torch.ones(0, 4),
}


@pytest.mark.parametrize("name", TENSORS)
def test_masks_and_constants_are_told_by_their_numbers(tmp_path, name):
    save_file(TENSORS, tmp_path / "model.safetensors")
    found = of_two_values(open_source(tmp_path / "model.safetensors"), {name})
    assert bool(found) == (name in {"causal", "additive", "constant", "zeros", "signed"})


def test_of_others_than_the_named_ones_nothing_is_said(tmp_path):
    save_file(TENSORS, tmp_path / "model.safetensors")
    assert of_two_values(open_source(tmp_path / "model.safetensors"), set()) == []
