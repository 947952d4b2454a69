"""Masks of a model meet the same model under other names: wrapped, or as a part."""

import numpy as np
import pytest
import torch
from torch import nn

from pruneproof import select
from pruneproof.errors import BadTensor
from pruneproof.values.masks import MaskSet


def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))


def alive(model):
    return sum(int(each.count_nonzero()) for name, each in model.named_parameters() if name.endswith("weight"))


WRAPPED = {
    "module.": nn.DataParallel,
    "_orig_mod.": torch.compile,
    "module. of averages": torch.optim.swa_utils.AveragedModel,
    "model.encoder.": lambda model: nn.ModuleDict(
        {"model": nn.ModuleDict({"encoder": model, "head": nn.Linear(2, 2)})}
    ),
}


@pytest.mark.parametrize("case", WRAPPED)
def test_the_prefix_of_a_wrapper_is_named_and_can_be_added_and_taken_away(case):
    prefix, wrapped = case.split()[0], WRAPPED[case](build())
    masks = select(build(), sparsity=0.5)
    with pytest.raises(BadTensor, match=rf'have the prefix "{prefix}"\. Use masks\.with_prefix\("{prefix}"\)'):
        masks.apply_(wrapped)
    masks.with_prefix(prefix).apply_(wrapped)
    assert sum(int(wrapped.get_parameter(prefix + name).count_nonzero()) for name in masks) == masks.count()
    inner, theirs = build(), select(wrapped, sparsity=0.5)
    with pytest.raises(BadTensor, match=rf'have the prefix "{prefix}"\. Use masks\.without_prefix\("{prefix}"\)'):
        theirs.apply_(inner)
    theirs.without_prefix(prefix).apply_(inner)
    assert alive(inner) == theirs.without_prefix(prefix).count()


def test_a_wrapper_within_a_model_is_named():
    wrapped = nn.Sequential(torch.compile(nn.Linear(2, 2)))
    with pytest.raises(BadTensor, match=r'"0\._orig_mod\.weight": a wrapper puts a prefix into one of them'):
        select(nn.Sequential(nn.Linear(2, 2)), sparsity=0.5).apply_(wrapped)


def test_another_model_is_another_model():
    with pytest.raises(
        BadTensor, match=r'names "0.weight", and there is no such tensor. Was it made for another model'
    ):
        select(build(), sparsity=0.5).apply_(nn.ModuleDict({"a": nn.Linear(4, 4)}))
    with pytest.raises(BadTensor, match=r'no mask has the prefix "encoder."; there are 0.weight, 2.weight'):
        select(build(), sparsity=0.5).without_prefix("encoder.")


def test_prefixes_change_names_alone():
    masks = MaskSet.from_arrays({"a.w": np.array([1, 0], bool), "b.w": np.array([1], bool)})
    assert masks.with_prefix("m.").without_prefix("m.") == masks
    assert masks.without_prefix("a.").array("w").tolist() == [True, False]
    assert masks.with_prefix("").without_prefix("") == masks
