"""Selection where the tensors are equals the engine's, bit for bit. On CPU tensors; on a GPU where there is one."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof import _engine, select
from pruneproof.errors import BadTensor
from pruneproof.selection import on_device, rank
from pruneproof.selection.arrays import flatten
from pruneproof.selection.candidates import Candidates
from pruneproof.selection.on_device import select_on_device

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
SCORES = ["magnitude", "magnitude-squared", "sensitivity", "sensitivity-squared", "given"]
AWKWARD = st.sampled_from([0.0, -0.0, 6e-8, 1e-40, float("inf"), float("-inf"), float("nan")]) | st.floats(-3, 3)
no_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.fixture(autouse=True, params=[8, 1 << 24])
def chunk(request, monkeypatch):
    """Cut even short tensors into pieces."""
    monkeypatch.setattr(on_device, "_CHUNK", request.param)


@st.composite
def tensors(draw, dtype, values=AWKWARD):
    palette = draw(st.lists(values, min_size=1, max_size=6))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    names = draw(st.lists(st.sampled_from(["b", "a.weight", "a", "é"]), unique=True, max_size=4))
    return {name: torch.tensor(rng.choice(palette, draw(st.integers(0, 40)))).to(dtype) for name in names}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@given(data=st.data())
def test_bits_threshold_and_refusals_are_those_of_the_engine(dtype, data):
    scores = data.draw(tensors(dtype))
    sizes = {name: tensor.numel() for name, tensor in scores.items()}
    keep = data.draw(st.integers(0, sum(sizes.values())))

    def answer():
        return select_on_device(sizes, dtype, lambda name, piece: scores[name][piece], keep)

    flat = flatten(scores)
    if any(tensor.isnan().any() for tensor in scores.values()):
        with pytest.raises(BadTensor) as refusal:
            _engine.select(flat.arrays, keep, dtype=flat.dtype)
        with pytest.raises(BadTensor, match=f"^{re.escape(str(refusal.value))}$"):
            answer()
        return
    expected, _, threshold = _engine.select(flat.arrays, keep, dtype=flat.dtype)
    bits, found = answer()
    assert {name: each.tolist() for name, each in bits.items()} == {n: each.tolist() for n, each in expected.items()}
    assert list(bits) == list(scores)
    assert (found, str(found)) == (threshold, str(threshold))  # as text -0.0 is not 0.0


@pytest.mark.parametrize("score", SCORES)
@given(data=st.data(), dtype=st.sampled_from(DTYPES))
def test_scores_made_piece_by_piece_are_those_of_the_engine(score, data, dtype):
    weights = data.draw(tensors(dtype, st.floats(-3, 3) | st.sampled_from([-0.0, 300.0, 1e-40])))
    gradients = None
    if score.startswith("sensitivity"):
        rng = np.random.default_rng(0)
        gradients = {
            name: torch.tensor(rng.choice([-1.5, 0.0, 3.0], w.numel())).to(dtype) for name, w in weights.items()
        }
    keep = data.draw(st.integers(0, sum(weight.numel() for weight in weights.values())))
    if not weights:
        return
    bits, threshold = rank._on_device(Candidates(weights, score, gradients), keep)
    masks = select(weights, keep=keep, score=score, gradients=gradients)
    assert {name: each.tolist() for name, each in bits.items()} == {n: masks.packed(n).tolist() for n in masks}
    assert threshold == masks.threshold


@no_gpu
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("score", SCORES)
def test_tensors_on_a_gpu_are_cut_as_on_the_cpu(score, dtype):
    torch.manual_seed(0)
    weights = {name: torch.randn(side, 77).to(dtype) for name, side in (("b", 40), ("a", 13), ("none", 0))}
    gradients = {name: torch.randn_like(weight) for name, weight in weights.items()}
    how = {"sparsity": 0.9, "score": score}
    with_gradients = score.startswith("sensitivity")
    here = select(weights, **how, gradients=gradients if with_gradients else None)
    there = {name: weight.cuda() for name, weight in weights.items()}
    slopes = {name: gradient.cuda() for name, gradient in gradients.items()}
    found = select(there, **how, gradients=slopes if with_gradients else None)
    assert (found, found.threshold) == (here, here.threshold)


@no_gpu
@pytest.mark.parametrize(
    "how",
    [
        {"keep": 900, "floor": 50},
        {"sparsity": 0.9, "score": "normalised-magnitude"},
        {"sparsity": 0.9, "scope": "tensor"},
        {"sparsity": 0.9, "scope": "row"},
        {"structure": "2:4", "dim": 1},
        {"structure": "2:4", "dim": 0},
        {"structure": "filter", "sparsity": 0.5, "reduction": "l2"},
        {"structure": "4x4", "sparsity": 0.5},
    ],
    ids=str,
)
def test_what_needs_the_cpu_is_brought_there(how):
    torch.manual_seed(0)
    weights = {name: torch.randn(side, 76) for name, side in (("b", 40), ("a", 12))}
    there = {name: weight.cuda() for name, weight in weights.items()}
    assert select(there, **how) == select(weights, **how)


@no_gpu
def test_nan_on_a_gpu_is_refused_by_name_and_index():
    weights = {"w": torch.ones(4, 9, device="cuda")}
    weights["w"][2, 3] = float("nan")
    with pytest.raises(BadTensor, match='"w" hold NaN at flat index 21'):
        select(weights, sparsity=0.5)
