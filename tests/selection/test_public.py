"""`select` as users meet it: what it returns, what it refuses, and how it behaves towards the process it runs in."""

import re
import subprocess
import sys
import threading
import time
import warnings
from textwrap import dedent

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from pruneproof import MaskSet, select
from pruneproof.contracts.selection import Selection
from pruneproof.errors import BadConfig, BadTensor, InfeasibleSelection, UnknownName

NAN = float("nan")
WEIGHTS = {
    "b": torch.tensor([[3.0, -1.0, 0.5, 2.0], [-0.1, 4.0, 0.0, -2.5]]),
    "a": torch.tensor([[1.5, -0.2, 0.3, 0.4]]),
}


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 10, 3), nn.BatchNorm2d(10), nn.Flatten(), nn.Linear(10, 30), nn.Linear(30, 10))


def gradients_of(model):
    model(torch.randn(4, 3, 3, 3)).square().sum().backward()


# What it returns


def test_three_lines_replace_global_unstructured():
    model, theirs = network(), network()
    layers = [(layer, "weight") for layer in theirs if isinstance(layer, nn.Conv2d | nn.Linear)]
    prune.global_unstructured(layers, pruning_method=prune.L1Unstructured, amount=0.9)

    masks = select(model, sparsity=0.9)
    masks.apply_(model)

    assert list(masks) == ["0.weight", "3.weight", "4.weight"]
    assert masks.count() == masks.size() // 10
    for place in ("0", "3", "4"):
        assert torch.equal(masks[f"{place}.weight"], theirs[int(place)].weight_mask.bool())
        assert torch.equal(model[int(place)].weight, theirs[int(place)].weight)


def test_the_model_is_left_as_it_is():
    model = network()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    select(model, sparsity=0.9)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())


def test_a_module_lends_its_gradients():
    model = network()
    gradients_of(model)
    named = {name: tensor for name, tensor in model.named_parameters() if tensor.ndim > 1}
    slopes = {name: tensor.grad for name, tensor in named.items()}
    masks = select(model, sparsity=0.9, score="sensitivity")
    assert masks == select(named, gradients=slopes, sparsity=0.9, score="sensitivity")
    assert masks != select(model, sparsity=0.9)


def test_of_ties_the_lower_name_and_index_survive():
    ones = {"b": np.ones(3, np.float16), "a": -np.ones((2, 2), np.float16)}
    masks = select(ones, keep=5)
    assert masks["a"].all()
    assert masks["b"].tolist() == [True, False, False]
    assert masks.threshold == 1.0


def test_the_threshold_is_the_smallest_score_kept_where_units_of_all_tensors_compete():
    assert select(WEIGHTS, keep=3).threshold == 2.5
    assert select(WEIGHTS, keep=3, score="magnitude-squared").threshold == 6.25
    assert select(WEIGHTS, keep=3, score="given").threshold == 2.0
    assert select(WEIGHTS, keep=1, structure="filter").threshold == pytest.approx(6.6)
    assert select(WEIGHTS, keep=0).threshold is None
    for apart in ({"scope": "tensor", "keep": 3}, {"scope": "row", "keep": 3}, {"structure": "2:4"}):
        assert select(WEIGHTS, **apart).threshold is None


def test_each_scope_spends_the_amount_where_it_competes():
    def counts(**how):
        masks = select(WEIGHTS, **how)
        return {name: masks.row_counts(name).tolist() for name in masks}

    assert counts(sparsity=0.5) == {"a": [1], "b": [3, 2]}
    assert counts(sparsity=0.5, scope="tensor") == {"a": [2], "b": [2, 2]}
    assert counts(keep=3, scope="tensor") == {"a": [3], "b": [1, 2]}
    assert counts(sparsity=0.75, scope="row") == {"a": [1], "b": [1, 1]}
    assert counts(structure="1:2") == {"a": [2], "b": [2, 2]}
    assert counts(keep=1, structure="filter") == {"a": [0], "b": [0, 4]}
    assert counts(keep=1, structure="1x2", scope="tensor") == {"a": [2], "b": [0, 2]}


def test_a_row_of_a_bias_is_one_weight():
    bias = {"bias": torch.tensor([1.0, -2.0, 0.0])}
    assert select(bias, scope="row", sparsity=0.5)["bias"].all()
    assert select(bias, structure="filter", sparsity=0.5)["bias"].tolist() == [True, True, False]


