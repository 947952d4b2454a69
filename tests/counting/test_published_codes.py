"""Each rule keeps what the code that it restates keeps: a mask made by a threshold, ties included."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils import prune

from pruneproof.api import InfeasibleSelection, MaskSet, Selection, select, select_masks
from pruneproof.counting.catalogue import COUNTING_RULES
from pruneproof.counting.published_codes import RULES, global_mp_released
from pruneproof.schedules.iterative import iterative

DISTINCT = np.random.default_rng(0).permutation(1000).astype(np.float32) + 1
MOSTLY_ZERO = np.where(DISTINCT > 700, DISTINCT, 0).astype(np.float32)


def removed(count, scores, sparsity, **how):
    masks = select_masks({"w": scores}, sparsity=sparsity, selection=Selection(count=count, **how))
    return masks.size() - masks.count()


@pytest.mark.parametrize(
    ("count", "of_200", "of_900", "of_five_ties", "of_mostly_zero"),
    [
        ("exact", 200, 900, 5, 500),
        ("ceil-keep-one", 200, 900, 5, 500),
        ("open-lth", 201, 901, 10, 700),
        ("synflow", 199, 900, 10, 700),
        ("shrinkbench", 200, 900, 0, 0),
        ("global-mp-released", 199, 899, 0, 0),
        ("torch-prune", 200, 900, 5, 500),
        ("jaxpruner", 200, 900, 5, 500),
    ],
)
def test_how_many_each_rule_removes(count, of_200, of_900, of_five_ties, of_mostly_zero):
    assert removed(count, DISTINCT, 0.2) == of_200
    assert removed(count, DISTINCT, 0.9) == of_900
    assert removed(count, np.ones(10, dtype=np.float32), 0.5) == of_five_ties
    assert removed(count, MOSTLY_ZERO, 0.5) == of_mostly_zero


def test_every_rule_is_in_the_table_above():
    listed = next(mark for mark in test_how_many_each_rule_removes.pytestmark).args[1]
    assert {row[0] for row in listed} == {"exact", *(rule.id for rule in COUNTING_RULES)}


# The oracle: name -> alive flags, by what each code does to all scores in the order of the names


def pooled(scores):
    return [(value, name, place) for name in sorted(scores) for place, value in enumerate(scores[name].tolist())]


def flags_where(scores, alive):
    return {name: [alive(value) for value in array.tolist()] for name, array in scores.items()}


def open_lth_of(scores, sparsity):
    ascending = sorted(value for value, *_ in pooled(scores))
    n = math.ceil(sparsity * len(ascending))
    return None if n >= len(ascending) else flags_where(scores, lambda value: value > ascending[n])


def shrinkbench(scores, sparsity):
    threshold = np.quantile(np.concatenate([scores[name] for name in sorted(scores)]), 1.0 - (1.0 - sparsity))
    return {name: ((array >= threshold) | (array <= -threshold)).tolist() for name, array in scores.items()}


def released(scores, sparsity):
    ascending = sorted(value for value, *_ in pooled(scores))
    k = max(1, int(sparsity * len(ascending)))
    return flags_where(scores, lambda value: value >= ascending[k - 1])


def torch_prune(scores, sparsity):
    ranking = sorted(pooled(scores))
    dead = {entry[1:] for entry in ranking[: round(sparsity * len(ranking))]}
    return {name: [(name, place) not in dead for place in range(array.size)] for name, array in scores.items()}


ORACLES = {
    "open-lth": (open_lth_of, "first"),
    "shrinkbench": (shrinkbench, "first"),
    "global-mp-released": (released, "first"),
    "torch-prune": (torch_prune, "last"),
}
SCORES = st.lists(
    st.lists(st.integers(0, 9).map(float) | st.floats(0, 9, width=16), min_size=1, max_size=24), min_size=1, max_size=3
)


@pytest.mark.parametrize("count", ORACLES)
@given(
    tensors=SCORES,
    sparsity=st.sampled_from([0.0, 0.2, 0.29, 0.5, 0.9]) | st.floats(0, 0.99),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    seed=st.none() | st.integers(0, 99),
)
def test_the_mask_is_the_one_that_the_code_makes(count, tensors, sparsity, dtype, seed):
    oracle, ties = ORACLES[count]
    scores = {name: np.array(values, dtype=dtype) for name, values in zip("cab", tensors, strict=False)}
    left = {name: np.ones(array.size, dtype=bool) for name, array in scores.items()}
    alive = None
    if seed is not None:
        rng = np.random.default_rng(seed)
        left = {name: rng.random(array.size) < 0.7 for name, array in scores.items()}
        alive = MaskSet.from_arrays(left)
    seen = {name: array[left[name]] for name, array in scores.items() if left[name].any()}
    size, living = (sum(array.size for array in each.values()) for each in (scores, seen))
    # From a mask, the code sees what is left, and the fraction of it whose removal leads to the sparsity.
    exact = 1 - (1 - Fraction(repr(sparsity))) * Fraction(size, max(living, 1))
    decimal = round(exact, 6)  # what a decimal target asks for is no fraction with a rounding error
    fraction = sparsity if living == size else max(0.0, float(decimal if abs(exact - decimal) < 1e-14 else exact))
    kept = oracle(seen, fraction) if seen else {}
    selection = Selection(count=count, ties=ties)
    if kept is None:
        with pytest.raises(InfeasibleSelection, match='counting rule "open-lth" takes its threshold at index'):
            select_masks(scores, sparsity=sparsity, selection=selection, alive=alive)
        return
    masks = select_masks(scores, sparsity=sparsity, selection=selection, alive=alive)
    for name, flags in left.items():
        flags[flags] = kept.get(name, [])
        assert masks.array(name).tolist() == flags.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_mask_of_jaxpruner_is_the_one_of_normalised_scores(seed):
    rng = np.random.default_rng(seed)
    weights = {name: scale * rng.normal(size=size) for name, scale, size in (("a", 1, 500), ("b", 50, 60), ("c", 9, 7))}
    normalised = {name: np.abs(each) / (math.sqrt(np.square(each).sum()) + 1e-8) for name, each in weights.items()}
    ranking = sorted(pooled(normalised), key=lambda entry: (-entry[0], *entry[1:]))
    for sparsity in (0.0, 0.5, 0.9, 0.9999):
        keep = max(1, round(567 * (1.0 - sparsity)))
        best = {entry[1:] for entry in ranking[:keep]}
        masks = select(weights, sparsity=sparsity, score="normalised-magnitude", count="jaxpruner")
        for name, each in weights.items():
            assert masks.array(name).tolist() == [(name, place) in best for place in range(each.size)]


# From a mask so far, as each code goes on from it


def draw_scores(rng, sizes, distinct=False):
    if distinct:
        ranks = rng.permutation(sum(sizes)) + 1.0
        return dict(zip("cab", np.split(ranks, np.cumsum(sizes)[:-1]), strict=True))
    return {name: rng.integers(0, 9, size).astype(float) for name, size in zip("cab", sizes, strict=True)}


def zeros_for_the_dead(scores, alive):
    return {name: np.where(alive[name], array, 0.0) for name, array in scores.items()}


def synflow(scores, alive, density):
    """Return the masks of SynFlow's code, which looks at all scores and makes each mask anew; dead weights score 0."""
    scores = zeros_for_the_dead(scores, alive)
    ascending = sorted(value for array in scores.values() for value in array.tolist())
    k = int((1.0 - density) * len(ascending))
    return alive if k < 1 else {name: array > ascending[k - 1] for name, array in scores.items()}


