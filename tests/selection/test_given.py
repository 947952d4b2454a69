"""What people pass to `select` first, and what it tells them to write."""

import re
from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from pruneproof import select
from pruneproof.errors import BadConfig, BadTensor
from pruneproof.selection.select import select_masks

MODEL = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
TEN = {"w": torch.arange(10.0)}


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (MODEL.named_parameters(), "dict(model.named_parameters())"),
        (list(MODEL.named_parameters()), "dict(model.named_parameters())"),
        (MODEL.parameters(), "dict(model.named_parameters())"),
        ([(MODEL[0], "weight")], 'include=["NAME.weight"], or {"NAME.weight": layer.weight}'),
        (((MODEL[0], "weight"), (MODEL[1], "weight")), "torch.nn.utils.prune"),
        (torch.ones(2), 'Give it a name: {"weight": tensor}'),
        (np.ones(2), 'Give it a name: {"weight": tensor}'),
        ([torch.ones(2)], "Give each tensor a name"),
        (None, "Give each tensor a name"),
    ],
)
def test_what_is_neither_module_nor_mapping_is_told_what_to_write(given, advice):
    with pytest.raises(BadConfig, match=re.escape(advice)):
        select(given, sparsity=0.5)


def test_an_amount_without_a_name_is_told_what_to_write():
    with pytest.raises(BadConfig, match=r"0\.9 is given without a name\. Write sparsity=0\.9 or keep=NUMBER"):
        select(MODEL, 0.9)


@pytest.mark.parametrize(
    "nine_tenths",
    [
        0.9,
        np.float16(0.9),
        np.float32(0.9),
        np.float64(0.9),
        np.array(0.9, np.float32),
        torch.tensor(0.9),
        Decimal("0.9"),
        Fraction(9, 10),
    ],
    ids=lambda each: type(each).__name__,
)
def test_nine_tenths_are_nine_of_ten_in_every_kind_of_number(nine_tenths):
    assert select(TEN, sparsity=nine_tenths).count() == 1
    assert select_masks(TEN, sparsity=nine_tenths).count() == 1


@pytest.mark.parametrize("three", [3, np.int64(3), np.uint8(3), torch.tensor(3)], ids=lambda each: type(each).__name__)
def test_three_are_three_in_every_kind_of_number(three):
    assert select(TEN, keep=three).count() == 3


@pytest.mark.parametrize("sparsity", ["90%", "0.9", True, [0.5], torch.tensor([0.1, 0.2]), 0.5j, b"0.5"], ids=repr)
def test_a_sparsity_that_is_no_number_is_refused(sparsity):
    with pytest.raises(BadConfig, match=r"is no number: .* as 0.9 for 90 %"):
        select(TEN, sparsity=sparsity)


@pytest.mark.parametrize("keep", ["3", 2.5, 3.0, True, [3]], ids=repr)
def test_a_number_to_keep_that_is_not_whole_is_refused(keep):
    with pytest.raises(BadConfig, match=r"is no whole number: .* For a fraction write sparsity"):
        select(TEN, keep=keep)


def test_a_state_dict_is_taken_without_counters_and_statistics():
    with pytest.warns(UserWarning, match=r"running statistics: 1\.running_mean, 1\.running_var"):
        masks = select(MODEL.state_dict(), sparsity=0.5)
    assert list(masks) == ["0.bias", "0.weight", "1.bias", "1.weight"]
    masks.apply_(MODEL)
    assert list(select(MODEL.state_dict(), sparsity=0.5, include="0.*")) == ["0.bias", "0.weight"]
    plain = select(dict(MODEL.state_dict()), sparsity=0.5)
    assert "1.running_var" in plain
    assert "1.num_batches_tracked" not in plain


def test_other_whole_numbers_are_left_out_of_a_state_dict_and_refused_elsewhere():
    model = nn.Linear(2, 2)
    model.register_buffer("places", torch.arange(4))
    assert list(select(model.state_dict(), keep=2)) == ["bias", "weight"]
    with pytest.raises(BadTensor, match=r'"places" is of dtype int64.* name it in `unprunable`'):
        select(OrderedDict(model.state_dict().items()), keep=2)


def test_a_pattern_chooses_from_a_mapping():
    tensors = {"fc.weight": torch.ones(4), "fc.bias": torch.ones(2), "ids": torch.arange(3)}
    assert list(select(tensors, keep=2, include="*.weight")) == ["fc.weight"]
    with pytest.raises(BadConfig, match=r'"conv" of `include` matches none of fc.bias, fc.weight, ids'):
        select(tensors, keep=2, include=["conv"])


def test_the_mask_so_far_is_the_parent():
    half = select(TEN, sparsity=0.5)
    assert half.parent is None
    assert select(TEN, sparsity=0.8, alive=half).parent == half.digest()
    whole = select({**TEN, "b": torch.ones(2)}, sparsity=0.8, alive=half, unprunable="b")
    assert (whole.parent, whole.count("b")) == (half.digest(), 2)
