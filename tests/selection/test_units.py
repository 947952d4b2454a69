"""Units that span tensors, regular ones and N:M, against an oracle of Python loops."""

from math import prod, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof.contracts.allocation import Allocation
from pruneproof.contracts.selection import Selection
from pruneproof.contracts.source import Source
from pruneproof.contracts.structure import Structure
from pruneproof.errors import BadConfig, BadPlugin, BadTensor, InfeasibleSelection
from pruneproof.selection.amount import Amount
from pruneproof.selection.candidates import Candidates
from pruneproof.selection.fit import fit
from pruneproof.selection.rules import Rules, installed, resolve
from pruneproof.selection.select import select_candidates, select_masks
from pruneproof.selection.units import numbers_in, numbers_of
from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet

SOURCE = Source("Nobody", 2026, "Nothing")
REDUCTIONS = ["l1", "l2", "mean", "abs-of-sum", "sum"]
NAMES = ["conv.weight", "b.weight", "a.weight"]
OTHERS = ["norm.weight", "norm.bias"]
EIGHTHS = st.integers(-24, 24).map(lambda eighths: eighths / 8)
"""Few bits: sums are exact, in whatever order."""


def structure(places, keep=None):
    return Structure("mine", lambda shapes: places, SOURCE, "units", keep)


def network(shapes):
    """Return a module with parameters of these names and shapes."""
    module = nn.Module()
    for name, shape in shapes.items():
        part, leaf = name.split(".")
        if not hasattr(module, part):
            module.add_module(part, nn.Module())
        getattr(module, part).register_parameter(leaf, nn.Parameter(torch.zeros(shape)))
    return module


def selected(scores, places, selection=None, *, keep=None, alive=None, module=None, **amount):
    selection = selection or Selection()
    rules = resolve(selection, installed)
    rules = Rules(rules.allocation, structure(places, keep), rules.floor, rules.counting)
    return select_candidates(Candidates(scores, alive=alive), Amount(**amount), selection, rules, module=module)


def arrays(masks):
    return {name: masks.array(name).tolist() for name in sorted(masks)}


# Drawing


@st.composite
def problems(draw):
    """Draw scores, numbers of units that span tensors, further tensors that die with them, and a mask so far."""
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    palette = draw(st.lists(EIGHTHS, min_size=1, max_size=6))
    units = draw(st.integers(1, 7))
    shapes, places = {}, {}
    for name in names:
        shape = shapes[name] = tuple(draw(st.lists(st.integers(0, 4), min_size=1, max_size=3)))
        numbered = [size if rng.random() < 0.7 else 1 for size in shape]  # sides of 1 are broadcast
        numbered = [min(side, size) if size == 0 else side for side, size in zip(numbered, shape, strict=True)]
        places[name] = rng.integers(-1, units, numbered[rng.integers(0, 2) * (numbered[0] == 1 < len(numbered)) :])
    used = sorted({int(each) for name in names if prod(shapes[name]) for each in places[name].flat})
    scores = {name: rng.choice(palette, shapes[name]) for name in names}
    beyond = {name: (int(rng.integers(1, 4)),) for name in draw(st.lists(st.sampled_from(OTHERS), unique=True))}
    for name, shape in beyond.items():
        places[name] = rng.choice([-1, *used], shape)
    alive = None
    if draw(st.booleans()):
        of_those = {**shapes, **beyond} if draw(st.booleans()) else shapes
        alive = MaskSet.from_arrays({name: rng.random(shape) < 0.7 for name, shape in of_those.items()})
    return scores, places, beyond, alive


# The oracle


