import copy
import json
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from safetensors.numpy import load_file, save_file

from pruneproof.errors import BadTensor, StoreCorrupt
from pruneproof.values.masks import MaskSet

ARRAYS = st.dictionaries(
    st.sampled_from(["a", "b.weight", "c"]), st_numpy.arrays(np.bool_, st_numpy.array_shapes(min_side=0, max_side=5))
)


@given(arrays=ARRAYS)
def test_packing_loses_nothing(arrays):
    masks = MaskSet.from_arrays(arrays)
    assert list(masks) == sorted(arrays)
    assert masks.count() == sum(int(array.sum()) for array in arrays.values())
    assert masks.size() == sum(array.size for array in arrays.values())
    for name, array in arrays.items():
        assert np.array_equal(masks.array(name), array)
        assert masks[name].dtype == torch.bool
        assert masks.shapes[name] == array.shape


@given(arrays=ARRAYS, threshold=st.none() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_file_gives_back_the_mask(arrays, threshold, tmp_path_factory):
    path = tmp_path_factory.mktemp("masks") / "mask.safetensors"
    packed = MaskSet.from_arrays(arrays)
    masks = MaskSet({name: packed.packed(name) for name in packed}, packed.shapes, threshold=threshold)
    masks.save(path)
    loaded = MaskSet.load(path)
    assert loaded == masks
    assert loaded.threshold == threshold
    assert loaded.shapes == masks.shapes


def test_equal_masks_make_equal_digests_whatever_the_order():
    a, b = np.array([True, False]), np.array([[True], [True]])
    left, right = MaskSet.from_arrays({"a": a, "b": b}), MaskSet.from_arrays({"b": b, "a": a})
    assert left.digest() == right.digest()
    assert hash(left) == hash(right)


@pytest.mark.parametrize(
    "other",
    [{"w": np.array([True, True])}, {"v": np.array([True, False])}, {"w": np.array([[True, False]])}],
    ids=["bit", "name", "shape"],
)
def test_a_bit_a_name_or_a_shape_makes_another_digest(other):
    assert MaskSet.from_arrays({"w": np.array([True, False])}) != MaskSet.from_arrays(other)


def test_bits_are_packed_lowest_first_with_zero_padding():
    packed = MaskSet.from_arrays({"w": np.array([1, 0, 0, 1, 0, 0, 0, 0, 1], dtype=bool)}).packed("w")
    assert packed.tolist() == [0b1001, 0b1]
    with pytest.raises(ValueError, match="read-only"):
        packed[0] = 0


def test_nesting():
    small, large = (MaskSet.from_arrays({"w": np.array(bits, bool)}) for bits in ([1, 0, 0], [1, 0, 1]))
    assert small.is_subset_of(large)
    assert not large.is_subset_of(small)
    with pytest.raises(BadTensor, match="different tensors"):
        small.is_subset_of(MaskSet.dense({"v": (3,)}))


def test_collapsed_tensors_are_named():
    masks = MaskSet.from_arrays({"a": np.zeros(3, bool), "b": np.ones(2, bool), "none": np.ones(0, bool)})
    assert masks.empty_tensors() == ["a"]
    assert (masks.density(), masks.density("a"), masks.density("none")) == (0.4, 0.0, 1.0)


@pytest.mark.parametrize(
    ("bits", "shapes", "reason"),
    [
        ({"w": np.zeros(1, np.uint8)}, {"v": (3,)}, "names differ"),
        ({"w": np.zeros(2, np.uint8)}, {"w": (3,)}, "1 uint8 bytes were expected for 3 weights"),
        ({"w": np.zeros(1, np.int64)}, {"w": (3,)}, "int64"),
        ({"w": np.array([8], np.uint8)}, {"w": (3,)}, "bits set beyond its 3 weights"),
    ],
)
def test_bits_that_do_not_fit_are_refused(bits, shapes, reason):
    with pytest.raises(BadTensor, match=reason):
        MaskSet(bits, shapes)


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "mask.safetensors"
    MaskSet.from_arrays({"w": np.array([True, False, True])}).save(path)
    whole = path.read_bytes()

    path.write_bytes(whole[:-1])
    with pytest.raises(StoreCorrupt, match="cannot be read"):
        MaskSet.load(path)

    path.write_bytes(whole[:-1] + b"\x07")
    with pytest.raises(StoreCorrupt, match="does not have the digest"):
        MaskSet.load(path)

    with pytest.raises(StoreCorrupt, match="cannot be read"):
        MaskSet.load(tmp_path / "absent")


def test_files_of_another_format_are_refused(tmp_path):
    path = tmp_path / "mask.safetensors"
    MaskSet.dense({"w": (3,)}).save(path)
    save_file(load_file(path), path, metadata={"mask": json.dumps({"format": "other/9"})})
    with pytest.raises(StoreCorrupt, match="other/9"):
        MaskSet.load(path)


def test_nothing_that_a_mask_hands_out_or_was_made_of_changes_it():
    memory = np.array([0b101, 0b1], np.uint8)
    masks = MaskSet({"w": memory[:1]}, {"w": (3,)})
    digest = masks.digest()
    memory[0] = 0
    masks.array("w")[0] = False
    masks["w"][0] = False
    masks.to_tensors()["w"][0] = False
    with pytest.raises(TypeError, match="does not support item assignment"):
        masks.shapes["w"] = (2,)
    with pytest.raises(ValueError, match="cannot set WRITEABLE"):
        masks.packed("w").setflags(write=True)
    assert (masks.digest(), masks.array("w").tolist()) == (digest, [True, False, True])


def kept():
    arrays = {"a": np.array([1, 0, 1], bool), "b": np.ones((2, 2), bool)}
    return MaskSet.from_arrays(arrays, threshold=0.5).with_parent(MaskSet.dense({"a": (3,), "b": (2, 2)}))


@pytest.mark.parametrize("again", [lambda m: pickle.loads(pickle.dumps(m)), copy.copy, copy.deepcopy])
def test_a_copy_is_the_same_mask_and_as_frozen(again):
    masks, copied = kept(), again(kept())
    assert (copied, copied.threshold, copied.parent) == (masks, masks.threshold, masks.parent)
    with pytest.raises(ValueError, match="read-only"):
        copied.packed("a")[0] = 0


def test_a_checkpoint_of_torch_gives_back_the_mask_once_the_class_is_allowed(tmp_path):
    path = tmp_path / "checkpoint.pt"
    torch.save({"masks": kept()}, path)
    with pytest.raises(pickle.UnpicklingError, match=r"add_safe_globals\(\[pruneproof.values.masks.MaskSet\]\)"):
        torch.load(path, weights_only=True)
    with torch.serialization.safe_globals([MaskSet]):
        loaded = torch.load(path, weights_only=True)["masks"]
    assert (loaded, loaded.threshold, loaded.parent) == (kept(), kept().threshold, kept().parent)


def test_a_path_may_be_text(tmp_path):
    path = str(tmp_path / "mask.safetensors")
    kept().save(path)
    assert MaskSet.load(path) == MaskSet.load(path, mapped=True) == kept()
