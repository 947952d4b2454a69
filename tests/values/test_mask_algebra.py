import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from torch import nn

from pruneproof.errors import BadTensor
from pruneproof.values.masks import MaskSet

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
SHAPES = st_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9)


@st.composite
def families(draw, count=3):
    """`count` dictionaries of boolean arrays over the same names and shapes."""
    shapes = draw(st.dictionaries(st.sampled_from(["a", "b.weight", "c"]), SHAPES, min_size=1))
    return [{name: draw(st_numpy.arrays(np.bool_, shape)) for name, shape in shapes.items()} for _ in range(count)]


@given(families())
def test_operations_are_those_of_numpy(arrays):
    a, b, _ = (MaskSet.from_arrays(each) for each in arrays)
    left, right, _ = arrays
    for name in left:
        assert np.array_equal((a & b).array(name), left[name] & right[name])
        assert np.array_equal((a | b).array(name), left[name] | right[name])
        assert np.array_equal((a ^ b).array(name), left[name] ^ right[name])
        assert np.array_equal((a - b).array(name), left[name] & ~right[name])
        assert a.hamming(b, name) == int((left[name] != right[name]).sum())
        either = int((left[name] | right[name]).sum())
        assert a.jaccard(b, name) == (int((left[name] & right[name]).sum()) / either if either else 1.0)
    assert a.hamming(b) == sum(a.hamming(b, name) for name in a)
    assert a.is_subset_of(b) == all(not (left[name] & ~right[name]).any() for name in left)


@given(families())
def test_boolean_algebra(arrays):
    a, b, c = (MaskSet.from_arrays(each) for each in arrays)
    full = MaskSet.dense(a.shapes)
    none = full - full
    assert a & b == b & a
    assert a | b == b | a
    assert a & (b & c) == (a & b) & c
    assert a | (b | c) == (a | b) | c
    assert a & (b | c) == (a & b) | (a & c)
    assert a | (b & c) == (a | b) & (a | c)
    assert a & (a | b) == a == a | (a & b)
    assert full - (a & b) == (full - a) | (full - b)
    assert a - b == a & (full - b)
    assert a ^ b == (a - b) | (b - a)
    assert a & full == a == a | none
    assert a ^ a == none
    assert (a & b).is_subset_of(a)
    assert a.is_subset_of(a | b)
    assert a.jaccard(a) == 1.0


def test_masks_of_other_tensors_do_not_combine():
    a, b = MaskSet.dense({"w": (3,)}), MaskSet.dense({"w": (3, 1)})
    for operation in (a.__and__, a.__or__, a.__xor__, a.__sub__, a.hamming, a.jaccard, a.is_subset_of):
        with pytest.raises(BadTensor, match=r'the shape of "w" is \(3,\) in one and \(3, 1\) in the other'):
            operation(b)
    with pytest.raises(TypeError):
        a & 1