def open_lth(scores, alive, fraction):
    """Return the masks of OpenLTH's code, which removes a fraction of the weights that remain."""
    remaining = sorted(value for name in scores for value in scores[name][alive[name]].tolist())
    threshold = remaining[math.ceil(fraction * len(remaining))]
    return {name: alive[name] & (array > threshold) for name, array in scores.items()}


def jaxpruner(scores, alive, sparsity):
    """Return the masks of JaxPruner's count: the best of all scores, of which those of dead weights never come in."""
    ranking = sorted((-value, name, place) for value, name, place in pooled(zeros_for_the_dead(scores, alive)))
    best = {entry[1:] for entry in ranking[: max(1, round((1.0 - sparsity) * len(ranking)))]}
    return {
        name: alive[name] & np.array([(name, place) in best for place in range(array.size)])
        for name, array in scores.items()
    }


def same(masks, expected):
    assert {name: masks.array(name).tolist() for name in masks} == {n: each.tolist() for n, each in expected.items()}


SIZES = st.lists(st.integers(1, 40), min_size=3, max_size=3)
TARGETS = st.lists(st.sampled_from([0.2, 0.29, 0.36, 0.5, 0.9]) | st.floats(0, 0.99), min_size=2, max_size=4)


@given(sizes=SIZES, targets=TARGETS, seed=st.integers(0, 999))
def test_synflow_ranks_all_scores_again_and_the_dead_as_zeros(sizes, targets, seed):
    rng = np.random.default_rng(seed)
    alive, masks = {name: np.ones(size, dtype=bool) for name, size in zip("cab", sizes, strict=True)}, None
    for target in sorted(targets):
        scores = draw_scores(rng, sizes)
        alive = synflow(scores, alive, 1.0 - target)
        masks = select_masks(scores, sparsity=target, selection=Selection(count="synflow"), alive=masks)
        same(masks, alive)


