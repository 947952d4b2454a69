"""`select` keeps what one sort of materialised scores keeps, for real tensors of every dtype and layout."""

import os
import subprocess
import sys
from fractions import Fraction
from math import fsum, isnan, prod, sqrt

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pruneproof import MaskSet, _engine, select
from pruneproof.errors import BadTensor, InfeasibleSelection

pytestmark = pytest.mark.filterwarnings("ignore:.*not contiguous")

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
SCORES = ["magnitude", "magnitude-squared", "sensitivity", "sensitivity-squared", "normalised-magnitude", "given"]
NAMES = ["b", "a.weight", "a", "é"]
PLAIN = st.integers(-24, 24).map(lambda eighths: eighths / 8)
"""Few bits: sums of their squares are exact, in whatever order."""
AWKWARD = st.sampled_from([0.0, -0.0, 1e-40, 6e-8, -1e-5, 300.0, 1e30, float("inf"), float("-inf")]) | st.floats(-3, 3)
SPARSITIES = st.sampled_from([0.0, 0.29, 0.5, 0.6, 0.9, 0.99]) | st.floats(0, 0.999)


# Tensors and amounts to select from


@st.composite
def laid_out(draw, tensor):
    """Return a tensor in some memory layout: of the same values, or with its first row repeated."""
    layout = draw(st.sampled_from(["contiguous", "offset", "transposed", "sliced", "expanded"]))
    if layout == "offset":
        tensor = torch.cat([torch.zeros(1, dtype=tensor.dtype), tensor.reshape(-1)])[1:].reshape(tensor.shape)
    elif layout == "transposed" and tensor.ndim > 1:
        tensor = tensor.transpose(0, -1).contiguous().transpose(0, -1)
    elif layout == "sliced" and tensor.ndim > 0:
        tensor = tensor.repeat_interleave(2, dim=-1)[..., ::2]
    elif layout == "expanded" and tensor.ndim > 0:
        tensor = tensor[:1].expand(tensor.shape)
    kinds = ["tensor", "parameter"] + ["array"] * (tensor.dtype != torch.bfloat16)
    match draw(st.sampled_from(kinds)):
        case "array":
            return tensor.numpy()
        case "parameter":
            return tensor.requires_grad_()
        case _:
            return tensor


def shapes(*, least=0, most=3, side=4):
    return st.lists(st.integers(0, side), min_size=least, max_size=most).map(tuple)


@st.composite
def problems(draw, dtype=None, shape=None, score=None, values=AWKWARD):
    """Named tensors, how they are scored, and the arguments of `select` that say so."""
    score = draw(st.sampled_from(SCORES)) if score is None else score
    palette = draw(st.lists(PLAIN if score == "normalised-magnitude" else values, min_size=1, max_size=6))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    dtype = draw(st.sampled_from(DTYPES)) if dtype is None else dtype

    def tensor(sides):
        return draw(laid_out(torch.tensor(rng.choice(palette, sides)).to(dtype)))

    sides = {name: draw(shapes() if shape is None else shape) for name in draw(names())}
    tensors = {name: tensor(each) for name, each in sides.items()}
    gradients = {name: tensor(each) for name, each in sides.items()} if score.startswith("sensitivity") else None
    return tensors, {"score": score, "gradients": gradients}


def names():
    return st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=4)


def amounts():
    return st.builds(dict, sparsity=SPARSITIES) | st.builds(dict, keep=st.integers(0, 70))


def masks_so_far(tensors, seed):
    """Return a random mask, or none."""
    if seed is None:
        return None
    rng = np.random.default_rng(seed)
    return MaskSet.from_arrays({name: rng.random(tuple(each.shape)) < 0.7 for name, each in tensors.items()})


SEEDS = st.none() | st.integers(0, 99)


# The oracle: scores made by torch, units sorted by Python


