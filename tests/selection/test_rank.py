"""Scopes, counts, floors and ties against an oracle that sorts Python tuples."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from pruneproof.contracts.floor import Floor
from pruneproof.contracts.selection import Selection
from pruneproof.contracts.source import Source
from pruneproof.counting.catalogue import COUNTING_RULES
from pruneproof.errors import BadConfig, BadPlugin, BadTensor, InfeasibleSelection
from pruneproof.selection.amount import Amount
from pruneproof.selection.candidates import Candidates
from pruneproof.selection.rank import rank
from pruneproof.selection.rules import Rules, ask, installed, resolve
from pruneproof.selection.select import select_candidates, select_masks
from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet

SOURCE = Source("Nobody", 2026, "Nothing")
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
BY_SIZE = [rule for rule in COUNTING_RULES if rule.id in ("ceil-keep-one", "torch-prune", "jaxpruner")]
VALUES = st.integers(0, 4).map(float) | st.sampled_from([-0.0, float("inf"), -float("inf"), -1.5])


@st.composite
def tensors(draw, values=VALUES):
    """Draw torch tensors of one dtype with many ties, names out of order."""
    dtype = draw(st.sampled_from(DTYPES))
    names = draw(st.lists(st.sampled_from(["b", "a.weight", "a", "é"]), unique=True, min_size=1, max_size=4))
    shapes = st.sampled_from([(0,), (1,), (7,), (2, 3), (3, 1, 2), ()])
    drawn = {name: draw(shapes) for name in names}
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    palette = draw(st.lists(values, min_size=1, max_size=5))
    return {name: torch.tensor(rng.choice(palette, shape)).to(dtype) for name, shape in drawn.items()}


def mask_of(scores, seed):
    if seed is None:
        return None
    rng = np.random.default_rng(seed)
    return MaskSet.from_arrays({name: rng.random(tuple(each.shape)) < 0.7 for name, each in scores.items()})


SEEDS = st.none() | st.integers(0, 99)
SPARSITIES = st.sampled_from([0.0, 0.29, 0.5, 0.9]) | st.floats(0, 0.99)


# The oracle


def entries(scores, alive):
    """Return (score, name, index) of the living."""
    return [
        (score, name, index)
        for name, tensor in scores.items()
        for index, score in enumerate(tensor.double().flatten().tolist())
        if alive is None or alive.array(name).reshape(-1)[index]
    ]


def best(units, keep, ties):
    ranking = sorted(units, key=lambda unit: unit[1:], reverse=ties == "last")
    ranking.sort(key=lambda unit: -unit[0])  # stable
    return {unit[1:] for unit in ranking[:keep]}


def kept(masks):
    return {(name, int(index)) for name in masks for index in np.flatnonzero(masks.array(name))}


# Ties


@given(scores=tensors(), portion=st.floats(0, 1), floor=st.integers(0, 3), seed=SEEDS)
def test_of_ties_the_last_stay_where_all_tensors_compete(scores, portion, floor, seed):
    alive = mask_of(scores, seed)
    units = entries(scores, alive)
    safe = set()
    for name in scores:
        safe |= best([unit for unit in units if unit[1] == name], floor, "last")
    keep = len(safe) + round(portion * (len(units) - len(safe)))
    rest = best([unit for unit in units if unit[1:] not in safe], keep - len(safe), "last")
    selection = Selection(ties="last", floor={"id": "count", "least": floor})
    masks = select_masks(scores, keep=keep, selection=selection, alive=alive)
    assert kept(masks) == safe | rest
    survivors = [unit[0] for unit in units if unit[1:] in safe | rest]
    assert masks.threshold == (min(survivors) if survivors else None)


@pytest.mark.parametrize("scope", ["tensor", "uniform"])
@given(scores=tensors(), sparsity=SPARSITIES, seed=SEEDS)
def test_of_ties_the_last_stay_where_each_tensor_is_ranked(scope, scores, sparsity, seed):
    alive = mask_of(scores, seed)
    units = entries(scores, alive)
    selection = Selection(ties="last", scope=scope)
    try:
        first = select_masks(scores, sparsity=sparsity, selection=Selection(scope=scope), alive=alive)
    except InfeasibleSelection:
        with pytest.raises(InfeasibleSelection):
            select_masks(scores, sparsity=sparsity, selection=selection, alive=alive)
        return
    masks = select_masks(scores, sparsity=sparsity, selection=selection, alive=alive)
    expected = set()
    for name in scores:
        expected |= best([unit for unit in units if unit[1] == name], first.count(name), "last")
    assert kept(masks) == expected


def test_a_gradient_is_turned_with_its_tensor():
    weights, gradients = {"w": np.array([1.0, 2.0, 3.0])}, {"w": np.array([6.0, 3.0, 1.0])}
    found = Candidates(weights, "sensitivity", gradients)
    bits, threshold = rank(found, Amount(keep=1), Selection(ties="last"), Rules())
    assert (np.unpackbits(bits["w"])[-3:].tolist(), threshold) == ([0, 1, 0], 6.0)


# Counting rules


def counted(rule, size, sparsity, total=None, target=None, scores=None):
    """Ask a rule by hand, of a dense network where no total is given."""
    total, target = size if total is None else total, sparsity if target is None else target
    given = {"size": size, "sparsity": sparsity, "total": total, "target": target, "fraction": sparsity}
    return ask(rule.keep, {name: lambda value=value: value for name, value in (given | {"scores": scores}).items()}, {})


@pytest.mark.parametrize("rule", COUNTING_RULES, ids=lambda rule: rule.id)
@given(scores=tensors(st.integers(0, 4).map(float) | st.floats(0, 9, width=16)), sparsity=SPARSITIES, seed=SEEDS)
def test_a_rule_counts_what_competes(rule, scores, sparsity, seed):
    alive = mask_of(scores, seed)
    units = entries(scores, alive)
    sizes = {name: each.numel() for name, each in scores.items()}

    def count(names):
        here = [score for score, name, _ in sorted(units, key=lambda unit: unit[1:]) if name in names]
        size = sum(sizes[name] for name in names)
        if not here:
            return 0
        exact = 1 - (1 - Fraction(repr(sparsity))) * Fraction(size, len(here))
        decimal = round(exact, 6)
        fraction = float(decimal if abs(exact - decimal) < 1e-14 else exact)
        fraction = sparsity if len(here) == size else max(0.0, fraction)
        dtype = {torch.float16: np.float16, torch.float64: np.float64}.get(
            next(iter(scores.values())).dtype, np.float32
        )
        try:
            return counted(rule, len(here), fraction, size, sparsity, np.array(here, dtype=dtype))
        except InfeasibleSelection:
            assume(False)

    together, each = best(units, count(list(scores)), "first"), set()
    for name in scores:
        each |= best([unit for unit in units if unit[1] == name], count([name]), "first")
    for scope, expected in (("global", together), ("tensor", each)):
        selection = Selection(scope=scope, count=rule.id)
        assert kept(select_masks(scores, sparsity=sparsity, selection=selection, alive=alive)) == expected


@pytest.mark.parametrize("rule", BY_SIZE, ids=lambda rule: rule.id)
@given(rows=st.integers(1, 4), width=st.integers(1, 6), sparsity=SPARSITIES, seed=st.integers(0, 99))
def test_a_rule_that_counts_by_size_counts_the_row(rule, rows, width, sparsity, seed):
    scores = {"w": torch.from_numpy(np.random.default_rng(seed).integers(0, 4, (rows, width)).astype(np.float32))}
    masks = select_masks(scores, sparsity=sparsity, selection=Selection(scope="row", count=rule.id))
    for row, flags in zip(scores["w"].tolist(), masks.array("w").tolist(), strict=True):
        places = best([(score, "w", index) for index, score in enumerate(row)], counted(rule, width, sparsity), "first")
        assert {index for index, flag in enumerate(flags) if flag} == {index for _, index in places}


@pytest.mark.parametrize("rule", BY_SIZE, ids=lambda rule: rule.id)
@given(scores=tensors(), sparsity=SPARSITIES)
def test_a_rule_that_counts_by_size_makes_the_budget_of_an_allocation(rule, scores, sparsity):
    size = sum(each.numel() for each in scores.values())
    assume(size)
    budget = counted(rule, size, sparsity)
    by_rule = select_masks(scores, sparsity=sparsity, selection=Selection(scope="erk", count=rule.id))
    assert by_rule == select_masks(scores, keep=budget, selection=Selection(scope="erk"))
    assert by_rule.count() == budget


# Allocations


@pytest.mark.parametrize("scope", ["uniform", "erk", "lamp"])
@given(scores=tensors(st.floats(0, 9, width=16)), sparsity=SPARSITIES)
def test_an_allocation_keeps_the_best_of_each_tensor(scope, scores, sparsity):
    keep = keep_count(sum(each.numel() for each in scores.values()), sparsity)
    allocation = resolve(Selection(scope=scope), installed).allocation
    counts = allocation.counts(scores, keep)
    expected = set()
    for name in scores:
        expected |= best([unit for unit in entries(scores, None) if unit[1] == name], counts[name], "first")
    assert kept(select_masks(scores, sparsity=sparsity, selection=Selection(scope=scope))) == expected


def test_weights_that_an_allocation_looks_at_must_fit_the_scores():
    scores = {"w": np.ones((2, 3))}
    with pytest.raises(BadTensor, match=r'weights of "w" have shape \(3, 2\); its scores have \(2, 3\)'):
        select_masks(scores, keep=3, selection=Selection(scope="erk"), weights={"w": np.ones((3, 2))})


# Floors


def with_floor(scores, floor, ties="first", **amount):
    selection = Selection(floor="mine", ties=ties)
    return select_candidates(Candidates(scores), Amount(**amount), selection, Rules(floor=floor))


@given(scores=tensors(), seed=st.integers(0, 99), ties=st.sampled_from(["first", "last"]))
def test_a_final_floor_says_how_many_of_each_tensor_stay(scores, seed, ties):
    rng = np.random.default_rng(seed)
    counts = {name: int(rng.integers(0, each.numel() + 1)) for name, each in scores.items()}
    floor = Floor("mine", lambda sizes: counts, SOURCE, "final", final=True)
    expected = set()
    for name in scores:
        expected |= best([unit for unit in entries(scores, None) if unit[1] == name], counts[name], ties)
    masks = with_floor(scores, floor, ties, sparsity=0.5)
    assert kept(masks) == expected
    assert masks.threshold is None


def test_a_floor_sees_sizes_sparsity_and_the_living_scores():
    seen = {}

    def least(sizes, sparsity, scores):
        seen.update(sizes=sizes, sparsity=sparsity, scores={name: each.tolist() for name, each in scores.items()})
        return {"b": 1}

    floor = Floor("mine", least, SOURCE, "looks")
    scores = {"b": np.array([1.0, 2.0]), "a": np.array([[3.0, 4.0]])}
    alive = MaskSet.from_arrays({"b": np.array([True, True]), "a": np.array([[False, True]])})
    masks = select_candidates(
        Candidates(scores, alive=alive), Amount(keep=2), Selection(floor="mine"), Rules(floor=floor)
    )
    assert seen == {"sizes": {"b": 2, "a": 2}, "sparsity": 0.5, "scores": {"a": [4.0], "b": [1.0, 2.0]}}
    assert kept(masks) == {("a", 1), ("b", 1)}
    select_candidates(Candidates(scores), Amount(sparsity=0.3), Selection(floor="mine"), Rules(floor=floor))
    assert seen["sparsity"] == 0.3


@pytest.mark.parametrize("least", [-1, 1.5, True, "2", None])
def test_a_floor_that_is_no_number_is_refused_by_tensor(least):
    floor = Floor("mine", lambda sizes: {"w": least}, SOURCE, "odd")
    with pytest.raises(BadConfig, match='of "w" is out of range: a whole number from 0'):
        with_floor({"w": np.ones(4)}, floor, keep=2)


@pytest.mark.parametrize(("counts", "says"), [({"v": 1}, r"answered for \['v'\]"), ({"v": 1, "w": 5}, "keeps 5")])
def test_a_final_floor_that_does_not_answer_for_every_tensor_is_refused(counts, says):
    floor = Floor("mine", lambda sizes: counts, SOURCE, "final", final=True)
    with pytest.raises(BadPlugin, match=f'floor "mine" {says}'):
        with_floor({"w": np.ones(4), "v": np.ones(2)}, floor, sparsity=0.5)
