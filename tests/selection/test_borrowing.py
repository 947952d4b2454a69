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
    "wider": torch.tensor(VALUES, dtype=torch.float64),
    "narrower": torch.tensor(VALUES, dtype=torch.bfloat16),
}


@pytest.mark.parametrize("tensor", ODD.values(), ids=ODD)
@pytest.mark.filterwarnings("ignore:.*not contiguous", "ignore:The given buffer is not writable")
def test_the_mask_does_not_depend_on_how_a_tensor_lies_in_memory(tensor):
    plain = torch.tensor(VALUES).reshape(tuple(tensor.shape))
    for score in ("magnitude", "given"):
        masks = select({"w": tensor, "v": torch.ones(2)}, keep=4, score=score)
        assert masks == select({"w": plain, "v": torch.ones(2)}, keep=4, score=score)


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
