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
    selection = Selection(floor={"id": "count", "least": floor})
    if expected is None:
        with pytest.raises(InfeasibleSelection):
            select_masks(scores, keep=keep, selection=selection, alive=so_far)
        return
    masks = select_masks(scores, keep=keep, selection=selection, alive=so_far)
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


SIGNED = {"value": lambda v, f: v, "product": lambda v, f: v * f, "square": lambda v, f: v * v}


@st.composite
def grids(draw):
    """Shape of a tensor and of its blocks."""
    sides = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6)), min_size=1, max_size=3))
    return tuple(zip(*sides, strict=True))


def sums_by_block(terms, block):
    """The oracle: add the terms of each block one by one, in the C order of the grid of blocks."""
    sums = np.zeros([-(-side // step) for side, step in zip(terms.shape, block, strict=True)])
    for index in np.ndindex(terms.shape):
        sums[tuple(i // step for i, step in zip(index, block, strict=True))] += terms[index]
    return sums.reshape(-1)


@pytest.mark.parametrize("measure", SIGNED)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@given(grid=grids(), seed=st.integers(0, 999), masked=st.booleans())
def test_signed_reductions_add_scores_before_any_absolute_value(measure, dtype, grid, seed, masked):
    shape, block = grid
    rng = np.random.default_rng(seed)
    values, factors = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    alive = rng.random(shape) < 0.7 if masked else np.ones(shape, dtype=bool)
    terms = np.where(alive, SIGNED[measure](values, factors).astype(np.float64), 0.0)
    expected = sums_by_block(terms, block)
    scale = sums_by_block(np.abs(terms), block)

    def found(reduction):
        return _engine.block_scores(
            {"w": values},
            {"w": (shape, block)},
            reduction=reduction,
            dtype=np.dtype(dtype).name,
            measure=measure,
            factors={"w": factors} if measure == "product" else None,
            alive={"w": np.packbits(alive.reshape(-1), bitorder="little")},
        )["w"]

    # The order of additions differs, so the error is relative to the sum of absolute terms.
    assert np.all(np.abs(found("sum") - expected) <= 1e-14 * scale)
    assert found("abs-of-sum").tolist() == np.abs(found("sum")).tolist()


def test_signed_reductions_let_weights_cancel_out():
    weights, gradients = np.array([[3.0, -4.0], [1.0, 1.0]]), np.array([[1.0, 2.0], [-5.0, 5.0]])

    def scores(reduction, **measure):
        found = _engine.block_scores(
            {"w": weights}, {"w": ([2, 2], [1, 2])}, reduction=reduction, dtype="float64", **measure
        )
        return found["w"].tolist()

    assert (scores("sum"), scores("abs-of-sum"), scores("l1")) == ([-1.0, 2.0], [1.0, 2.0], [7.0, 2.0])
    product = {"measure": "product", "factors": {"w": gradients}}
    assert (scores("sum", **product), scores("abs-of-sum", **product)) == ([-5.0, 0.0], [5.0, 0.0])
    assert (scores("l1", **product), scores("mean", **product)) == ([11.0, 10.0], [5.5, 5.0])


@pytest.mark.parametrize("reduction", ["sum", "abs-of-sum"])
def test_signed_reductions_refuse_measures_without_sign(reduction):
    blocks = {"w": ([2], [2])}
    for measure in ("magnitude", "normalised"):
        with pytest.raises(BadTensor, match='with their sign, which the measure of "w" drops'):
            _engine.block_scores({"w": np.ones(2)}, blocks, reduction=reduction, dtype="float64", measure=measure)
    infinities = {"w": np.array([np.inf, -np.inf])}
    with pytest.raises(BadTensor, match='sum of the scores of block 0 of "w" is inf - inf'):
        _engine.block_scores(infinities, blocks, reduction=reduction, dtype="float64")


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
