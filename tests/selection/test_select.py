import numpy as np
import pytest
import torch

from pruneproof.api import Allocation, Selection, Source
from pruneproof.errors import BadConfig, BadPlugin, BadTensor, InfeasibleSelection, UnknownName
from pruneproof.registry.catalog import Catalog, Entry, build_catalog
from pruneproof.registry.kinds import KINDS
from pruneproof.selection.select import select_masks
from pruneproof.values.masks import MaskSet

SCORES = {"b": np.array([[0.5, 0.2], [0.2, 0.3]]), "a": np.array([0.9, 0.1])}


def test_the_boundary_score_is_the_threshold():
    assert select_masks(SCORES, keep=3).threshold == 0.3
    assert select_masks(SCORES, keep=0).threshold is None
    assert select_masks(SCORES, keep=3, selection=Selection(scope="uniform")).threshold is None


def test_sparsity_0_keeps_everything():
    assert select_masks(SCORES, sparsity=0.0).count() == 6


def test_unprunable_names_stay_dense_and_do_not_count():
    scores = {"body.weight": np.arange(10.0), "head.weight": np.zeros(90), "body.bias": np.zeros(5)}
    masks = select_masks(scores, sparsity=0.5, selection=Selection(unprunable=("head.*", "*.bias")))
    assert {name: masks.count(name) for name in masks} == {"body.weight": 5, "head.weight": 90, "body.bias": 5}


def test_all_names_unprunable_is_the_dense_mask():
    masks = select_masks(SCORES, sparsity=0.5, selection=Selection(unprunable=("*",)))
    assert masks == MaskSet.dense({"a": (2,), "b": (2, 2)})


def test_an_unprunable_pattern_that_matches_nothing_is_refused():
    with pytest.raises(BadConfig, match=r'"classifier\.\*" matches none of a, b'):
        select_masks(SCORES, sparsity=0.5, selection=Selection(unprunable=("classifier.*",)))


@pytest.mark.parametrize("amounts", [{}, {"sparsity": 0.5, "keep": 3}])
def test_one_amount_is_asked_for(amounts):
    with pytest.raises(BadConfig, match="exactly one"):
        select_masks(SCORES, **amounts)


@pytest.mark.parametrize("keep", [-1, 7])
def test_a_count_beyond_the_tensors_is_refused(keep):
    with pytest.raises(InfeasibleSelection, match="from 0 to 6"):
        select_masks(SCORES, keep=keep)


def test_a_sparsity_out_of_range_is_refused():
    with pytest.raises(BadConfig, match="out of range"):
        select_masks(SCORES, sparsity=1.0)


@pytest.mark.parametrize(
    "scores", [np.array([1, 2]), torch.tensor([True]), [1.0], torch.zeros(2, dtype=torch.complex64)]
)
def test_what_cannot_be_ranked_is_refused_by_name(scores):
    with pytest.raises(BadTensor, match=r'"w" is of (dtype|class)'):
        select_masks({"w": scores}, keep=1)


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(count="open-lth"),
        Selection(count="torch-prune"),
        Selection(ties="last"),
        Selection(ties="last", scope="tensor"),
        Selection(floor="global-mp-released"),
        Selection(scope="erk"),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_nan_is_refused_by_name_and_index(selection, dtype):
    scores = {"a": torch.ones(3, dtype=dtype), "w": torch.tensor([[1.0, 2.0], [float("nan"), 0.0]], dtype=dtype)}
    with pytest.raises(BadTensor, match='"w" hold NaN at flat index 2'):
        select_masks(scores, sparsity=0.5, selection=selection)


def test_tensors_of_different_dtypes_share_one_ranking():
    scores = {"a": torch.tensor([1.0, 3.0], dtype=torch.bfloat16), "b": np.array([2.0, 4.0], dtype=np.float32)}
    masks = select_masks(scores, keep=2)
    assert masks.array("a").tolist() == masks.array("b").tolist() == [False, True]


def test_scores_with_gradients_and_any_layout_are_read_as_they_are_indexed():
    scores = torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1).requires_grad_()
    masks = select_masks({"w": scores}, keep=7)
    assert torch.equal(masks["w"], scores >= 17)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_scores_on_a_gpu_give_the_mask_of_the_cpu():
    scores = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    assert select_masks({"w": scores.cuda()}, keep=300) == select_masks({"w": scores}, keep=300)