@given(sizes=SIZES, rounds=st.integers(1, 5), percent=st.sampled_from([1, 7, 20, 29, 50]), seed=st.integers(0, 999))
def test_open_lth_removes_the_fraction_of_what_remains_from_level_to_level(sizes, rounds, percent, seed):
    rng = np.random.default_rng(seed)
    alive, masks, before = {n: np.ones(size, dtype=bool) for n, size in zip("cab", sizes, strict=True)}, None, None
    for target in iterative(1 - (1 - percent / 100) ** rounds, rounds, rate=percent / 100):
        if sum(each.sum() for each in alive.values()) < 4:
            break
        scores = draw_scores(rng, sizes, distinct=True)
        alive = open_lth(scores, alive, percent / 100)
        masks = select_masks(scores, sparsity=target, selection=Selection(count="open-lth"), alive=masks, before=before)
        same(masks, alive)
        before = target


def test_open_lth_does_not_make_up_for_the_weight_that_a_level_removed_too_many():
    masks = select_masks({"w": DISTINCT}, sparsity=0.2, selection=Selection(count="open-lth"))
    assert masks.count() == 799  # less 201
    again = select_masks({"w": DISTINCT}, sparsity=0.36, selection=Selection(count="open-lth"), alive=masks, before=0.2)
    assert again.count() == 799 - 161


@given(sizes=SIZES, target=st.sampled_from([0.36, 0.5, 0.9]) | st.floats(0.3, 0.99), seed=st.integers(0, 999))
def test_jaxpruner_counts_of_all(sizes, target, seed):
    rng = np.random.default_rng(seed)
    scores = draw_scores(rng, sizes, distinct=True)
    alive = {name: rng.random(array.size) < 0.7 for name, array in scores.items()}
    how = Selection(count="jaxpruner")
    same(
        select_masks(scores, sparsity=target, selection=how, alive=MaskSet.from_arrays(alive)),
        jaxpruner(scores, alive, target) if any(each.any() for each in alive.values()) else alive,
    )


def test_torch_prune_goes_on_as_torch_does():
    net = torch.nn.Sequential(torch.nn.Linear(13, 7), torch.nn.Linear(7, 5))
    scores = {f"{place}.weight": layer.weight.detach().abs().clone() for place, layer in enumerate(net)}
    parameters = [(layer, "weight") for layer in net]
    masks, before = None, None
    for target in (0.3, 0.51, 0.657):
        prune.global_unstructured(parameters, pruning_method=prune.L1Unstructured, amount=0.3)
        masks = select_masks(
            scores, sparsity=target, selection=Selection(count="torch-prune"), alive=masks, before=before
        )
        before = target
        for place, layer in enumerate(net):
            assert torch.equal(masks[f"{place}.weight"], layer.weight_mask.bool())