def unit_scores(scores, places, alive, reduce):
    """Return unit -> (score, first tensor by name, whether a weight of it is alive)."""
    members, home, living = {}, {}, {}
    for name in sorted(scores):
        numbers = np.broadcast_to(places[name], scores[name].shape)
        for place in np.ndindex(scores[name].shape):
            unit = int(numbers[place])
            if unit < 0:
                continue
            here = alive is None or bool(alive.array(name)[place])
            members.setdefault(unit, []).append(float(scores[name][place]) if here else 0.0)
            home.setdefault(unit, name)
            living[unit] = living.get(unit, False) or here
    reduced = {
        "l1": lambda values: sum(abs(value) for value in values),
        "l2": lambda values: sqrt(sum(value * value for value in values)),
        "mean": lambda values: sum(values) / len(values),
        "abs-of-sum": lambda values: abs(sum(values)),
        "sum": sum,
    }[reduce]
    return {unit: (reduced(values), home[unit], living[unit]) for unit, values in members.items()}


def best(units, keep):
    """Return the best of (score, tensor, unit)."""
    return {unit for *_, unit in sorted(units, key=lambda each: (-each[0], *each[1:]))[:keep]}


def expected_units(units, names, scope, sparsity, floor):
    """Return the units that stay; None where that cannot be."""
    sizes = {name: sum(home == name for _, home, _ in units.values()) for name in names}
    living = [(score, home, unit) for unit, (score, home, alive) in units.items() if alive]
    of = {name: [each for each in living if each[1] == name] for name in names}
    keep = keep_count(sum(sizes.values()), sparsity)
    if scope == "tensor":
        kept = set()
        for name, size in sizes.items():
            count = max(keep_count(size, sparsity), min(floor, len(of[name])))
            if count > len(of[name]):
                return None
            kept |= best(of[name], count)
        return kept
    least = {name: min(floor, len(each)) for name, each in of.items()}
    if keep > len(living) or sum(least.values()) > keep:
        return None
    if scope == "global":
        safe = set().union(*(best(of[name], least[name]) for name in names))
        return safe | best([each for each in living if each[2] not in safe], keep - len(safe))
    pooled = {name: [score for unit, (score, home, _) in sorted(units.items()) if home == name] for name in names}
    counts = resolve(Selection(scope=scope), installed).allocation.counts(
        {name: np.array(values) for name, values in pooled.items()}, keep
    )
    counts = fit(counts, least, {name: len(each) for name, each in of.items()}, keep)
    return set().union(*(best(of[name], counts[name]) for name in names))


# Numbered units


@pytest.mark.parametrize("reduce", REDUCTIONS)
@given(
    problem=problems(),
    scope=st.sampled_from(["global", "tensor", "uniform", "lamp"]),
    sparsity=st.sampled_from([0.0, 0.29, 0.5, 0.9]) | st.floats(0, 0.99),
    floor=st.integers(0, 2),
)
def test_whole_units_live_and_die_wherever_they_stand(reduce, problem, scope, sparsity, floor):
    scores, places, beyond, alive = problem
    units = unit_scores(scores, places, alive, reduce)
    kept = expected_units(units, sorted(scores), scope, sparsity, floor)
    selection = Selection(scope=scope, reduce=reduce, floor={"id": "count", "least": floor})
    module = network({**{name: each.shape for name, each in scores.items()}, **beyond})
    if kept is None:
        with pytest.raises(InfeasibleSelection):
            selected(scores, places, selection, alive=alive, module=module, sparsity=sparsity)
        return
    masks = selected(scores, places, selection, alive=alive, module=module, sparsity=sparsity)
    expected = {}
    for name, shape in {**{name: each.shape for name, each in scores.items()}, **beyond}.items():
        numbers = np.broadcast_to(places[name], shape)
        flags = np.array([unit < 0 or int(unit) in kept for unit in numbers.flat], dtype=bool).reshape(shape)
        expected[name] = flags if alive is None or name not in alive else flags & alive.array(name)
    assert arrays(masks) == {name: expected[name].tolist() for name in sorted(expected)}
    survivors = [units[unit][0] for unit in kept]
    assert masks.threshold == (min(survivors) if survivors and scope == "global" else None)


