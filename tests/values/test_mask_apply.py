"""Masks applied in place: to all tensors that they name, or to none."""

import numpy as np
import pytest
import torch
from torch import nn

from pruneproof.errors import BadTensor
from pruneproof.values.masks import MaskSet


class Wrapper(torch.Tensor):
    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise NotImplementedError


def of(bits):
    return MaskSet.from_arrays({"w": np.array(bits, bool)})


READ_ONLY = np.ones(2, np.float32)
READ_ONLY.setflags(write=False)
UNFIT = {
    "expanded": (torch.ones(1).expand(2), 'several weights of "w" lie in one place .*`contiguous` or `clone`'),
    "overlapping": (torch.ones(3).as_strided((2,), (0,)), "lie in one place"),
    "meta": (torch.ones(2, device="meta"), '"w" is on the device meta'),
    "wrapper": (Wrapper(torch.ones(2)), '"w" is of class Wrapper'),
    "lazy": (nn.UninitializedParameter(), '"w" has no values yet'),
    "nested": (torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]), '"w" is a nested tensor'),
    "sparse": (torch.ones(2).to_sparse(), "layout torch.sparse_coo"),
    "complex": (torch.ones(2, dtype=torch.complex64), "complex64; a mask is applied to float16"),
    "negated": (torch.complex(torch.zeros(2), torch.ones(2)).conj().imag, '"w" cannot be changed in place'),
    "a list": ([1.0, 2.0], '"w" is of class list; a mask is applied in place to torch tensors and to writable NumPy'),
    "read-only": (READ_ONLY, '"w" is of class ndarray; .* writable'),
    "whole numbers": (np.ones(2, np.int64), '"w" is of class ndarray; .* float16, float32 or float64'),
}


@pytest.mark.parametrize("case", UNFIT)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_cannot_be_masked_is_refused_by_name_and_nothing_is_changed(case):
    tensor, message = UNFIT[case]
    masks = MaskSet.from_arrays({"a": np.zeros(2, bool), "w": np.array([1, 0], bool), "z": np.zeros(2, bool)})
    first, last = torch.ones(2), torch.ones(2, 2).T[0]
    with pytest.raises(BadTensor, match=message):
        masks.apply_({"a": first, "w": tensor, "z": last})
    assert first.tolist() == last.tolist() == [1, 1]


def test_a_gradient_that_cannot_be_masked_is_refused_before_others_are():
    model = nn.ModuleDict({"a": nn.Linear(2, 1), "w": nn.Embedding(2, 2, sparse=True)})
    (model["a"](torch.ones(2)) + model["w"](torch.tensor([0, 1])).sum()).backward()
    masks = MaskSet.from_weights({"a.weight": torch.zeros(1, 2), "w.weight": torch.zeros(2, 2)})
    with pytest.raises(BadTensor, match=r'"w.weight \(gradient\)" has the layout torch.sparse_coo'):
        masks.apply_(model, gradients=True)
    assert model["a"].weight.grad.tolist() == [[1, 1]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_arrays_of_numpy_are_masked_in_their_memory(dtype):
    array = np.array([np.nan, -2.0, 3.0], dtype)
    of([0, 0, 1]).apply_({"w": array})
    assert array.tolist() == [0, 0, 3]


def test_buffers_of_a_module_are_masked_too():
    norm = nn.BatchNorm1d(2)
    MaskSet.from_arrays({"running_var": np.array([1, 0], bool)}).apply_(norm)
    assert norm.running_var.tolist() == [1, 0]


@pytest.mark.parametrize("step", [1, 2])
def test_tensors_made_in_inference_mode_are_masked_outside_of_it(step):
    with torch.inference_mode():
        weights = torch.ones(6)[::step]
    of([1, 0, 1] * (2 // step)).apply_({"w": weights})
    assert weights.tolist() == [1, 0, 1] * (2 // step)


def test_shared_memory_is_masked_under_each_of_its_names():
    model = nn.ModuleDict({"embed": nn.Embedding(2, 2), "head": nn.Linear(2, 2, bias=False)})
    model["head"].weight = model["embed"].weight
    MaskSet.from_weights({"head.weight": torch.eye(2)}).apply_(model)
    assert int(model["embed"].weight.count_nonzero()) == 2
