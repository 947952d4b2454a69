"""What is kept of a checkpoint on the disk is what `select_masks` keeps of the same tensors in memory."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from pruneproof.api import Selection
from pruneproof.checkpoints.prune import Request, prune_checkpoint
from pruneproof.errors import InfeasibleSelection
from pruneproof.selection.select import select_masks
from pruneproof.values.masks import MaskSet

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
AWKWARD = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-40, 6e-8, float("inf"), -float("inf")])
VALUES = st.one_of(AWKWARD, st.floats(-4, 4))


@st.composite
def checkpoints(draw):
    names = draw(st.lists(st.sampled_from(["b", "a.weight", "a", "é", "z.0"]), min_size=1, max_size=4, unique=True))
    tensors = {}
    for name in names:
        shape = draw(st.sampled_from([(), (0, 3), (1,), (5,), (3, 4), (2, 3, 3), (9, 8)]))
        values = draw(st.lists(VALUES, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
        tensors[name] = torch.tensor(values, dtype=torch.float64).reshape(shape).to(draw(st.sampled_from(DTYPES)))
    return tensors


def answer(work):
    """Return what `work` returns, or the text of its refusal."""
    try:
        return work()
    except InfeasibleSelection as refusal:
        return str(refusal)


def bits(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8).tolist()


def prune(tensors, folder, **options):
    """Prune the tensors on the disk; return the outcome, the masks and what was written."""
    source, output, mask = (Path(folder) / name for name in ("in.safetensors", "out.safetensors", "mask.safetensors"))
    save_file(tensors, source)
    pruned = prune_checkpoint(Request(source, output, mask, include=("*",), **options))
    return pruned, MaskSet.load(mask), load_file(output)


@settings(max_examples=120, deadline=None)
@given(
    checkpoints(),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 4),
    st.sampled_from(["global", "tensor", "uniform", "erk"]),
    st.sampled_from(["exact", "ceil-keep-one"]),
)
def test_the_mask_is_that_of_the_magnitudes_in_memory(tensors, sparsity, floor, scope, count):
    if not sum(tensor.numel() for tensor in tensors.values()):
        return
    magnitudes = {name: tensor.abs() for name, tensor in sorted(tensors.items())}
    with tempfile.TemporaryDirectory() as folder:
        selection = Selection(scope=scope, floor={"id": "count", "least": floor}, count=count)
        expected = answer(lambda: select_masks(magnitudes, sparsity=sparsity, selection=selection))
        found = answer(lambda: prune(tensors, folder, sparsity=sparsity, selection=selection))
    if isinstance(expected, str):
        assert found == expected
        return
    pruned, masks, written = found
    assert masks == expected
    assert masks.threshold == pruned.threshold == expected.threshold
    assert dict(pruned.alive) == {name: expected.count(name) for name in expected}
    for name, tensor in tensors.items():
        alive = torch.from_numpy(expected.array(name))
        assert bits(written[name]) == bits(torch.where(alive, tensor, torch.zeros((), dtype=tensor.dtype)))


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from([(1, 2), (2, 4), (3, 4), (4, 8), (2, 3), (6, 6)]), st.sampled_from(DTYPES))
def test_a_structure_keeps_the_best_of_each_group(data, pattern, dtype):
    keep, length = pattern
    values = data.draw(st.lists(VALUES, min_size=4 * length, max_size=4 * length))
    weight = torch.tensor(values, dtype=torch.float64).reshape(2, 2 * length).to(dtype)
    with tempfile.TemporaryDirectory() as folder:
        _, masks, written = prune({"w": weight}, folder, selection=Selection(structure=f"{keep}:{length}"))
    groups = weight.abs().reshape(-1, length)
    best = torch.argsort(groups, dim=1, descending=True, stable=True)[:, :keep]
    expected = torch.zeros_like(groups, dtype=torch.bool).scatter(1, best, value=True).reshape(weight.shape)
    assert torch.equal(masks["w"], expected)
    assert torch.equal(written["w"], torch.where(expected, weight, 0.0))


def test_the_scope_row_prunes_each_row_alike(tmp_path):
    weight = torch.randn(7, 5, 3, generator=torch.Generator().manual_seed(0))
    _, masks, _ = prune({"w": weight}, tmp_path, selection=Selection(scope="row"), sparsity=0.9)
    assert masks.array("w").sum(axis=(1, 2)).tolist() == [2] * 7  # 15 - floor(0.9 * 15)
    for row, kept in zip(weight.abs(), masks["w"], strict=True):
        assert row[kept].min() > row[~kept].max()


def test_equal_requests_write_equal_bytes(tmp_path):
    tensors = {f"layer.{i}": torch.randn(40, 30, generator=torch.Generator().manual_seed(i)) for i in range(5)}
    content = []
    for each in ("first", "second"):
        (tmp_path / each).mkdir()
        prune(tensors, tmp_path / each, sparsity=0.7)
        content.append([path.read_bytes() for path in sorted((tmp_path / each).iterdir())])
    assert content[0] == content[1]


def test_tensors_of_many_pieces_agree_too(tmp_path):
    random = torch.Generator().manual_seed(0)
    tensors = {
        "a": torch.randn(1500, 1000, generator=random),
        "b": torch.randn(1000, 1000, generator=random).bfloat16(),
        "c": torch.randn(500, 1000, generator=random).half() / 3,
        "d": torch.randn(300, 1000, generator=random).double(),
    }
    selection = Selection(floor={"id": "count", "least": 50_000})
    _, masks, _ = prune(tensors, tmp_path, sparsity=0.9, selection=selection)
    magnitudes = {name: tensor.abs() for name, tensor in tensors.items()}
    assert masks == select_masks(magnitudes, sparsity=0.9, selection=selection)