@given(problem=problems(), order=st.permutations(NAMES), scope=st.sampled_from(["global", "tensor", "uniform"]))
def test_the_order_of_the_tensors_does_not_matter(problem, order, scope):
    scores, places, beyond, _ = problem
    module = network({**{name: each.shape for name, each in scores.items()}, **beyond})
    turned = {name: scores[name] for name in order if name in scores}
    how = {"selection": Selection(scope=scope), "module": module, "sparsity": 0.5}
    assert selected(scores, places, **how) == selected(turned, places, **how)


def test_a_unit_in_an_unprunable_tensor_leaves_that_tensor_whole():
    module = network({"conv.weight": (2, 2), "b.weight": (2, 2)})
    numbers = {"conv.weight": np.array([[0], [1]]), "b.weight": np.array([[0, 1]])}

    def units(shapes):
        return numbers

    scores = {"conv.weight": np.array([[1.0, 1.0], [2.0, 2.0]]), "b.weight": np.ones((2, 2))}
    selection = Selection(unprunable=("b.*",))
    found = Candidates({"conv.weight": scores["conv.weight"]})
    rules = Rules(structure=Structure("mine", units, SOURCE, "units"))
    masks = select_candidates(found, Amount(keep=1), selection, rules, module=module)
    assert masks.array("conv.weight").tolist() == [[False, False], [True, True]]
    assert masks.array("b.weight").tolist() == [[False, True], [False, True]]


def test_infinite_scores_are_scores_and_both_infinities_in_one_unit_are_refused():
    places = {"a.weight": np.array([0, 0, 1, 1])}
    masks = selected(
        {"a.weight": np.array([-np.inf, 1.0, 2.0, 1.0])}, places, Selection(reduce="l1"), keep=None, sparsity=0.5
    )
    assert masks.array("a.weight").tolist() == [True, True, False, False]
    masks = selected({"a.weight": np.array([-np.inf, 1.0, 2.0, 1.0])}, places, Selection(reduce="sum"), sparsity=0.5)
    assert masks.array("a.weight").tolist() == [False, False, True, True]
    with pytest.raises(BadTensor, match=r'scores of unit 1, first in "a\.weight", add up to inf - inf'):
        selected({"a.weight": np.array([0.0, 1.0, np.inf, -np.inf])}, places, Selection(reduce="sum"), sparsity=0.5)


# Regular structures


@st.composite
def regular(draw):
    """Draw tensors, the sides of their blocks, and a mask so far."""
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    palette = draw(st.lists(EIGHTHS, min_size=1, max_size=6))
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64]))
    shapes = {
        name: tuple(draw(st.lists(st.integers(0, 5), min_size=1, max_size=3)))
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    }
    sides = {name: tuple(int(rng.integers(1, 4)) for _ in shape) for name, shape in shapes.items()}
    alive = MaskSet.from_arrays({n: rng.random(s) < 0.7 for n, s in shapes.items()}) if draw(st.booleans()) else None
    tensors, slopes = ({n: rng.choice(palette, s).astype(dtype) for n, s in shapes.items()} for _ in range(2))
    return tensors, slopes, sides, alive


@pytest.mark.parametrize("reduce", REDUCTIONS)
@given(
    problem=regular(),
    score=st.sampled_from(["given", "magnitude", "magnitude-squared", "sensitivity", "sensitivity-squared"]),
    scope=st.sampled_from(["global", "tensor", "lamp"]),
    ties=st.sampled_from(["first", "last"]),
    sparsity=st.sampled_from([0.0, 0.3, 0.5, 0.9]),
    floor=st.integers(0, 2),
)
def test_blocks_are_ranked_by_the_engine_as_by_their_numbers(reduce, problem, score, scope, ties, sparsity, floor):
    tensors, slopes, sides, alive = problem
    selection = Selection(scope=scope, reduce=reduce, ties=ties, floor={"id": "count", "least": floor})
    rules = resolve(selection, installed)
    found = Candidates(tensors, score, slopes if score.startswith("sensitivity") else None, alive)
    shapes = {name: each.shape for name, each in tensors.items()}

    def answer(places):
        each = Rules(rules.allocation, structure(places), rules.floor)
        try:
            masks = select_candidates(found, Amount(sparsity), selection, each)
        except (InfeasibleSelection, BadTensor) as refusal:
            return type(refusal)
        return arrays(masks), masks.threshold

    assert answer(sides) == answer(numbers_in(sides, shapes))