def materialised(tensors, score, gradients, *, signed=False):
    """Return the scores as float64 arrays of the tensors' shapes; products before their absolute value if `signed`."""

    def plain(tensor):
        return torch.as_tensor(tensor).detach().contiguous()

    def of(name):
        w = plain(tensors[name])
        match score:
            case "magnitude":
                return w.abs()
            case "magnitude-squared":
                return w * w
            case "sensitivity":
                product = w * plain(gradients[name])
                return product if signed else product.abs()
            case "sensitivity-squared":
                product = w * plain(gradients[name])
                return product * product
            case "normalised-magnitude":
                wide = w.double()
                norm = sqrt(fsum(x * x for x in wide.flatten().tolist()))
                return wide.abs() / norm if norm else torch.zeros_like(wide)
            case _:
                return w

    return {name: of(name).double().numpy() for name in tensors}


def kept_of(amount, size):
    """Return how many of `size` units stay; None where that cannot be."""
    if "keep" in amount:
        return amount["keep"] if amount["keep"] <= size else None
    return size - int(Fraction(repr(amount["sparsity"])) * size)


def best(units, keep):
    """Return the best `keep` of (score, name, place), ties to the lower name and place; None if there are too few."""
    ranking = sorted(units, key=lambda unit: (-unit[0], unit[1:]))
    return None if keep is None or keep > len(ranking) else {unit[1:] for unit in ranking[:keep]}


def expected_in_groups(groups, amount):
    """Return the units kept where each group, (size, candidates), is cut by itself; None where that cannot be."""
    chosen = [best(candidates, kept_of(amount, size)) for size, candidates in groups]
    return None if None in chosen else set().union(*chosen)


def with_floors(units, keep, floors):
    """Return the best `floors[name]` of each tensor and then the best of the others."""
    protected = set()
    for name, floor in floors.items():
        own = [unit for unit in units if unit[1] == name]
        protected |= best(own, min(floor, len(own)))
    others = [unit for unit in units if unit[1:] not in protected]
    rest = None if keep is None or keep < len(protected) else best(others, keep - len(protected))
    return None if rest is None else protected | rest


def units_of(scores, alive=None):
    """Return (score, name, place) of each candidate."""
    return [
        (float(score), name, place)
        for name, array in scores.items()
        for place, score in np.ndenumerate(array)
        if alive is None or alive.array(name)[place]
    ]


def masks_of(scores, kept):
    return {
        name: [[*place, (name, place) in kept] for place in np.ndindex(array.shape)] for name, array in scores.items()
    }


def places_of(masks):
    return {name: [[*place, bool(bit)] for place, bit in np.ndenumerate(masks.array(name))] for name in masks}


def first_nan(scores):
    return next(((n, i) for n in sorted(scores) for i, score in enumerate(scores[n].flat) if isnan(score)), None)


def check(scores, expected, answer):
    """Check the places that `answer` keeps; or that it refuses what has no mask, and names what is NaN."""
    nan = first_nan(scores)
    if nan is not None and expected is not None:
        with pytest.raises(BadTensor, match=f'"{nan[0]}" hold NaN at flat index {nan[1]};'):
            answer()
        return None
    if expected is None:
        with pytest.raises(InfeasibleSelection if nan is None else (InfeasibleSelection, BadTensor)):
            answer()
        return None
    masks = answer()
    assert places_of(masks) == masks_of(scores, expected)
    return masks


# Single weights


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@given(data=st.data(), amount=amounts(), seed=SEEDS)
def test_all_tensors_compete(dtype, data, amount, seed):
    tensors, how = data.draw(problems(dtype=dtype))
    floor = data.draw(
        st.just(0) | st.integers(0, 5) | st.fixed_dictionaries({name: st.integers(0, 5) for name in tensors})
    )
    alive = masks_so_far(tensors, seed)
    scores = materialised(tensors, **how)
    keep = kept_of(amount, sum(array.size for array in scores.values()))
    floors = floor if isinstance(floor, dict) else dict.fromkeys(tensors, floor)
    expected = with_floors(units_of(scores, alive), keep, floors)
    masks = check(scores, expected, lambda: select(tensors, **amount, **how, floor=floor, alive=alive))
    if masks is not None:
        survivors = [scores[name][place] for name, place in expected]
        assert masks.threshold == (min(survivors) if survivors else None)
        assert masks.count() == keep
        assert alive is None or masks.is_subset_of(alive)


