import math
from itertools import pairwise

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pruneproof.contracts.selection import Selection
from pruneproof.distributed import Shard, global_threshold
from pruneproof.errors import BadConfig
from pruneproof.selection.select import select_masks

pytestmark = pytest.mark.slow

SIZES = [1, 2, 4, 7]
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
CORNERS = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-40, -1e-40, math.inf, -math.inf, 65504.0]
LAW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def tensors(draw):
    """Named tensors of one dtype or of several, with many ties."""
    several = draw(st.booleans())
    dtype = draw(st.sampled_from(DTYPES))
    numbers = draw(st.sampled_from([st.sampled_from(CORNERS), st.floats(-2, 2, width=16), st.sampled_from([0.0, 1.0])]))
    found = {}
    for name in draw(st.lists(st.sampled_from(["a", "b.weight", "b", "ä", "z"]), min_size=1, max_size=4, unique=True)):
        shape = draw(st.lists(st.integers(0, 5), min_size=1, max_size=3))
        values = draw(st.lists(numbers, min_size=math.prod(shape), max_size=math.prod(shape)))
        own = draw(st.sampled_from(DTYPES)) if several else dtype
        found[name] = torch.tensor(values, dtype=torch.float64).to(own).reshape(shape)
    return found


@st.composite
def cases(draw):
    """Tensors, and their shards on the ranks: flat runs of any length, or boxes; some ranks may have none."""
    full, size = draw(tensors()), draw(st.sampled_from(SIZES))
    shards = [[] for _ in range(size)]
    owner = st.integers(0, size - 1)
    for name, tensor in full.items():
        if draw(st.booleans()):
            ends = draw(st.lists(st.integers(0, tensor.numel()), max_size=size))
            cuts = [0, *sorted(ends), tensor.numel()]
            for start, end in pairwise(cuts):
                shards[draw(owner)].append((name, tensor.reshape(-1)[start:end].clone(), start))
        else:
            for box in _boxes(draw, tensor.shape):
                part = tensor[tuple(slice(*side) for side in box)]
                strides = [math.prod(tensor.shape[dim + 1 :]) for dim in range(tensor.dim())]
                offset = sum(start * stride for (start, _), stride in zip(box, strides, strict=True))
                shards[draw(owner)].append((name, part.clone(), offset, tuple(tensor.shape)))
    return full, shards


def _boxes(draw, shape):
    """Cut each side once, and return the boxes between the cuts."""
    boxes = [()]
    for side in shape:
        cut = draw(st.integers(0, side))
        boxes = [(*box, part) for box in boxes for part in ((0, cut), (cut, side))]
    return boxes


def gather(full, shards, answers):
    """Put the masks of the shards together, each weight exactly once."""
    found = {name: torch.full(tensor.shape, -1, dtype=torch.int8) for name, tensor in full.items()}
    for own, (status, masks) in zip(shards, answers, strict=True):
        assert status == "ok", masks
        for (name, data, offset, *shape), mask in zip(own, masks, strict=True):
            places = torch.arange(full[name].numel())
            if shape and data.numel():
                corner = [int(start) for start in torch.unravel_index(torch.tensor(offset), shape[0])]
                sides = zip(corner, data.shape, strict=True)
                index = places.reshape(shape[0])[tuple(slice(start, start + side) for start, side in sides)]
            else:
                index = places[offset : offset + data.numel()]
            assert mask.dtype == torch.bool
            assert mask.shape == data.shape
            assert (found[name].view(-1)[index] == -1).all()
            found[name].view(-1)[index.reshape(-1)] = mask.reshape(-1).to(torch.int8)
    return found


@given(data=st.data())
@LAW
def test_shards_get_the_masks_that_one_process_selects(ranks, data):
    full, shards = data.draw(cases())
    score = data.draw(st.sampled_from(["magnitude", None]))
    total = sum(tensor.numel() for tensor in full.values())
    asked = (
        {"keep": data.draw(st.integers(0, total))}
        if data.draw(st.booleans())
        else {"sparsity": data.draw(st.sampled_from([0.0, 0.29, 0.5, 0.9]))}
    )
    scores = {name: tensor.abs() if score else tensor for name, tensor in full.items()}
    dense = data.draw(st.sampled_from([(), (min(name for name in full if full[name].numel()),)])) if total else ()
    asked["selection"] = Selection(scope=data.draw(st.sampled_from(["global", "tensor"])), unprunable=dense)
    rest = [tensor.numel() for name, tensor in full.items() if name not in dense and tensor.numel()]
    if "keep" in asked:  # of each tensor by itself
        asked["keep"] = (
            min(asked["keep"], *rest, sum(rest))
            if asked["selection"].scope.id == "tensor"
            else min(asked["keep"], sum(rest))
        )
    scores = {name: each for name, each in scores.items() if each.numel()}
    expected = select_masks(scores, **asked)

    found = gather(full, shards, ranks.call("masks", shards, score=score, **asked))
    assert {name: mask.tolist() for name, mask in found.items()} == {
        name: expected[name].to(torch.int8).tolist() if full[name].numel() else full[name].tolist() for name in full
    }
    if asked["selection"].scope.id == "global":
        assert ranks.call("threshold", shards, score=score, **asked) == [("ok", expected.threshold)] * len(shards)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_larger_tensors_in_uneven_shards(ranks, size, dtype):
    generator = torch.Generator().manual_seed(size)
    full = {
        f"layer{i}.weight": torch.randn(n, generator=generator).to(dtype) for i, n in enumerate([300_007, 5, 70_001])
    }
    edges = torch.randint(0, 300_007, (size - 1,), generator=generator).sort().values.tolist()
    shards = [
        [("layer0.weight", full["layer0.weight"][a:b].clone(), a)]
        for a, b in zip([0, *edges], [*edges, 300_007], strict=True)
    ]
    shards[0].append(("layer1.weight", full["layer1.weight"], 0))
    shards[-1].append(("layer2.weight", full["layer2.weight"], 0))
    expected = select_masks({name: tensor.abs() for name, tensor in full.items()}, sparsity=0.9)
    found = gather(full, shards, ranks.call("masks", shards, sparsity=0.9))
    assert all(torch.equal(found[name].bool(), expected[name]) for name in full)