@given(problem=regular(), blocks=st.data())
def test_blocks_of_one_tensor_are_no_units_of_another(problem, blocks):
    tensors, _, sides, _ = problem
    named = blocks.draw(st.sampled_from(sorted(tensors)))
    mixed = dict(sides)
    mixed[named] = numbers_of(sides[named], tensors[named].shape)
    shapes = {name: each.shape for name, each in tensors.items()}
    numbers = numbers_in(mixed, shapes)
    for name, each in numbers.items():
        own = set(each.flat)
        assert all(own.isdisjoint(numbers[other].flat) for other in numbers if other != name)
        plain = np.broadcast_to(numbers_of(sides[name], shapes[name]), shapes[name])
        assert (each - plain).size == 0 or np.ptp(each - plain) == 0


@pytest.mark.parametrize("name", ["filter", "row", "block"])
def test_the_built_in_structures_have_a_long_form_in_numbers(name):
    scores = {"conv.weight": np.arange(48.0).reshape(4, 3, 2, 2), "a.weight": np.arange(12.0)[::-1].reshape(3, 4)}
    options = {"sides": (2, 2)} if name == "block" else {}
    scores = {"a.weight": scores["a.weight"]} if name == "block" else scores
    selection = Selection(structure={"id": name, **options})
    built_in = installed(Structure, name)
    sides = built_in.units({each: array.shape for each, array in scores.items()}, **options)
    numbers = numbers_in(sides, {each: array.shape for each, array in scores.items()})
    assert select_masks(scores, sparsity=0.5, selection=selection) == selected(scores, numbers, sparsity=0.5)


@pytest.mark.parametrize("alive", [None, MaskSet.dense({"a.weight": (4, 6), "b.weight": (8, 2, 2)})])
def test_an_allocation_sees_the_grid_of_blocks_with_a_mask_so_far_or_without(alive):
    seen = []

    def counts(weights, keep):
        seen.append({name: each.shape for name, each in weights.items()})
        return {"a.weight": keep, "b.weight": 0}

    rules = Rules(Allocation("mine", counts, SOURCE), structure({"a.weight": (1, 4), "b.weight": (1, 2, 2)}))
    scores = {"a.weight": np.ones((4, 6)), "b.weight": np.ones((8, 2, 2))}
    masks = select_candidates(Candidates(scores, alive=alive), Amount(keep=3), Selection(scope="mine"), rules)
    assert seen == [{"a.weight": (4, 2), "b.weight": (8, 1, 1)}]
    assert masks.count("a.weight") == 3 * 4


# The best N of each unit


@st.composite
def groups(draw):
    """Draw tensors that can be cut into groups of M along one axis."""
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    dims, m = draw(st.integers(1, 3)), draw(st.integers(2, 4))
    axis = draw(st.integers(0, dims - 1))
    palette = draw(st.lists(EIGHTHS | st.sampled_from([float("inf"), -float("inf")]), min_size=1, max_size=6))
    scores = {}
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1)):
        shape = [int(rng.integers(0, 4)) for _ in range(dims)]
        shape[axis] *= m
        scores[name] = rng.choice(palette, shape)
    alive = None
    if draw(st.booleans()):
        alive = MaskSet.from_arrays({name: rng.random(each.shape) < 0.8 for name, each in scores.items()})
    return scores, axis, m, alive