# Single rules


def test_truncation_to_bfloat16_makes_ties_that_some_rules_overrun():
    scores = torch.randn(1000, generator=torch.Generator().manual_seed(3)).abs().bfloat16()
    boundary = scores.sort().values[499]
    tied, below = int((scores == boundary).sum()), int((scores < boundary).sum())
    assert tied > 1
    assert removed("synflow", scores, 0.5) == below + tied
    assert removed("global-mp-released", scores, 0.5) == below
    assert removed("torch-prune", scores, 0.5) == removed("jaxpruner", scores, 0.5) == 500


def test_torch_prune_is_what_torch_does():
    net = torch.nn.Sequential(torch.nn.Linear(13, 7), torch.nn.Linear(7, 5))
    weights = {name: value.detach().clone() for name, value in net.named_parameters() if "weight" in name}
    scores = {name: weight.abs() for name, weight in weights.items()}
    for amount in (0.1, 0.5, 0.77):
        masks = select_masks(scores, sparsity=amount, selection=Selection(count="torch-prune"))
        pruned = torch.nn.Sequential(torch.nn.Linear(13, 7), torch.nn.Linear(7, 5))
        pruned.load_state_dict(net.state_dict())
        parameters = [(layer, "weight") for layer in pruned]
        prune.global_unstructured(parameters, pruning_method=prune.L1Unstructured, amount=amount)
        for index, layer in enumerate(pruned):
            assert torch.equal(layer.weight_mask.bool(), masks[f"{index}.weight"])


def test_synflow_is_kthvalue_and_smaller():
    scores = torch.from_numpy(DISTINCT)
    density = 1 - 0.63
    threshold = torch.kthvalue(scores, int((1.0 - density) * 1000)).values
    masks = select_masks({"w": scores}, sparsity=0.63, selection=Selection(count="synflow"))
    assert torch.equal(masks["w"], scores > threshold)


def test_shrinkbench_interpolates_its_threshold():
    scores = {"w": np.array([1.0, 2.0, 3.0, 4.0])}
    masks = select_masks(scores, sparsity=0.5, selection=Selection(count="shrinkbench"))
    assert masks.array("w").tolist() == [False, False, True, True]


@pytest.mark.parametrize(("stray", "expected"), [(None, 899), (0.0, 898), (1e9, 899)])
def test_the_stray_scalar_of_global_mp_changes_the_count(stray, expected):
    assert 1000 - global_mp_released(DISTINCT, 0.9, stray=stray) == expected
    assert removed({"id": "global-mp-released", "stray": stray}, DISTINCT, 0.9) == expected


def test_normalisation_makes_another_global_ranking():
    generator = torch.Generator().manual_seed(0)
    scores = {"wide": torch.rand(500, generator=generator), "narrow": 10 * torch.rand(50, generator=generator)}
    plain = select(scores, sparsity=0.9)
    normalised = select(scores, sparsity=0.9, score="normalised-magnitude", count="jaxpruner")
    assert plain.count() == normalised.count() == 55
    assert normalised != plain
    scaled = {"wide": scores["wide"] * 1024, "narrow": scores["narrow"]}
    assert select(scaled, sparsity=0.9, score="normalised-magnitude", count="jaxpruner") == normalised


def test_open_lth_refuses_where_its_index_runs_out():
    with pytest.raises(InfeasibleSelection, match="at index 10 of 10"):
        removed("open-lth", np.arange(10.0), 0.99)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_weights_give_no_mask(rule):
    masks = select_masks({"w": np.ones((0, 3))}, sparsity=0.5, selection=Selection(count=rule.id))
    assert masks.size() == 0
