"""RigL against plain loops over its algorithm, and on numbers that can be followed by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.errors import BadConfig
from pruneproof.updates.rigl import rigl

SOME = st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.integers(-3, 3)), min_size=1, max_size=12)


def move(theta, alive, grads, progress=0.0, **options):
    weights = {"w": torch.tensor(theta, dtype=torch.float64)}
    masks = {"w": torch.tensor(alive, dtype=torch.bool)}
    return rigl(weights, masks, {"w": torch.tensor(grads, dtype=torch.float64)}, progress, **options)["w"].tolist()


def naive(theta, alive, grads, fraction):
    """Drop and grow one weight at a time."""
    alive = list(alive)
    count = int(fraction * sum(alive))
    for _ in range(count):
        smallest = min(abs(theta[i]) for i, each in enumerate(alive) if each)
        alive[max(i for i, each in enumerate(alive) if each and abs(theta[i]) == smallest)] = False
    grown = set()
    for _ in range(count):
        steepest = max(abs(grads[i]) for i, each in enumerate(alive) if not each and i not in grown)
        grown.add(min(i for i, x in enumerate(grads) if not alive[i] and i not in grown and abs(x) == steepest))
    return [each or i in grown for i, each in enumerate(alive)]


@given(SOME, st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.floats(0.0, 1.0))
def test_it_does_what_one_weight_at_a_time_does(rows, drop, progress):
    theta = [value if there else 0 for value, there, _ in rows]
    alive = [there for _, there, _ in rows]
    grads = [slope for _, _, slope in rows]
    fraction = drop / 2 * (1 + math.cos(math.pi * progress))
    assert move(theta, alive, grads, progress, drop=drop) == naive(theta, alive, grads, fraction)


def test_the_steepest_dead_weights_take_the_place_of_the_smallest_alive_ones():
    theta, alive = [5.0, 0.5, 4.0, 0.0, 0.0, 0.0], [True, True, True, False, False, False]
    assert move(theta, alive, [0.0, 0.0, 0.0, 1.0, -9.0, 2.0], drop=0.34) == [True, False, True, False, True, False]


def test_a_weight_that_was_just_dropped_comes_back_where_its_gradient_is_steepest():
    assert move([5.0, 0.5, 0.0], [True, True, False], [0.0, 3.0, 1.0], drop=0.5) == [True, True, False]
    assert move([5.0, 0.5, 0.0], [True, True, False], [0.0, 1.0, 3.0], drop=0.5) == [True, False, True]


def test_equals_go_by_index_the_lower_stays_and_the_lower_grows():
    alive = [True, True, True, False, False]
    assert move([1.0, 1.0, 1.0, 0.0, 0.0], alive, [0.0, 0.0, 0.0, 2.0, 2.0], drop=0.34) == [
        True,
        True,
        False,
        True,
        False,
    ]


def test_the_fraction_falls_along_a_cosine_to_nothing():
    alive = [True] * 100 + [False] * 100
    grads = [0.0] * 100 + [1.0] * 100
    gone = [
        100 - sum(move([1.0] * 100 + [0.0] * 100, alive, grads, progress)[:100]) for progress in (0.0, 1 / 3, 0.5, 1.0)
    ]
    assert gone == [30, 22, 15, 0]


def test_tensors_do_not_compete_with_each_other():
    weights = {"a": torch.tensor([0.1, 0.1, 0.0]), "b": torch.tensor([9.0, 9.0, 0.0])}
    alive = {name: each != 0 for name, each in weights.items()}
    grads = {"a": torch.zeros(3), "b": torch.tensor([0.0, 0.0, 7.0])}
    moved = rigl(weights, alive, grads, 0.0, drop=0.5)
    assert {name: int(each.sum()) for name, each in moved.items()} == {"a": 2, "b": 2}
    assert moved["b"].tolist() == [True, False, True]


def test_whole_and_empty_tensors_stay_as_they_are():
    for alive in ([True, True], [False, False]):
        assert move([1.0, 2.0], alive, [3.0, 4.0], drop=1.0) == alive


@pytest.mark.parametrize("drop", [-0.1, 1.1, float("nan")])
def test_a_fraction_out_of_range_is_refused(drop):
    with pytest.raises(BadConfig, match="fraction to drop"):
        move([1.0], [True], [1.0], drop=drop)