def best_of_each(scores, places, keep, alive):
    """Return the flags of the best `keep` of each unit, or None where one has too few."""
    members = {}
    flags = {
        name: np.ones(each.shape, bool) if alive is None else alive.array(name).copy() for name, each in scores.items()
    }
    for name in sorted(scores):
        numbers = np.broadcast_to(places[name], scores[name].shape)
        for place in np.ndindex(scores[name].shape):
            if numbers[place] >= 0:
                members.setdefault(int(numbers[place]), []).append((-float(scores[name][place]), name, place))
    for each in members.values():
        living = sorted(entry for entry in each if flags[entry[1]][entry[2]])
        if len(living) < min(keep, len(each)):
            return None
        for _, name, place in living[keep:]:
            flags[name][place] = False
    return {name: flags[name].tolist() for name in sorted(flags)}


@given(problem=groups(), data=st.data())
def test_the_best_n_of_m_stay_along_any_axis_by_blocks_and_by_numbers(problem, data):
    scores, axis, m, alive = problem
    n = data.draw(st.integers(1, m - 1))
    shapes = {name: each.shape for name, each in scores.items()}
    sides = {name: tuple(m if each == axis else 1 for each in range(len(shape))) for name, shape in shapes.items()}
    expected = best_of_each(scores, numbers_in(sides, shapes), n, alive)
    for places in (sides, numbers_in(sides, shapes)):
        if expected is None:
            with pytest.raises(InfeasibleSelection, match="are to be kept but only"):
                selected(scores, places, keep=lambda: n, alive=alive)
        else:
            assert arrays(selected(scores, places, keep=lambda: n, alive=alive)) == expected


@given(problem=problems(), keep=st.integers(1, 3))
def test_the_best_n_of_units_that_span_tensors_stay(problem, keep):
    scores, places, _, alive = problem
    places = {name: places[name] for name in scores}
    alive = None if alive is None else MaskSet.from_arrays({name: alive.array(name) for name in scores})
    expected = best_of_each(scores, places, keep, alive)
    if expected is None:
        with pytest.raises(InfeasibleSelection, match=r'of unit \d of structure "mine" are to be kept but only'):
            selected(scores, places, keep=lambda: keep, alive=alive)
        return
    assert arrays(selected(scores, places, keep=lambda: keep, alive=alive)) == expected


@given(problem=regular(), keep=st.integers(1, 3))
def test_the_best_n_of_any_blocks_stay(problem, keep):
    scores, _, sides, alive = problem
    # One side above 1 makes groups along an axis, which must divide it; see above.
    if any(sum(side > 1 for side in each) == 1 for each in sides.values()):
        sides = {name: tuple(2 for _ in each) for name, each in sides.items()}
        if any(len(each) == 1 for each in sides.values()):
            return
    expected = best_of_each(scores, numbers_in(sides, {name: each.shape for name, each in scores.items()}), keep, alive)
    if expected is None:
        with pytest.raises(InfeasibleSelection):
            selected(scores, sides, keep=lambda: keep, alive=alive)
        return
    assert arrays(selected(scores, sides, keep=lambda: keep, alive=alive)) == expected


@pytest.mark.parametrize("axis", [0, 1, -1, 2])
def test_n_of_m_counts_along_the_axis_that_is_named(axis):
    scores = {"conv.weight": np.random.default_rng(0).normal(size=(4, 8, 4))}
    selection = Selection(structure={"id": "n-of-m", "keep": 1, "group": 4, "axis": axis})
    masks = select_masks(scores, selection=selection)
    assert masks.is_n_of_m("conv.weight", 1, 4, axis=axis)
    moved = np.moveaxis(masks.array("conv.weight"), axis, -1).reshape(-1, 4)
    values = np.moveaxis(scores["conv.weight"], axis, -1).reshape(-1, 4)
    assert (moved.argmax(axis=1) == values.argmax(axis=1)).all()


# Refusals