@given(families(count=1), st.data())
def test_block_counts_are_those_of_numpy(arrays, data):
    for name, array in arrays[0].items():
        masks = MaskSet.from_arrays({name: array})
        block = [data.draw(st.integers(1, 11)) for _ in array.shape]
        if not block:
            with pytest.raises(BadTensor):
                masks.block_counts(name, block)
            continue
        padded = np.pad(array, [(0, -side % step) for side, step in zip(array.shape, block, strict=True)])
        split = [n for side, step in zip(padded.shape, block, strict=True) for n in (side // step, step)]
        expected = padded.reshape(split).sum(axis=tuple(range(1, 2 * array.ndim, 2)))
        assert np.array_equal(masks.block_counts(name, block), expected)
        rows = [int(row.sum()) for row in array]
        assert masks.row_counts(name).tolist() == rows


@pytest.mark.parametrize("block", [(2,), (2, 0), (-1, 2), (1, 2, 3)])
def test_blocks_that_do_not_fit_are_refused(block):
    with pytest.raises(BadTensor, match="one whole number from 1 for each dimension"):
        MaskSet.dense({"w": (4, 4)}).block_counts("w", block)


@given(st_numpy.arrays(np.bool_, st.tuples(st.integers(1, 5), st.integers(1, 12))), st.integers(1, 5), st.data())
def test_n_of_m_is_a_count_in_each_group(array, m, data):
    n, dim = data.draw(st.integers(0, m)), data.draw(st.sampled_from([0, 1, -1]))
    rows = np.moveaxis(array, dim, -1)
    groups = [rows[:, start : start + m].sum(axis=1) for start in range(0, rows.shape[1], m)]
    assert MaskSet.from_arrays({"w": array}).is_n_of_m("w", n, m, axis=dim) == bool(np.max(groups) <= n)


@pytest.mark.parametrize(("n", "m", "dim"), [(3, 2, 0), (-1, 2, 0), (0, 0, 0), (1, 2, 2), (1, 2, -3)])
def test_n_of_m_that_makes_no_sense_is_refused(n, m, dim):
    with pytest.raises(BadTensor, match="cannot be asked"):
        MaskSet.dense({"w": (4, 4)}).is_n_of_m("w", n, m, axis=dim)


@given(families(count=1), st.sampled_from([torch.bool, torch.float32, torch.bfloat16, torch.int64]))
def test_torch_tensors_there_and_back(arrays, dtype):
    masks = MaskSet.from_arrays(arrays[0])
    tensors = masks.to_tensors(dtype)
    assert {tensor.dtype for tensor in tensors.values()} == {dtype}
    assert MaskSet.from_tensors(tensors) == masks


def test_a_mask_of_other_numbers_is_refused():
    for wrong in ([1.0, 0.5], [2, 1], [float("nan"), 1.0]):
        with pytest.raises(BadTensor, match="other than 0 and 1"):
            MaskSet.from_tensors({"w": torch.tensor(wrong)})


def test_weights_that_are_zero_are_dead():
    weights = {"w": torch.tensor([0.0, -0.0, 1e-45, float("nan"), -2.0], requires_grad=True)}
    assert MaskSet.from_weights(weights).array("w").tolist() == [False, False, True, True, True]


def test_a_part_of_the_tensors():
    masks = MaskSet.dense({"a": (2,), "b": (3,), "c": (4,)})
    assert masks.only(["c", "a"]) == MaskSet.dense({"a": (2,), "c": (4,)})


@given(st_numpy.arrays(np.bool_, SHAPES), st.sampled_from(DTYPES), st.booleans())
def test_applying_makes_dead_weights_positive_zero_and_leaves_the_others(array, dtype, turned):
    wild = torch.tensor([-0.0, float("nan"), float("-inf"), -3.5, 0.25, 1e-7], dtype=dtype)
    weights = wild[torch.arange(array.size) % len(wild)].reshape(array.shape)
    weights = weights.mT.contiguous().mT if turned and array.ndim > 1 else weights
    integer = {2: torch.int16, 4: torch.int32, 8: torch.int64}[weights.element_size()]
    before, strides = weights.clone().view(integer), weights.stride()
    MaskSet.from_arrays({"w": array}).apply_({"w": weights})
    assert torch.equal(weights.view(integer), torch.where(torch.from_numpy(array), before, 0))
    assert weights.stride() == strides


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_applying_to_many_weights_on_all_threads(dtype):
    alive = np.random.default_rng(0).random(300_001) < 0.5
    weights = torch.randn(300_001).to(dtype)
    expected = torch.where(torch.from_numpy(alive), weights, 0)
    MaskSet.from_arrays({"w": alive}).apply_({"w": weights})
    assert torch.equal(weights, expected)


def layer_and_mask():
    layer = nn.Linear(3, 2)
    return layer, MaskSet.from_arrays({"weight": np.array([[1, 0, 1], [0, 0, 1]], bool)})


def test_a_module_is_masked_in_place_and_its_other_tensors_stay():
    layer, masks = layer_and_mask()
    bias, memory = layer.bias.clone(), layer.weight.data_ptr()
    masks.apply_(layer)
    assert MaskSet.from_weights({"weight": layer.weight}) == masks
    assert torch.equal(layer.bias, bias)
    assert layer.weight.data_ptr() == memory


def test_gradients_are_masked_and_weights_stay():
    layer, masks = layer_and_mask()
    masks.apply_(layer, gradients=True)  # none yet
    layer(torch.ones(1, 3)).sum().backward()
    weight = layer.weight.clone()
    masks.apply_(layer, gradients=True)
    assert MaskSet.from_weights({"weight": layer.weight.grad}) == masks
    assert torch.equal(layer.weight, weight)


def test_autograd_notices_that_a_saved_tensor_was_masked():
    layer, masks = layer_and_mask()
    loss = layer(torch.ones(1, 3, requires_grad=True)).sum()
    masks.apply_(layer)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_tensors_of_inference_mode_can_be_masked():
    with torch.inference_mode():
        weights = torch.ones(3)
        MaskSet.from_arrays({"w": np.array([1, 0, 1], bool)}).apply_({"w": weights})
        assert weights.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({"v": torch.ones(2)}, "there is no such tensor"),
        ({"w": torch.ones(3)}, r"has shape \(2,\), the tensor \(3,\)"),
        ({"w": torch.ones(2, dtype=torch.int32)}, "int32"),
        ({"w": torch.ones(2).to_sparse()}, "sparse_coo"),
    ],
)
def test_tensors_that_cannot_be_masked_are_refused_before_any_change(tensors, reason):
    masks = MaskSet.from_arrays({"a": np.zeros(2, bool), "w": np.zeros(2, bool)})
    first = torch.ones(2)
    with pytest.raises(BadTensor, match=reason):
        masks.apply_({"a": first, **tensors})
    assert first.tolist() == [1, 1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_masks_on_a_gpu():
    alive = np.random.default_rng(0).random((33, 7)) < 0.5
    masks, weights = MaskSet.from_arrays({"w": alive}), torch.randn(33, 7, device="cuda")
    expected = torch.where(torch.from_numpy(alive), weights.cpu(), 0)
    masks.apply_({"w": weights})
    assert torch.equal(weights.cpu(), expected)
    assert masks.to_tensors(device="cuda")["w"].cpu().tolist() == alive.tolist()
    assert MaskSet.from_tensors(masks.to_tensors(device="cuda")) == masks