@pytest.mark.parametrize("how", [{}, {"scope": "tensor"}, {"scope": "row"}, {"structure": "filter"}], ids=str)
def test_scalars_and_empty_tensors_take_part(how):
    tensors = {"scalar": torch.tensor(2.0), "none": torch.zeros(0, 3), "nowhere": torch.zeros(3, 0)}
    masks = select(tensors, sparsity=0.5, **how)
    assert {name: tuple(masks[name].shape) for name in masks} == {"none": (0, 3), "nowhere": (3, 0), "scalar": ()}
    assert masks["scalar"].item() is True


@pytest.mark.parametrize("how", [{"keep": 0}, {"sparsity": 0.5, "scope": "row"}, {"structure": "2:4"}], ids=str)
def test_no_tensors_make_an_empty_mask(how):
    assert len(select({}, **how)) == 0


def test_filters_fall_by_their_norms():
    filters = {"conv": torch.stack([torch.full((2, 3, 3), value) for value in (0.5, -2.0, 1.0)])}
    filters["conv"][0, 0, 0, 0] = 9.0  # the largest weight, and the largest sum of squares after the second filter's
    assert select(filters, structure="filter", keep=1, reduce="l1").row_counts("conv").tolist() == [0, 18, 0]
    assert select(filters, structure="filter", keep=1, reduce="l2").row_counts("conv").tolist() == [18, 0, 0]
    given = select(filters, structure="filter", keep=1, reduce="mean", score="given")
    assert given.row_counts("conv").tolist() == [0, 0, 18]


# Exemptions, floors, masks so far


def test_unprunable_tensors_are_kept_whole_and_do_not_count():
    tensors = WEIGHTS | {"norm.weight": torch.zeros(5), "steps": torch.tensor(3)}
    masks = select(tensors, sparsity=0.5, unprunable=["norm.*", "steps"])
    assert masks["norm.weight"].all()
    assert masks["steps"].item() is True
    assert masks.count("a") + masks.count("b") == 6
    assert select(tensors, sparsity=0.5, unprunable="[ns]*") == masks
    assert select(tensors, sparsity=0.5, unprunable="*").count() == masks.size()


def test_unprunable_tensors_need_no_gradient_and_no_dimension():
    tensors = WEIGHTS | {"bias": torch.ones(3)}
    how = {"unprunable": ["bias"], "gradients": WEIGHTS, "score": "sensitivity"}
    assert select(tensors, structure="1:2", axis=1, **how)["bias"].all()
    assert select(tensors, structure="1x2", keep=2, **how)["bias"].all()


@pytest.mark.parametrize("scope", ["global", "tensor"])
def test_a_floor_is_kept_of_every_tensor_or_of_those_named(scope):
    tensors = {"large": torch.arange(10.0, 110.0), "small": torch.arange(5.0), "tiny": torch.ones(1)}
    by_all = select(tensors, sparsity=0.9, scope=scope, floor=3)
    assert [by_all.count(name) for name in ("small", "tiny")] == [3, 1]
    by_name = select(tensors, sparsity=0.9, scope=scope, floor={"small": 4})
    assert by_name.count("small") == 4
    assert by_name["small"].tolist() == [False, True, True, True, True]
    if scope == "global":
        assert by_all.count() == by_name.count() == 106 - 95
        assert by_all.threshold == 1.0


@pytest.mark.parametrize("scope", ["global", "tensor"])
def test_a_floor_asks_for_no_more_than_is_alive(scope):
    alive = MaskSet.from_tensors({name: torch.arange(w.numel()).reshape(w.shape) < 2 for name, w in WEIGHTS.items()})
    masks = select(WEIGHTS, sparsity=0.9, scope=scope, floor=3 if scope == "tensor" else 1, alive=alive)
    assert masks.is_subset_of(alive)
    assert masks.count() == (4 if scope == "tensor" else 2)


@given(first=st.floats(0, 0.5), then=st.floats(0.5, 0.999), scope=st.sampled_from(["global", "tensor", "row"]))
def test_masks_of_rising_sparsity_are_nested_whatever_became_of_the_weights(first, then, scope):
    rng = np.random.default_rng(1)
    tensors = {name: rng.normal(size=(4, 8)) for name in "ab"}
    early = select(tensors, sparsity=first, scope=scope)
    moved = {name: rng.normal(size=(4, 8)) for name in "ab"}
    late = select(moved, sparsity=then, scope=scope, alive=early)
    assert late.is_subset_of(early)
    assert late.count() == select(moved, sparsity=then, scope=scope).count()