@given(problem=problems(), amount=amounts(), floor=st.integers(0, 5), seed=SEEDS)
def test_the_weights_of_each_tensor_compete(problem, amount, floor, seed):
    tensors, how = problem
    alive = masks_so_far(tensors, seed)
    scores = materialised(tensors, **how)
    units = units_of(scores, alive)
    expected = set()
    for name, array in scores.items():
        own, keep = [unit for unit in units if unit[1] == name], kept_of(amount, array.size)
        chosen = None if keep is None else best(own, max(keep, min(floor, len(own))))
        expected = None if None in (expected, chosen) else expected | chosen
    masks = check(scores, expected, lambda: select(tensors, **amount, **how, scope="tensor", floor=floor, alive=alive))
    assert masks is None or masks.threshold is None


@given(problem=problems(), amount=amounts(), seed=SEEDS)
def test_the_weights_of_each_row_compete(problem, amount, seed):
    tensors, how = problem
    alive = masks_so_far(tensors, seed)
    scores = materialised(tensors, **how)
    amount = {"keep": amount["keep"] % 5} if "keep" in amount else amount
    widths = {name: prod(array.shape[1:]) for name, array in scores.items()}
    units = units_of(scores, alive)
    rows = [(n, place) for n, array in scores.items() if widths[n] for place in np.ndindex(array.shape[:1])]
    groups = [(widths[n], [unit for unit in units if (unit[1], unit[2][:1]) == (n, row)]) for n, row in rows]
    # A count beyond the width is refused even where there is no row.
    feasible = all(kept_of(amount, width) is not None for width in widths.values() if width)
    expected = expected_in_groups(groups, amount) if feasible else None
    check(scores, expected, lambda: select(tensors, **amount, **how, scope="row", alive=alive))


