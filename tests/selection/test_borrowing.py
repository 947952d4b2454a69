"""What the engine borrows from torch and NumPy, and what is copied first: the mask is the same."""

import numpy as np
import pytest
import torch

from pruneproof import _engine, select
from pruneproof.errors import BadConfig, BadTensor
from pruneproof.selection.arrays import flat

VALUES = [3.0, -1.0, 0.5, 2.0, -4.0, 1.5]


class Tagged(torch.Tensor):
    """A tensor of another class."""


def unaligned(kind):
    memory = bytearray(1) + np.array(VALUES, np.float32).tobytes()
    if kind is torch:
        return torch.frombuffer(memory, dtype=torch.float32, offset=1)
    return np.frombuffer(memory, np.float32, offset=1)


ODD = {
    "a parameter": torch.nn.Parameter(torch.tensor(VALUES)),
    "a view that negates": torch.complex(torch.zeros(6), -torch.tensor(VALUES)).conj().imag,
    "a step of two": torch.tensor(VALUES).repeat_interleave(2)[::2],
    "another class": torch.tensor(VALUES).as_subclass(Tagged),
    "another offset": torch.tensor([9.0, *VALUES])[1:],
    "not aligned": unaligned(torch),
    "not aligned, of numpy": unaligned(np),
    "read-only, of numpy": np.frombuffer(np.array(VALUES, np.float32).tobytes(), np.float32),
    "two dimensions, of numpy": np.array(VALUES, np.float32).reshape(2, 3),
    "columns first, of numpy": np.asfortranarray(np.array(VALUES, np.float32).reshape(2, 3)),
    "columns first": torch.tensor(VALUES).reshape(3, 2).T,
    "columns first, but of one row": torch.tensor(VALUES).reshape(6, 1).T,
    "one value, repeated": torch.tensor([2.0]).expand(6),
    "one value without a dimension": torch.tensor(2.0),
    "no values": torch.empty(3, 0),
    "no values, of strange strides": torch.empty(6, 4).T[:, :0],
    "wider": torch.tensor(VALUES, dtype=torch.float64),
    "narrower": torch.tensor(VALUES, dtype=torch.bfloat16),
}


@pytest.mark.parametrize("tensor", ODD.values(), ids=ODD)
@pytest.mark.filterwarnings("ignore:.*not contiguous", "ignore:The given buffer is not writable")
def test_the_mask_does_not_depend_on_how_a_tensor_lies_in_memory(tensor):
    numbers = tensor.detach().resolve_neg() if isinstance(tensor, torch.Tensor) else tensor
    plain = torch.tensor(numbers.tolist()).reshape(tuple(tensor.shape))
    keep = (plain.numel() + 2) // 2
    for score in ("magnitude", "given"):
        masks = select({"w": tensor, "v": torch.ones(2)}, keep=keep, score=score)
        assert masks == select({"w": plain, "v": torch.ones(2)}, keep=keep, score=score)
        assert masks.shapes == {"v": (2,), "w": tuple(tensor.shape)}


@pytest.mark.parametrize(
    ("tensor", "found"),
    [
        (torch.ones(3).to_sparse(), "has the layout torch.sparse_coo"),
        (torch.ones(2, 2).to_sparse_csr(), "has the layout torch.sparse_csr"),
        (torch.ones(3, dtype=torch.int32), "is of dtype int32"),
        (torch.ones(3, dtype=torch.complex64), "is of dtype complex64"),
        ([1.0], "is of class list"),
        (np.finfo(np.float32), "is of class finfo"),
    ],
)
@pytest.mark.parametrize("scope", ["global", "tensor", "row"])
def test_what_is_no_dense_tensor_of_floats_is_refused_by_name(tensor, found, scope):
    for others in ({}, {"v": torch.ones(2)}):
        with pytest.raises(BadTensor, match=f'"w" {found}'):
            select({"w": tensor, **others}, sparsity=0.5, scope=scope)


def test_the_engine_asks_how_many_weights_there_are():
    bits, counts, _ = _engine.select({"w": torch.ones(9), "v": torch.ones(7)}, lambda size: size // 4, dtype="float32")
    assert {name: each.tolist() for name, each in bits.items()} == {"w": [0, 0], "v": [0b1111]}
    assert counts.tolist() == [0, 4]
    with pytest.raises(ZeroDivisionError):
        _engine.select({"w": torch.ones(9)}, lambda size: size // 0, dtype="float32")


def test_a_tensor_known_to_be_zero_has_no_memory_to_borrow():
    zeros = torch._efficientzerotensor(4)
    assert zeros.data_ptr() == 0
    assert select({"w": zeros, "v": torch.ones(1)}, keep=3)["w"].tolist() == [True, True, False, False]


def test_bfloat16_is_borrowed_from_torch_as_it_is():
    weights = torch.tensor(VALUES, dtype=torch.bfloat16)
    bits, _, threshold = _engine.select({"w": weights}, 2, dtype="bfloat16", measure="magnitude")
    assert (bits["w"].tolist(), threshold) == ([0b010001], 3.0)


def test_what_cannot_be_borrowed_is_refused_or_made_an_array_by_the_caller():
    steps = {"w": torch.tensor(VALUES)[::2]}
    with pytest.raises(BadTensor, match=r'"w" came as torch.float32 of shape torch.Size\(\[3\]\); a contiguous array'):
        _engine.select(steps, 1, dtype="float32")
    bits, *_ = _engine.select(steps, 1, dtype="float32", flatten=flat)
    assert bits["w"].tolist() == [0b001]
    with pytest.raises(BadTensor, match='"w" came as float64'):
        _engine.select(steps, 1, dtype="float32", flatten=lambda name, tensor, dtype: np.ones(3))


def test_what_is_no_mapping_of_names_is_refused():
    with pytest.raises(BadConfig, match="a mapping from names to tensors, or a module; found list"):
        select([torch.ones(2)], keep=1)
    with pytest.raises(BadConfig, match="a tensor has the name 1; text was expected"):
        select({"a": torch.ones(2), 1: torch.ones(2)}, keep=1)
    with pytest.raises(BadTensor, match=r"a tensor has the name '\\ud800'; text in UTF-8 was expected"):
        select({"\ud800": torch.ones(2)}, keep=1)


def test_bits_of_the_engine_are_read_only():
    packed = select({"w": torch.ones(9)}, keep=3).packed("w")
    with pytest.raises(ValueError, match="read-only"):
        packed[0] = 0