def test_dead_weights_stay_dead_whatever_they_score():
    alive = MaskSet.from_arrays({"w": np.array([True, False, True, True])})
    masks = select_masks({"w": np.array([1.0, 9.0, 3.0, 2.0])}, sparsity=0.5, alive=alive)
    assert masks.array("w").tolist() == [False, False, True, True]


def test_sparsity_cannot_fall_below_that_of_the_mask_so_far():
    alive = MaskSet.from_arrays({"w": np.array([True, False, False, False])})
    with pytest.raises(InfeasibleSelection, match="2 weights are to be kept but only 1 are alive"):
        select_masks({"w": np.ones(4)}, sparsity=0.5, alive=alive)


def test_a_mask_of_other_tensors_is_refused():
    with pytest.raises(BadTensor, match=r'the mask so far has shape None for "w"; its scores have \(4,\)'):
        select_masks({"w": np.ones(4)}, sparsity=0.5, alive=MaskSet.dense({"v": (4,)}))


def test_an_allocation_may_look_at_other_weights_than_the_scores():
    weights = {"a": np.array([5.0, 5.0]), "b": np.array([[1e-3, 1e-3], [1e-3, 1e-3]])}
    masks = select_masks(SCORES, keep=2, selection=Selection(scope="lamp"), weights=weights)
    assert masks.array("a").tolist() == [True, False]
    assert masks.array("b").tolist() == [[True, False], [False, False]]


def test_weights_that_do_not_fit_the_scores_are_refused():
    with pytest.raises(BadTensor, match=r'the weights of "b" have shape None; its scores have \(2, 2\)'):
        select_masks(SCORES, keep=2, selection=Selection(scope="erk"), weights={"a": np.ones(2)})


def stranger(counts):
    """Return a catalog that knows one more allocation, `mine`."""
    rule = Allocation("mine", lambda weights, keep: counts, Source("Nobody", 2026, "Nothing"))
    builtin = build_catalog(["builtin"])
    (plugin,) = builtin.plugins
    entries = {kind.of: dict(builtin.entries(kind.of)) for kind in KINDS}
    entries[Allocation]["mine"] = Entry("mine", rule, plugin, "nowhere:1")
    return Catalog(entries, [plugin])


def test_ids_are_looked_up_in_the_catalog_that_is_passed():
    masks = select_masks(SCORES, keep=2, selection=Selection(scope="mine"), catalog=stranger({"a": 2, "b": 0}))
    assert masks.count("a") == 2
    with pytest.raises(UnknownName, match='allocation "mine" is not known'):
        select_masks(SCORES, keep=2, selection=Selection(scope="mine"))


@pytest.mark.parametrize("counts", [{"a": 2}, {"a": 3, "b": 0}, {"a": 1, "b": 1}])
def test_an_allocation_that_does_not_spend_the_budget_is_refused(counts):
    with pytest.raises(BadPlugin, match='allocation "mine"'):
        select_masks(SCORES, keep=3, selection=Selection(scope="mine"), catalog=stranger(counts))


def test_a_count_goes_on_from_a_mask():
    scores = {"w": np.arange(1000.0)}
    first = select_masks(scores, sparsity=0.2, selection=Selection(count="open-lth"))
    second = select_masks(scores, sparsity=0.5, selection=Selection(count="open-lth"), alive=first)
    assert second.is_subset_of(first)
    assert second.count() == 1000 - 501


@pytest.mark.parametrize(
    "counts",
    [
        {"a": 3, "b": -1},
        {"a": -1, "b": 4},
        {"a": 2, "b": 5},
        {"a": float("nan"), "b": 2},
        {"a": 1.5, "b": 0.5},
        {"a": True, "b": 1},
        {"a": "2", "b": 0},
        {"a": 2, "b": 0, "c": 0},
        {"a": 2, 7: 0},
        {},
        [2, 0],
        None,
        np.array([2, 0]),
    ],
    ids=str,
)
def test_an_allocation_that_answers_what_it_must_not_is_refused_by_name(counts):
    with pytest.raises(BadPlugin, match='allocation "mine"'):
        select_masks(SCORES, keep=2, selection=Selection(scope="mine"), catalog=stranger(counts))