def test_a_block_is_alive_as_long_as_one_of_its_weights_is():
    alive = MaskSet.from_tensors({"w": torch.tensor([[1, 0, 0, 0], [0, 0, 1, 1]])})
    masks = select({"w": torch.ones(2, 4)}, structure="1x2", keep=2, alive=alive)
    assert masks["w"].int().tolist() == [[1, 0, 0, 0], [0, 0, 1, 1]]
    with pytest.raises(InfeasibleSelection, match="only 2 are alive"):
        select({"w": torch.ones(2, 4)}, structure="1x2", keep=3, alive=alive)


# One value in place of the arguments


@pytest.mark.parametrize(
    ("how", "selection"),
    [
        ({"sparsity": 0.5, "scope": "erk", "count": "torch-prune"}, Selection(scope="erk", count="torch-prune")),
        ({"keep": 4, "floor": 1}, Selection(floor={"id": "count", "least": 1})),
        ({"keep": 4, "floor": {"a": 2}}, Selection(floor={"id": "count", "least": {"a": 2}})),
        ({"keep": 2, "structure": "filter", "reduce": "l2"}, Selection(structure="filter", reduce="l2")),
        ({"keep": 2, "structure": "1x2"}, Selection(structure={"id": "block", "sides": (1, 2)})),
        ({"structure": "1:2"}, Selection(structure="1:2")),
        ({"structure": "1:2", "axis": -1}, Selection(structure={"id": "n-of-m", "keep": 1, "group": 2, "axis": -1})),
        ({"sparsity": 0.5, "scope": "row", "unprunable": ["a"]}, Selection(scope="row", unprunable=("a",))),
        ({"sparsity": 0.5}, Selection()),
    ],
    ids=str,
)
def test_a_selection_says_what_the_arguments_say(how, selection):
    amount = {name: value for name, value in how.items() if name in ("sparsity", "keep")}
    assert select(WEIGHTS, **how) == select(WEIGHTS, **amount, selection=selection)
    assert select(WEIGHTS, **how) != select(WEIGHTS, keep=1)


def test_what_only_a_selection_says_is_heeded():
    ones = {"b": torch.ones(2), "a": torch.ones(2)}
    assert select(ones, keep=1, selection=Selection(ties="last"))["b"].tolist() == [False, True]
    shares = Selection(floor={"id": "share-of-tensor", "share": 0.5})
    assert select(WEIGHTS, keep=6, selection=shares).count("a") == 2


@pytest.mark.parametrize(
    "argument",
    [{"scope": "tensor"}, {"structure": "1:2"}, {"reduce": "l2"}, {"axis": 0}, {"floor": 1}, {"count": "synflow"}],
    ids=str,
)
def test_a_selection_and_one_of_its_arguments_contradict_each_other(argument):
    with pytest.raises(BadConfig, match="`selection` says scope, structure, reduce, axis, floor, count"):
        select(WEIGHTS, keep=1, selection=Selection(), **argument)
    with pytest.raises(BadConfig, match="Leave these out"):
        select(WEIGHTS, keep=1, selection=Selection(), unprunable=["a"])


# Refusals