@given(data=st.data(), m=st.integers(2, 5), seed=SEEDS)
def test_the_neighbours_along_any_dimension_compete(data, m, seed):
    n, sides = data.draw(st.integers(1, m - 1)), data.draw(st.integers(1, 3))
    dim = data.draw(st.integers(-sides, sides - 1))

    def stretched(shape):
        return tuple(side * (m if d == dim % sides else 1) for d, side in enumerate(shape))

    tensors, how = data.draw(problems(shape=shapes(least=sides, most=sides, side=3).map(stretched)))
    alive = masks_so_far(tensors, seed)
    scores = materialised(tensors, **how)

    def group(place):
        return tuple(side // m if d == dim % sides else side for d, side in enumerate(place))

    places = {(name, group(place)) for name, array in scores.items() for place in np.ndindex(array.shape)}
    members = {each: [] for each in places}
    for unit in units_of(scores, alive):
        members[unit[1], group(unit[2])].append(unit)
    expected = expected_in_groups([(m, each) for each in members.values()], {"keep": n})
    masks = check(scores, expected, lambda: select(tensors, **how, structure=f"{n}:{m}", axis=dim, alive=alive))
    assert masks is None or all(masks.is_n_of_m(name, n, m, axis=dim) for name in masks)


# Mixed company


@settings(max_examples=settings.default.max_examples // 2)
@given(data=st.data(), sparsity=SPARSITIES, score=st.sampled_from(["magnitude", "sensitivity", "given"]))
def test_tensors_of_different_dtypes_are_scored_and_ranked_in_float64(data, sparsity, score):
    single = st.sampled_from(DTYPES).flatmap(lambda dtype: problems(dtype=dtype, score=score, values=st.floats(-3, 3)))
    tensors, gradients = {}, {}
    for name in NAMES[:2]:
        found, how = data.draw(single)
        first = next(iter(found))
        tensors[name], gradients[name] = found[first], (how["gradients"] or {}).get(first)
    wide = {name: torch.as_tensor(tensor).detach().double() for name, tensor in tensors.items()}
    assume(len({str(torch.as_tensor(each).dtype) for each in tensors.values()}) > 1)
    how = {"score": score, "gradients": gradients if score == "sensitivity" else None}
    scores = materialised(wide, **how)
    keep = kept_of({"sparsity": sparsity}, sum(array.size for array in scores.values()))
    check(scores, best(units_of(scores), keep), lambda: select(tensors, sparsity=sparsity, **how))


# Long tensors, of scores that are no smooth distribution

LONG = 200_003
DISTRIBUTIONS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "all equal": lambda rng, n: np.full(n, -0.5),
    "two values": lambda rng, n: rng.choice([1.0, -2.0], n),
    "mostly zeros": lambda rng, n: rng.normal(size=n) * (rng.random(n) < 0.1),
    "sorted": lambda rng, n: np.linspace(0, 1, n),
    "reversed": lambda rng, n: np.linspace(1, 0, n),
    "denormal": lambda rng, n: rng.integers(0, 999, n) * 1e-42,
    "far apart": lambda rng, n: np.exp(rng.normal(size=n) * 9),
}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("portion", [0.01, 0.5, 0.9])
def test_one_long_tensor_among_short_ones_is_cut_as_by_a_stable_sort(distribution, dtype, portion):
    rng = np.random.default_rng(0)
    sizes = {"m": LONG, **{f"{letter}{i}": 37 for letter in "az" for i in range(50)}}
    tensors = {name: torch.from_numpy(DISTRIBUTIONS[distribution](rng, size)).to(dtype) for name, size in sizes.items()}
    keep = round(portion * sum(sizes.values()))
    magnitudes = np.concatenate([tensors[name].abs().double().numpy() for name in sorted(tensors)])
    order = np.argsort(-magnitudes, kind="stable")[:keep]
    expected = np.zeros(magnitudes.size, dtype=bool)
    expected[order] = True
    masks = select(tensors, keep=keep)
    assert np.array_equal(np.concatenate([masks.array(name) for name in sorted(tensors)]), expected)
    assert masks.threshold == magnitudes[order[-1]]


# Blocks


def blocks_of(array, block):
    """Return the place in the grid of each place of the array."""
    return {
        place: tuple(side // step for side, step in zip(place, block, strict=True)) for place in np.ndindex(array.shape)
    }


def reduced(array, block, reduction):
    """Return the score of each block of the grid, and the places in it."""
    members = {}
    for place, number in blocks_of(array, block).items():
        members.setdefault(number, []).append(place)

    def score(places):
        values = [float(array[place]) for place in places]
        match reduction:
            case "l1":
                return sum(abs(value) for value in values)
            case "l2":
                return sqrt(sum(value * value for value in values))
            case "mean":
                return sum(values) / len(values)
            case "sum":
                return sum(values)
            case _:
                return abs(sum(values))

    return {number: (score(places), places) for number, places in members.items()}


@given(
    data=st.data(),
    reduction=st.sampled_from(["l1", "l2", "mean", "sum", "abs-of-sum"]),
    scope=st.sampled_from(["global", "tensor"]),
    floor=st.integers(0, 3),
    seed=SEEDS,
)
def test_whole_blocks_and_filters_compete(data, reduction, scope, floor, seed):
    signed = reduction in ("sum", "abs-of-sum")  # of what has a sign
    left_out = ("normalised-magnitude", "magnitude") if signed else ("normalised-magnitude",)
    score = data.draw(st.sampled_from([each for each in SCORES if each not in left_out]))
    sides = data.draw(st.integers(1, 3))
    steps = data.draw(st.none() | st.tuples(*[st.integers(1, 5)] * sides))
    tensors, how = data.draw(problems(shape=shapes(least=sides, most=sides), score=score, values=PLAIN))
    alive = masks_so_far(tensors, seed)
    scores = materialised(tensors, **how, signed=signed)
    blocks = {name: steps or (1, *(max(side, 1) for side in array.shape[1:])) for name, array in scores.items()}
    living = {name: array if alive is None else array * alive.array(name) for name, array in scores.items()}
    grids = {name: reduced(array, blocks[name], reduction) for name, array in living.items()}
    sizes = {name: len(grid) for name, grid in grids.items()}
    units = [
        (value, name, number)
        for name, grid in grids.items()
        for number, (value, places) in grid.items()
        if alive is None or any(alive.array(name)[place] for place in places)
    ]
    amount = data.draw(st.builds(dict, sparsity=SPARSITIES) | st.builds(dict, keep=st.integers(0, 12)))
    if scope == "global":
        expected = with_floors(units, kept_of(amount, sum(sizes.values())), dict.fromkeys(sizes, floor))
    else:
        expected = set()
        for name, size in sizes.items():
            own, keep = [unit for unit in units if unit[1] == name], kept_of(amount, size)
            chosen = None if keep is None else best(own, max(keep, min(floor, len(own))))
            expected = None if None in (expected, chosen) else expected | chosen
    weights = expected and {
        (name, place)
        for name, number in expected
        for place in grids[name][number][1]
        if alive is None or alive.array(name)[place]
    }
    structure = "filter" if steps is None else "x".join(map(str, steps))
    how |= {"structure": structure, "reduce": reduction, "scope": scope, "floor": floor, "alive": alive}
    masks = check(scores, weights, lambda: select(tensors, **amount, **how))
    if masks is not None:
        survivors = [grids[name][number][0] for name, number in expected]
        assert masks.threshold == (min(survivors) if survivors and scope == "global" else None)


# The engine's own functions


@st.composite
def grids(draw):
    sides = draw(st.lists(st.tuples(st.integers(0, 7), st.integers(1, 9)), min_size=1, max_size=4))
    shape, block = zip(*sides, strict=True)
    return shape, block


@given(grid=grids(), seed=st.integers(0, 999))
def test_a_mask_of_blocks_becomes_one_of_weights(grid, seed):
    shape, block = grid
    kept = np.random.default_rng(seed).random([-(-side // step) for side, step in zip(shape, block, strict=True)]) < 0.5
    expected = np.zeros(shape, dtype=bool)
    for place, number in blocks_of(expected, block).items():
        expected[place] = kept[number]
    bits = _engine.mask_expand_blocks(np.packbits(kept.reshape(-1), bitorder="little"), shape, block)
    assert bits.tolist() == np.packbits(expected.reshape(-1), bitorder="little").tolist()


MEASURES = {
    "value": lambda v, f: v,
    "magnitude": lambda v, f: np.abs(v),
    "square": lambda v, f: v * v,
    "product": lambda v, f: np.abs(v * f),
    "squared-product": lambda v, f: (v * f) ** 2,
    "normalised": lambda v, f: np.abs(v.astype(np.float64)) / np.linalg.norm(v.astype(np.float64)),
}


SIGNED = {name: measure for name, measure in MEASURES.items() if name not in ("magnitude", "normalised")} | {
    "product": lambda v, f: v * f
}
"""What the sums with sign add up."""


@pytest.mark.parametrize(
    ("reduction", "measure"),
    [(reduction, measure) for reduction in ("l1", "l2", "mean") for measure in MEASURES]
    + [(reduction, measure) for reduction in ("sum", "abs-of-sum") for measure in SIGNED],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@settings(max_examples=settings.default.max_examples // 10)
@given(grid=grids(), seed=st.integers(0, 999))
def test_blocks_score_what_a_loop_over_their_weights_adds_up(measure, dtype, reduction, grid, seed):
    shape, block = grid
    rng = np.random.default_rng(seed)
    values, factors = (rng.normal(size=prod(shape)).astype(dtype) for _ in range(2))
    measures = SIGNED if reduction in ("sum", "abs-of-sum") else MEASURES
    scores = measures[measure](values, factors).astype(np.float64).reshape(shape)
    expected = reduced(scores, block, reduction)
    found = _engine.block_scores(
        {"w": values},
        {"w": (shape, block)},
        reduction=reduction,
        dtype=np.dtype(dtype).name,
        measure=measure,
        factors={"w": factors} if "product" in measure else None,
    )["w"]
    assert found.dtype == np.float64
    assert found == pytest.approx([expected[number][0] for number in sorted(expected)], rel=1e-12, abs=1e-12)


def test_rows_that_are_not_named_keep_nothing():
    ones = np.ones(4, np.float32)
    bits, counts, threshold = _engine.select_rows({"w": ones, "v": ones}, {"w": (2, 1)}, dtype="float32")
    assert {name: each.tolist() for name, each in bits.items()} == {"w": [5], "v": [0]}
    assert counts.tolist() == [2, 0]
    assert threshold is None


def test_the_engine_refuses_rows_blocks_and_measures_by_name():
    ones = {"w": np.ones(6, np.float32)}
    with pytest.raises(BadTensor, match='6 weights of "w" cannot be cut into groups of 4'):
        _engine.select_rows(ones, {"w": (4, 2)}, dtype="float32")
    with pytest.raises(InfeasibleSelection, match='4 weights of row 0 of "w" are to be kept but only 3 are alive'):
        _engine.select_rows(ones, {"w": (3, 4)}, dtype="float32")
    with pytest.raises(BadTensor, match='"w" has 6 weights and came with the shape'):
        _engine.block_scores(ones, {"w": ([2, 2], [1, 1])}, reduction="l1", dtype="float32")
    with pytest.raises(BadTensor, match='the reduction "max" is not known'):
        _engine.block_scores(ones, {"w": ([6], [1])}, reduction="max", dtype="float32")
    with pytest.raises(BadTensor, match='the measure "cube" is not known'):
        _engine.select(ones, 1, dtype="float32", measure="cube")
    with pytest.raises(BadTensor, match='there is no factor for "w"'):
        _engine.select(ones, 1, dtype="float32", measure="product", factors={})
    with pytest.raises(BadTensor, match='second factor of "w" has 5 entries; 6 were expected'):
        _engine.select(ones, 1, dtype="float32", measure="product", factors={"w": np.ones(5, np.float32)})
    with pytest.raises(BadTensor, match='"w" came as float64'):
        _engine.select(ones, 1, dtype="float32", measure="product", factors={"w": np.ones(6)})
    for wrong in (np.zeros(2, np.uint8), np.zeros(0, np.uint8)):
        with pytest.raises(BadTensor):
            _engine.mask_expand_blocks(wrong, [6], [1])


# Threads

DIGEST = """
import hashlib, itertools, sys
import numpy as np
from pruneproof import _engine

rng = np.random.default_rng(0)
sizes = {"big": 1_000_000, "a": 999_424, "b": 576, "empty": 0}
weights = {name: (rng.integers(-500, 500, size) / 64).astype(np.float32) for name, size in sizes.items()}
factors = {name: (rng.integers(-9, 9, size) / 8).astype(np.float32) for name, size in sizes.items()}

def digest(order):
    values = {name: weights[name] for name in order}
    how = {"values": values, "dtype": "float32"}
    product = {"measure": "product", "factors": factors}
    each = {name: size // 3 for name, size in sizes.items()}
    answers = [
        _engine.select(keep=123_456, measure="magnitude", **how)[0],
        _engine.select(keep=1_900_000, measure="normalised", **how)[0],
        _engine.select(keep=200_000, floors=dict.fromkeys(sizes, 500), **product, **how)[0],
        _engine.select_each(keeps=each, measure="square", **how)[0],
        _engine.select_rows(rows=dict.fromkeys(sizes, (4, 2)), **product, **how)[0],
        _engine.select_rows(rows=dict.fromkeys(sizes, (64, 7)), **how)[0],
        _engine.block_scores(
            blocks={name: ([size // 64, 64], [3, 5]) for name, size in sizes.items()}, reduction="l2", **product, **how
        ),
    ]
    content = b"".join(answer[name].tobytes() for answer in answers for name in sorted(sizes))
    return hashlib.sha256(content).hexdigest()

(found,) = {digest(order) for order in itertools.permutations(sizes)} if len(sys.argv) > 1 else {digest(sizes)}
print(_engine.build_info()["threads"], found)
"""


def test_neither_threads_nor_the_order_of_the_mapping_change_a_bit():
    def answer(threads, *arguments):
        command = [sys.executable, "-c", DIGEST, *arguments]
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()

    found = [answer(1), answer(2), answer(3, "in every order")]
    assert [threads for threads, _ in found] == ["1", "2", "3"]
    assert len({digest for _, digest in found}) == 1
