"""The Rust engine equals the Python oracle, bit for bit, on real tensors of every dtype and layout."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof import _engine
from pruneproof.api import Selection
from pruneproof.errors import BadTensor, InfeasibleSelection
from pruneproof.selection import naive
from pruneproof.selection.select import select_masks
from pruneproof.values.masks import MaskSet

NAMES = ["b", "a.weight", "a", "é"]
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
AWKWARD = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, float("inf"), float("-inf"), 1e-40, 6e-8, 1e-5]) | st.floats(
    -3, 3
)


@st.composite
def tensors(draw):
    """Name -> float64 tensor of up to three dimensions, contiguous or not."""
    made = {}
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4)):
        shape = draw(st.lists(st.integers(0, 4), min_size=1, max_size=3))
        values = draw(st.lists(AWKWARD, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
        tensor = torch.tensor(values, dtype=torch.float64).reshape(shape)
        made[name] = tensor.permute(*draw(st.permutations(range(len(shape)))))
    return made


def flat(scores):
    return {name: tensor.contiguous().double().numpy().reshape(-1) for name, tensor in scores.items()}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@given(scores=tensors(), portion=st.floats(0, 1), floor=st.integers(0, 4), seed=st.none() | st.integers(0, 99))
def test_the_door_keeps_what_the_oracle_keeps(dtype, scores, portion, floor, seed):
    scores = {name: tensor.to(dtype) for name, tensor in scores.items()}
    size = sum(tensor.numel() for tensor in scores.values())
    keep = round(portion * size)
    rng = np.random.default_rng(seed)
    alive = {name: rng.random(tuple(tensor.shape)) < 0.7 for name, tensor in scores.items()}
    so_far = None if seed is None else MaskSet.from_arrays(alive)
    flags = None if seed is None else {name: mask.reshape(-1) for name, mask in alive.items()}
    expected = naive.select(flat(scores), keep, dict.fromkeys(scores, floor), flags)
    if expected is None:
        with pytest.raises(InfeasibleSelection):
            select_masks(scores, keep=keep, selection=Selection(floor=floor), alive=so_far)
        return
    masks = select_masks(scores, keep=keep, selection=Selection(floor=floor), alive=so_far)
    assert {name: masks.array(name).reshape(-1).tolist() for name in masks} == {
        name: kept.tolist() for name, kept in expected.items()
    }
    survivors = [array[expected[name]] for name, array in flat(scores).items()]
    assert masks.threshold == (min(np.concatenate(survivors)) if keep else None)


@given(scores=tensors(), portion=st.floats(0, 1))
def test_each_tensor_by_itself_keeps_what_the_oracle_keeps(scores, portion):
    arrays = flat(scores)
    keeps = {name: round(portion * array.size) for name, array in arrays.items()}
    bits, counts, threshold = _engine.select_each(arrays, keeps, dtype="float64")
    assert dict(zip(arrays, counts.tolist(), strict=True)) == keeps
    assert threshold is None
    for name, array in arrays.items():
        kept = naive.select({name: array}, keeps[name])
        assert bits[name].tolist() == np.packbits(kept[name], bitorder="little").tolist()


def test_the_engine_refuses_by_name():
    ones = np.ones(4, dtype=np.float32)
    with pytest.raises(BadTensor, match='"w" came as float32 of shape'):
        _engine.select({"w": ones}, 1, dtype="float64")
    with pytest.raises(BadTensor, match='"w" came as'):
        _engine.select({"w": ones[::2]}, 1, dtype="float32")
    with pytest.raises(BadTensor, match="dtype int8 cannot be ranked"):
        _engine.select({"w": ones}, 1, dtype="int8")
    with pytest.raises(BadTensor, match='alive mask of "w" has 2 bytes; 1 were expected'):
        _engine.select({"w": ones}, 1, dtype="float32", alive={"w": np.zeros(2, np.uint8)})
    with pytest.raises(InfeasibleSelection, match="5 weights are to be kept but only 4 are alive"):
        _engine.select({"w": ones}, 5, dtype="float32")
    with pytest.raises(InfeasibleSelection, match="floors protect 3 weights but only 2 may be kept"):
        _engine.select({"w": ones}, 2, dtype="float32", floors={"w": 3})
    with pytest.raises(InfeasibleSelection, match='5 weights of "w" are to be kept'):
        _engine.select_each({"w": ones}, {"w": 5}, dtype="float32")


def test_the_engine_borrows_read_only_arrays_and_keeps_their_order():
    scores = {name: np.arange(3, dtype=np.float16) for name in ["c", "a", "b"]}
    for array in scores.values():
        array.setflags(write=False)
    bits, counts, threshold = _engine.select(scores, 4, dtype="float16")
    assert list(bits) == ["c", "a", "b"]
    assert (counts.tolist(), threshold) == ([1, 2, 1], 1.0)


def test_the_engine_says_how_it_was_built():
    info = _engine.build_info()
    assert set(info) == {"version", "profile", "target_features", "threads"}
    assert info["threads"] >= 1