ONES = {"w": torch.ones(2, 4)}
REFUSED = {
    "no amount": (ONES, {}, BadConfig, "exactly one of `sparsity` and `keep`"),
    "two amounts": (ONES, {"sparsity": 0.5, "keep": 1}, BadConfig, "exactly one of `sparsity` and `keep`"),
    "sparsity": (ONES, {"sparsity": 1.0}, BadConfig, "sparsity 1.0 is out of range: .* in [0, 1) was expected"),
    "no sparsity": (ONES, {"sparsity": NAN}, BadConfig, "sparsity nan is out of range"),
    "keep": (ONES, {"keep": 9}, InfeasibleSelection, "9 units of all tensors .*; a number from 0 to 8"),
    "less than none": (ONES, {"keep": -1}, InfeasibleSelection, "-1 units of all tensors .*; a number from 0 to 8"),
    "keep of a tensor": (ONES, {"keep": 9, "scope": "tensor"}, InfeasibleSelection, '9 units of "w" .* from 0 to 8'),
    "keep of a row": (ONES, {"keep": 5, "scope": "row"}, InfeasibleSelection, '5 units of each row of "w" .* 0 to 4'),
    "keep of blocks": (ONES, {"keep": 5, "structure": "1x2"}, InfeasibleSelection, "5 units .* from 0 to 4"),
    "floor": (
        ONES,
        {"keep": 1, "floor": 2},
        InfeasibleSelection,
        "a floor of 2 protects 2 weights (.*) but only 1 of 8 may be kept",
    ),
    "no floor": (ONES, {"keep": 1, "floor": -2}, BadConfig, "floor -2 is out of range: a number from 0"),
    "floor of text": (ONES, {"keep": 1, "floor": "ten"}, BadConfig, "floor 'ten' is out of range"),
    "half a floor": (ONES, {"keep": 1, "floor": 0.5}, BadConfig, "floor 0.5 is out of range"),
    "floor of a name": (ONES, {"keep": 1, "floor": {"w": -2}}, BadConfig, 'floor -2 of "w" is out of range'),
    "floor of nobody": (ONES, {"keep": 1, "floor": {"v": 2}}, UnknownName, 'tensor "v" (floor count) is not known'),
    "floor of rows": (ONES, {"keep": 1, "floor": 1, "scope": "row"}, BadConfig, "floor speaks of tensors"),
    "score": (ONES, {"keep": 1, "score": "l1"}, UnknownName, 'score "l1" is not known. .*Known: given, magnitude'),
    "near score": (ONES, {"keep": 1, "score": "magnitud"}, UnknownName, 'Nearest: "magnitude"'),
    "scope": (
        ONES,
        {"keep": 1, "scope": "layer"},
        UnknownName,
        '"layer" is not known. .*Besides these: global, tensor, row.',
    ),
    "reduce": (ONES, {"keep": 1, "reduce": "max"}, UnknownName, 'reduce "max" is not known'),
    "structure": (
        ONES,
        {"keep": 1, "structure": "rows"},
        UnknownName,
        'structure "rows" is not known. Nearest: "row". .*Besides these: weight, N:M as in 2:4, sides as in 4x2.',
    ),
    "no id": (ONES, {"keep": 1, "scope": "each layer"}, BadConfig, "scope 'each layer' is not understood: "),
    "count": (ONES, {"keep": 1, "count": "open-lht"}, UnknownName, '"open-lht" is not known. Nearest: "open-lth".'),
    "count of a number": (ONES, {"keep": 1, "count": "synflow"}, BadConfig, '"synflow" counts by a sparsity'),
    "no pattern": (ONES, {"structure": "4:2"}, BadConfig, 'structure "4:2" .* N:M with 0 < N < M'),
    "empty block": (ONES, {"keep": 1, "structure": "0x2"}, UnknownName, 'structure "0x2" is not known.'),
    "pattern and amount": (ONES, {"keep": 1, "structure": "2:4"}, BadConfig, '"n-of-m" says how much is kept'),
    "pattern and floor": (ONES, {"floor": 1, "structure": "2:4"}, BadConfig, '"n-of-m" says how much is kept'),
    "pattern": (
        ONES,
        {"structure": "2:3"},
        BadTensor,
        '"w" has shape (2, 4), which cannot be cut into groups of 3 along',
    ),
    "dimension": (ONES, {"structure": "2:4", "axis": 2}, BadTensor, "groups of 4 along dimension 2"),
    "blocks": (
        ONES,
        {"keep": 1, "structure": "2x2x2"},
        BadTensor,
        '"w" has shape (2, 4), which blocks of 3 sides do not',
    ),
    "blocks in rows": (ONES, {"keep": 1, "structure": "2x2", "scope": "row"}, BadConfig, "units compete in the scope"),
    "pattern of names": (ONES, {"keep": 1, "unprunable": ["v*"]}, BadConfig, 'pattern "v*" matches none of w'),
    "no gradients": (ONES, {"keep": 1, "score": "sensitivity"}, BadConfig, '"sensitivity" takes gradients'),
    "gradients": (ONES, {"keep": 1, "gradients": ONES}, BadConfig, '"magnitude" takes no gradients'),
    "gradient": (ONES, {"keep": 1, "score": "sensitivity", "gradients": {}}, BadTensor, 'no gradient of "w"'),
    "shape of a gradient": (
        ONES,
        {"keep": 1, "score": "sensitivity", "gradients": {"w": torch.ones(4, 2)}},
        BadTensor,
        'the gradient of "w" has shape (4, 2); (2, 4) was expected',
    ),
    "dtype of a gradient": (
        ONES,
        {"keep": 1, "score": "sensitivity", "gradients": {"w": torch.ones(2, 4, dtype=torch.int64)}},
        BadTensor,
        '"w (gradient)" is of dtype int64, which cannot be ranked. Allowed: float16',
    ),
    "whole numbers": ({"w": torch.ones(2, dtype=torch.int32)}, {"keep": 1}, BadTensor, '"w" is of dtype int32'),
    "truths": ({"w": np.ones(2, bool)}, {"keep": 1}, BadTensor, '"w" is of dtype bool'),
    "a list": ({"w": [1.0, 2.0]}, {"keep": 1}, BadTensor, '"w" is of class list'),
    "sparse": ({"w": torch.ones(2, 2).to_sparse()}, {"keep": 1}, BadTensor, '"w" has the layout torch.sparse_coo'),
    "mask of nothing": (ONES, {"keep": 1, "alive": MaskSet.dense({})}, BadTensor, 'shape None for "w"; its'),
    "mask of another": (
        ONES,
        {"keep": 1, "alive": MaskSet.dense({"w": (4, 2)})},
        BadTensor,
        'the mask so far has shape (4, 2) for "w"; its scores have (2, 4)',
    ),
    "signs": (
        ONES,
        {"keep": 1, "structure": "filter", "reduce": "sum"},
        BadTensor,
        'add scores with their sign, which the measure of "w" drops',
    ),
    "dead": (
        ONES,
        {"keep": 1, "alive": MaskSet.from_weights({"w": torch.zeros(2, 4)})},
        InfeasibleSelection,
        "1 weights are to be kept but only 0 are alive",
    ),
    "dead groups": (
        ONES,
        {"structure": "1:2", "alive": MaskSet.from_weights({"w": torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]])})},
        InfeasibleSelection,
        '1 weights of row 1 of "w" are to be kept but only 0 are alive',
    ),
    "infinite norm": (
        {"w": torch.tensor([1.0, float("inf")])},
        {"keep": 1, "score": "normalised-magnitude"},
        BadTensor,
        'the L2 norm of "w" is infinite',
    ),
    "mean of infinities": (
        {"w": torch.tensor([[float("inf"), -float("inf")]])},
        {"keep": 1, "score": "given", "structure": "filter", "reduce": "mean"},
        BadTensor,
        'mean score of block 0 of "w" is inf - inf',
    ),
    "no layers": (nn.ReLU(), {"sparsity": 0.5}, BadTensor, "the module ReLU has no convolution or linear weights"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_refused_with_one_message(case):
    tensors, how, error, message = REFUSED[case]
    pattern = ".*".join(re.escape(part) for part in message.split(".*"))
    with pytest.raises(error, match=pattern) as refusal:
        select(tensors, **how)
    assert "\n" not in str(refusal.value)


def test_a_reparametrised_layer_is_refused_not_passed_over():
    model = network()
    prune.l1_unstructured(model[3], "weight", amount=0.5)
    with pytest.raises(BadTensor, match=r'"3.weight" is computed, not a parameter of Sequential.*prune\.remove'):
        select(model, sparsity=0.9)


def test_a_lazy_module_is_to_see_a_batch_first():
    module = torch.nn.Sequential(torch.nn.LazyLinear(3))
    with pytest.raises(BadTensor, match=r'"0\.weight" has no values yet\. Run a batch'):
        select(module, sparsity=0.5)
    module(torch.ones(1, 4))
    assert select(module, sparsity=0.5).count() == 6


def test_a_layer_without_a_gradient_is_refused_unless_it_is_unprunable():
    model = network()
    model[0].weight.requires_grad_(False)
    gradients_of(model)
    with pytest.raises(BadTensor, match=r'no gradient of "0\.weight"'):
        select(model, sparsity=0.9, score="sensitivity")
    assert select(model, sparsity=0.9, score="sensitivity", unprunable="0.*")["0.weight"].all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    "how",
    [
        {"keep": 1},
        {"keep": 0},
        {"keep": 2, "floor": 1},
        {"keep": 1, "scope": "tensor"},
        {"keep": 1, "scope": "row"},
        {"structure": "1:2"},
        {"structure": "1:2", "axis": 0},
        {"structure": "filter", "keep": 1},
        {"structure": "2x2", "keep": 1, "reduce": "mean"},
        {"keep": 1, "score": "given"},
        {"keep": 1, "score": "normalised-magnitude"},
        {"keep": 1, "score": "magnitude-squared"},
    ],
    ids=str,
)
def test_nan_is_refused_by_name_and_index_even_of_dead_weights(how, dtype):
    tensors = {"a": torch.ones(2, 4, dtype=dtype), "w": torch.ones(4, 4, dtype=dtype)}
    tensors["w"][1, 2] = NAN
    alive = MaskSet.from_tensors({name: ~tensor.isnan() for name, tensor in tensors.items()})
    for living in (None, alive):
        with pytest.raises(BadTensor, match='the scores of "w" hold NaN at flat index 6; NaN has no rank'):
            select(tensors, **how, alive=living)