def ones(*counts):
    """One flat shard of ones per rank."""
    starts = [sum(counts[:rank]) for rank in range(len(counts))]
    return [[("w", torch.ones(count), start)] for count, start in zip(counts, starts, strict=True)]


def refused(answers, kind, *words):
    """Check that all ranks were refused alike."""
    assert {status for status, _ in answers} == {kind}, answers
    assert len({text for _, text in answers}) == 1
    assert all(word in answers[0][1] for word in words), answers[0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("call", ["masks", "threshold"])
def test_nan_on_one_rank_is_refused_on_all(ranks, size, call):
    shards = ones(*[4] * size)
    shards[-1][0][1][2] = math.nan
    refused(
        ranks.call(call, shards, keep=3), "BadTensor", f"rank {size - 1}", f'"w" hold NaN at flat index {4 * size - 2}'
    )


def test_an_exception_on_one_rank_brings_an_error_on_all(ranks):
    shards = ones(2, 2, 2, 2)
    shards[1] = [("w", torch.ones(2, device="meta"), 2)]
    refused(ranks.call("masks", shards, keep=3), "StageFailed", "rank 1 of 4")


@pytest.mark.parametrize("failing", [0, 3])
def test_a_failure_between_exchanges_brings_an_error_on_all(ranks, failing):
    answers = ranks.call("fail_while_counting", ones(1, 1, 1, 1), failing=failing)
    refused(answers, "StageFailed", f"rank {failing} of 4: MemoryError: no room for the counts")


def test_a_failure_after_the_last_exchange_brings_an_error_on_all(ranks):
    refused(ranks.call("fail_at_the_end", ones(1, 1, 1), failing=2), "StageFailed", "rank 2 of 3: ZeroDivisionError")
    assert ranks.call("fail_at_the_end", ones(1, 1, 1), failing=5) == [("ok", 0)] * 3


def test_a_rank_that_dies_brings_an_error_and_no_hang(mortal_ranks):
    dead, *living = mortal_ranks.call("masks", ones(3, 3, 3), names={0: "die"}, keep=4)
    assert dead[0] == "gone"
    for status, text in living:
        assert status == "StageFailed"
        assert "Look for a process that died or did not call" in text


@pytest.mark.parametrize(
    ("change", "kind", "word"),
    [
        (("w", torch.ones(3), 2), "BadTensor", "hold the same weights"),
        (("w", torch.ones(3, dtype=torch.int64), 3), "BadTensor", "int64"),
        (("w", torch.ones(1, 3), 3, (2, 3)), "BadTensor", "different full shapes"),
        (("w", torch.ones(2, 3), 3, (2, 3)), "BadTensor", "outside the full tensor"),
        (("w", torch.ones(3), -1), "BadTensor", "outside the full tensor"),
    ],
)
def test_shards_that_do_not_fit_together_are_refused_on_all(ranks, change, kind, word):
    shards = ones(3, 3)
    shards[1] = [change]
    refused(ranks.call("masks", shards, keep=3), kind, word)


def test_boxes_that_overlap_are_refused(ranks):
    shards = [[("w", torch.ones(4, 3), 0, (4, 5))], [("w", torch.ones(4, 3), 2, (4, 5))]]
    refused(ranks.call("masks", shards, keep=3), "BadTensor", "hold the same weights", "(0, 2)")


@pytest.mark.parametrize(
    ("asked", "kind", "word"),
    [
        ({}, "BadConfig", "exactly one"),
        ({"keep": 1, "sparsity": 0.5}, "BadConfig", "exactly one"),
        ({"sparsity": 1.0}, "BadConfig", "out of range"),
        ({"keep": 7}, "InfeasibleSelection", "7 weights are to be kept; the processes hold 6"),
        ({"keep": -1}, "InfeasibleSelection", "-1"),
        ({"keep": 1, "score": "taylor"}, "BadConfig", "taylor"),
        ({"keep": 1, "selection": Selection(scope="row")}, "BadConfig", 'scope "row"'),
        ({"keep": 1, "selection": Selection(structure="2:4")}, "BadConfig", "`structure`"),
        ({"keep": 1, "selection": Selection(unprunable=("x",))}, "BadConfig", '"x" matches none of w'),
    ],
)
def test_wrong_arguments_are_refused_on_all(ranks, asked, kind, word):
    refused(ranks.call("masks", ones(3, 3), **asked), kind, word)


def test_ranks_that_hold_nothing_at_all_keep_nothing(ranks):
    assert ranks.call("masks", [[], []], sparsity=0.5) == [("ok", []), ("ok", [])]
    assert ranks.call("threshold", [[], []], sparsity=0.5) == [("ok", None), ("ok", None)]


def test_the_scope_tensor_has_no_single_threshold(ranks):
    refused(
        ranks.call("threshold", ones(3, 3), keep=1, selection=Selection(scope="tensor")), "BadConfig", "each tensor"
    )


def test_processes_that_ask_for_different_things_are_refused(ranks):
    answers = ranks.call("ask_by_rank", ones(3, 3))
    refused(answers, "BadConfig", "the processes ask for different things")


def test_without_a_process_group_it_refuses():
    with pytest.raises(BadConfig, match="init_process_group"):
        global_threshold([Shard("w", torch.ones(3))], keep=1)