SCORES = {"a.weight": np.ones((2, 4)), "b.weight": np.ones(3)}
WHOLE = {"a.weight": np.zeros((2, 4), dtype=int), "b.weight": np.zeros(3, dtype=int)}
REFUSED = {
    "nothing": ({}, BadPlugin, r"has no units of \['a\.weight', 'b\.weight'\]; every prunable tensor was asked for"),
    "a list": ({"b.weight": [0, 0, 0]}, BadPlugin, r'units of "b\.weight" by list; a tuple of sides or an integer'),
    "fractions": ({"b.weight": np.zeros(3)}, BadPlugin, r'units of "b\.weight" by ndarray'),
    "another shape": (
        {"b.weight": np.zeros(2, int)},
        BadPlugin,
        r"in shape \(2,\), which does not broadcast to \(3,\)",
    ),
    "a larger shape": ({"b.weight": np.zeros((5, 3), int)}, BadPlugin, r"in shape \(5, 3\), which does not broadcast"),
    "below none": ({"b.weight": np.array([0, -2, 1])}, BadPlugin, r'has the unit -2 in "b\.weight"; numbers from 0'),
    "too few sides": ({"a.weight": (1,)}, BadPlugin, r'cuts "a\.weight" of shape \(2, 4\) into blocks of sides \(1,\)'),
    "half a side": ({"b.weight": (1.5,)}, BadPlugin, r"into blocks of sides \(1\.5,\); a whole number for each"),
    "nowhere": (
        {"norm.scale": np.zeros(2, int)},
        BadPlugin,
        r'units of "norm\.scale", which is no tensor of the network',
    ),
    "unscored blocks": (
        {"norm.weight": (1,)},
        BadPlugin,
        r'cuts "norm\.weight" into blocks, which nothing could score',
    ),
    "unscored units": ({"norm.weight": np.array([7, 0])}, BadPlugin, "has 1 units without a prunable weight, first 7"),
    "other shape": ({"norm.weight": np.zeros(3, int)}, BadPlugin, r"shape \(3,\), which does not broadcast to \(2,\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_units_that_make_no_sense_are_refused_by_structure_and_tensor(case):
    places, error, message = REFUSED[case]
    module = network({"a.weight": (2, 4), "b.weight": (3,), "norm.weight": (2,)})
    with pytest.raises(error, match=message) as refusal:
        selected(SCORES, {**WHOLE, **places} if places else {}, module=module, sparsity=0.5)
    assert error is not BadPlugin or 'structure "mine"' in str(refusal.value)


def test_a_structure_that_looks_at_the_network_needs_one():
    looks = Rules(structure=Structure("mine", lambda module: {}, SOURCE, "looks"))
    with pytest.raises(BadConfig, match='structure "mine" looks at the network, and here are only tensors'):
        select_candidates(Candidates(SCORES), Amount(0.5), Selection(), looks)


@pytest.mark.parametrize("amount", [{"sparsity": 0.5}, {"sparsity": 0.0}])
def test_a_structure_that_says_how_much_is_kept_takes_no_amount(amount):
    with pytest.raises(BadConfig, match='structure "mine" says how much is kept'):
        selected(SCORES, WHOLE, keep=lambda: 1, **amount)


def test_the_best_of_a_unit_cannot_be_in_a_tensor_that_nothing_scores():
    module = network({"a.weight": (2, 4), "b.weight": (3,), "norm.weight": (2,)})
    places = {**WHOLE, "norm.weight": np.zeros(2, int)}
    with pytest.raises(BadPlugin, match=r"units of \['norm\.weight'\], which are not prunable"):
        selected(SCORES, places, keep=lambda: 1, module=module)


def test_groups_must_divide_their_axis():
    places = {"a.weight": (1, 3), "b.weight": (3,)}
    with pytest.raises(BadTensor, match=r"cannot be cut into groups of 3 along dimension 1"):
        selected(SCORES, places, keep=lambda: 1)