def test_a_product_that_is_nan_is_refused_too():
    with pytest.raises(BadTensor, match='"w" hold NaN at flat index 1'):
        select({"w": torch.tensor([1.0, float("inf")])}, gradients={"w": torch.zeros(2)}, keep=1, score="sensitivity")


# Copies


@pytest.mark.parametrize("how", [{"keep": 1}, {"keep": 1, "scope": "row"}, {"structure": "1:2", "axis": 0}], ids=str)
def test_a_copy_is_said_with_the_name_and_where_select_was_called(how):
    tensors = {"slow": torch.ones(4, 6).T, "numpy": np.ones((8, 4))[::2], "quick": torch.ones(2, 4)}
    with pytest.warns(UserWarning, match="^numpy, slow: not contiguous, so copied") as said:
        select(tensors, **how)
    assert [each.filename for each in said] == [__file__]


def test_a_copy_of_a_gradient_is_said_to_be_one():
    with pytest.warns(UserWarning, match="^the gradient of w: not contiguous"):
        select(ONES, gradients={"w": torch.ones(4, 2).T}, keep=1, score="sensitivity")


def test_contiguous_tensors_are_ranked_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        select(WEIGHTS | {"bf16": torch.ones(4, dtype=torch.bfloat16), "view": torch.ones(4, 4)[1:]}, keep=1)


