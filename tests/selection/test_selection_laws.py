"""Laws of `select_masks`, on scores with many ties."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pruneproof.api import Selection
from pruneproof.selection.select import select_masks
from pruneproof.units import keep_count

NAMES = ["conv.weight", "a", "fc.weight", "b"]
ONE = {"id": "count", "least": 1}
SCOPES = ["global", "uniform", "erk", "lamp"]
TENSOR = st.lists(st.integers(0, 5) | st.floats(0, 5), min_size=1, max_size=24).map(
    lambda x: np.array(x, dtype=np.float32)
)
TENSORS = st.lists(TENSOR, min_size=1, max_size=4).map(lambda arrays: dict(zip(NAMES, arrays, strict=False)))
SPARSITY = st.floats(0, 0.99)


def size(tensors):
    return sum(array.size for array in tensors.values())


@pytest.mark.parametrize("scope", SCOPES)
@given(scores=TENSORS, sparsity=SPARSITY)
def test_the_count_is_exact(scope, scores, sparsity):
    masks = select_masks(scores, sparsity=sparsity, selection=Selection(scope=scope))
    assert masks.count() == keep_count(size(scores), sparsity)


@given(scores=TENSORS, first=SPARSITY, second=SPARSITY)
def test_masks_of_rising_sparsity_are_nested(scores, first, second):
    low, high = sorted([first, second])
    assert select_masks(scores, sparsity=high).is_subset_of(select_masks(scores, sparsity=low))


@pytest.mark.parametrize("scope", SCOPES)
@given(before=TENSORS, after=st.randoms(use_true_random=False), first=SPARSITY, second=SPARSITY)
def test_masks_that_go_on_from_a_mask_are_nested_whatever_the_new_scores(scope, before, after, first, second):
    low, high = sorted([first, second])
    selection = Selection(scope=scope)
    alive = select_masks(before, sparsity=low, selection=selection)
    scores = {name: np.array([after.random() for _ in array]) for name, array in before.items()}
    masks = select_masks(scores, sparsity=high, selection=selection, alive=alive)
    assert masks.is_subset_of(alive)
    assert masks.count() == keep_count(size(before), high)


@pytest.mark.parametrize("scope", SCOPES)
@given(scores=TENSORS, sparsity=SPARSITY, order=st.permutations(NAMES))
def test_the_order_of_the_mapping_does_not_matter(scope, scores, sparsity, order):
    shuffled = {name: scores[name] for name in order if name in scores}
    selection = Selection(scope=scope, floor=ONE) if size(scores) * (1 - sparsity) > 4 else Selection(scope=scope)
    left, right = (select_masks(each, sparsity=sparsity, selection=selection) for each in (scores, shuffled))
    assert left == right
    assert left.threshold == right.threshold


@given(scores=TENSORS, sparsity=SPARSITY)
def test_globally_no_dropped_score_beats_a_kept_one(scores, sparsity):
    masks = select_masks(scores, sparsity=sparsity)
    kept = np.concatenate([scores[name][masks.array(name)] for name in scores])
    dropped = np.concatenate([scores[name][~masks.array(name)] for name in scores])
    assert masks.threshold == kept.min()
    assert not dropped.size or kept.min() >= dropped.max()


@pytest.mark.parametrize("scope", SCOPES)
@given(scores=TENSORS, sparsity=SPARSITY, floor=st.integers(0, 5))
def test_floors_are_honoured_and_cost_nothing(scope, scores, sparsity, floor):
    keep = keep_count(size(scores), sparsity)
    while sum(min(floor, array.size) for array in scores.values()) > keep:
        floor -= 1
    masks = select_masks(scores, keep=keep, selection=Selection(scope=scope, floor={"id": "count", "least": floor}))
    assert masks.count() == keep
    for name, array in scores.items():
        assert masks.count(name) >= min(floor, array.size)
        kept, dropped = array[masks.array(name)], array[~masks.array(name)]
        assert not (kept.size and dropped.size) or kept.min() >= dropped.max()


@given(scores=TENSORS, sparsity=SPARSITY, floor=st.integers(0, 5))
def test_floors_that_the_plain_mask_meets_change_nothing(scores, sparsity, floor):
    plain = select_masks(scores, sparsity=sparsity)
    floor = min([floor, *(plain.count(name) for name in plain)])
    assert select_masks(scores, sparsity=sparsity, selection=Selection(floor={"id": "count", "least": floor})) == plain


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), keep=st.integers(0, 300_000), levels=st.sampled_from([2, 100, 10**9]))
def test_large_tensors_agree_with_topk(seed, keep, levels):
    scores = torch.randint(levels, (300_000,), generator=torch.Generator().manual_seed(seed)).double()
    masks = select_masks({"w": scores}, keep=keep)
    best = torch.sort(scores, descending=True, stable=True).indices[:keep]
    assert torch.equal(torch.nonzero(masks["w"]).flatten(), best.sort().values)


@given(scores=TENSORS, factor=st.sampled_from([2.0, 0.25, 1024.0]), keep=st.integers(0, 100))
def test_lamp_does_not_see_the_scale_of_a_tensor(scores, factor, keep):
    keep = min(keep, size(scores))
    scaled = {name: array * np.float32(factor) if name == "a" else array for name, array in scores.items()}
    normal = all(array[array > 0].min(initial=1.0) > 1e-30 for array in scores.values())
    if normal:
        left, right = (select_masks(each, keep=keep, selection=Selection(scope="lamp")) for each in (scores, scaled))
        assert left == right


@given(scores=TENSORS, extra=st.integers(0, 20))
def test_lamp_empties_no_tensor_that_has_a_weight_while_the_budget_lasts(scores, extra):
    scores = {name: array + np.float32(1) for name, array in scores.items()}
    keep = min(len(scores) + extra, size(scores))
    assert select_masks(scores, keep=keep, selection=Selection(scope="lamp")).empty_tensors() == []
