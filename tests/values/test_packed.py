"""Masks in one buffer: what each name gets, whatever the sizes."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof import MaskSet, select
from pruneproof.values.packed import PackedBuffer

SHAPES = st.dictionaries(st.text("ab.é", max_size=3), st.lists(st.integers(0, 9), max_size=3), max_size=6)


def packed(shapes, seed=0):
    """Return a buffer of random masks, and the masks as flags."""
    rng = np.random.default_rng(seed)
    flags = {name: rng.random(tuple(shape)) < 0.5 for name, shape in shapes.items()}
    rooms = []
    for each in flags.values():
        bits = np.packbits(each.reshape(-1), bitorder="little")
        rooms.append(np.pad(bits, (0, -bits.size % 8), constant_values=0xAA))  # what lies between masks is nobody's
    buffer = np.concatenate([np.empty(0, np.uint8), *rooms])
    dimensions = np.array([len(shape) for shape in shapes.values()], np.int64)
    sides = np.array([side for shape in shapes.values() for side in shape], np.int64)
    return PackedBuffer(buffer, list(shapes), dimensions, sides), flags


@given(SHAPES)
def test_each_name_has_its_mask_and_shape(shapes):
    masks, flags = packed(shapes)
    assert (list(masks), len(masks)) == (list(shapes), len(shapes))
    assert masks.shapes == {name: tuple(shape) for name, shape in shapes.items()}
    assert MaskSet(masks, masks.shapes) == MaskSet.from_arrays(flags)  # the set checks sizes and padding


def test_masks_are_read_only_and_unknown_names_are_key_errors():
    masks, _ = packed({"w": [3, 3]})
    with pytest.raises(ValueError, match="read-only"):
        masks["w"][0] = 1
    with pytest.raises(KeyError):
        masks["v"]


def test_a_mask_set_of_the_engine_is_like_any_other():
    weights = {"b": torch.tensor([[3.0, -1.0], [0.5, 2.0]]), "a": torch.tensor([-0.1, 4.0])}
    masks = select(weights, keep=3)
    again = pickle.loads(pickle.dumps(masks))
    assert (again, again.threshold, again.parent, again.shapes) == (masks, 2.0, None, {"a": (2,), "b": (2, 2)})
    assert list(masks) == ["a", "b"]
    assert masks == MaskSet.from_arrays({name: masks.array(name) for name in masks})


def test_a_mask_set_does_not_change_with_the_tensors_it_was_made_of():
    weights = {"w": torch.arange(6.0)}
    masks = select(weights, keep=2)
    weights["w"].resize_(2)
    del weights["w"]
    assert masks["w"].tolist() == [False] * 4 + [True] * 2