# The process around it


def start(code):
    command = [sys.executable, "-c", dedent(code)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def test_memory_grows_by_little_more_than_the_packed_mask():
    process = start("""
        import resource
        import numpy as np
        from pruneproof import select

        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

        weights = np.empty(64_000_000, np.float32)
        rng = np.random.default_rng(0)
        for piece in weights.reshape(64, -1):
            rng.standard_normal(dtype=np.float32, out=piece)
        select({"w": weights[:100_000]}, sparsity=0.9)
        before = peak()
        masks = select({"w": weights}, sparsity=0.9)
        print(masks.count(), weights.nbytes, peak() - before)
    """)
    out, err = process.communicate()
    assert process.returncode == 0, err
    count, scores, growth = map(int, out.split())
    assert count == 6_400_000
    assert growth <= scores / 32 + 0.05 * scores + 20e6


def test_an_interrupt_is_answered_within_a_second_of_computing():
    process = start("""
        import os, signal, threading, time
        import numpy as np
        from pruneproof import select

        weights = np.random.default_rng(0).random((4_000, 4_000), dtype=np.float32)
        begun, asked = time.process_time(), []

        def interrupt():
            while time.process_time() < begun + 0.3:  # by then the engine is at work
                time.sleep(0.01)
            asked.append(time.process_time())
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        try:
            select({f"w{i}": weights for i in range(200)}, structure="2:4", score="given")
        except KeyboardInterrupt:
            print((time.process_time() - asked[0]) / os.cpu_count())  # not what others do here meanwhile
    """)
    answer, err = process.communicate(timeout=120)
    assert answer, f"it was not interrupted: {err}"
    assert float(answer) < 1


def test_other_threads_run_during_a_selection():
    weights = {f"w{i}": torch.randn(1024, 4096) for i in range(4)}
    ticks, over = [], threading.Event()

    def tick():
        while not over.wait(0.001):
            ticks.append(time.monotonic())

    ticker = threading.Thread(target=tick)
    ticker.start()
    begun = time.monotonic()
    select(weights, structure="2:4")
    ended = time.monotonic()
    over.set()
    ticker.join()
    margin = (ended - begun) / 10
    assert sum(begun + margin < each < ended - margin for each in ticks) >= 3
