"""Floors on the toy network of 20 weights whose every case can be worked out by hand."""

import numpy as np
import pytest

from pruneproof.api import Selection
from pruneproof.errors import InfeasibleSelection
from pruneproof.selection.floors import fit, released_masks, rescale
from pruneproof.selection.presets import global_mp_released
from pruneproof.selection.select import select_masks

TOY = {
    "A": np.array([0.9, 0.8, 0.7, 0.6]),
    "B": np.array([0.5, 0.45, 0.4, 0.35, 0.3, 0.25]),
    "C": np.arange(10, 0, -1) / 100,
}


def counts(masks):
    return [masks.count(name) for name in TOY]


@pytest.mark.parametrize(
    ("sparsity", "selection", "expected"),
    [
        (0.6, Selection(), [4, 4, 0]),
        (0.6, Selection(preset="global-mp-released"), [4, 5, 0]),
        (0.7, Selection(), [4, 2, 0]),
        (0.7, Selection(preset="global-mp-released"), [4, 3, 0]),
        (0.6, Selection(floor=2), [4, 2, 2]),
        (0.7, Selection(floor=2), [2, 2, 2]),
        (0.6, Selection(floor=2, floor_mode="released"), [4, 4, 3]),
        (0.6, Selection(floor=2, scope="uniform"), [2, 2, 4]),
        (0.7, Selection(floor=2, scope="uniform"), [2, 2, 2]),
    ],
)
def test_survivors_of_the_toy_network(sparsity, selection, expected):
    assert counts(select_masks(TOY, sparsity=sparsity, selection=selection)) == expected


@pytest.mark.parametrize("scope", ["global", "uniform"])
def test_infeasible_floors_say_what_would_do(scope):
    with pytest.raises(InfeasibleSelection) as refusal:
        select_masks(TOY, sparsity=0.6, selection=Selection(floor=3, scope=scope))
    assert str(refusal.value) == (
        'a floor of 3 protects 9 weights ("A" 3, "B" 3, "C" 3) but only 8 of 20 may be kept. '
        "Lower the sparsity to at most 0.55, or the floor to at most 2."
    )
    assert select_masks(TOY, sparsity=0.55, selection=Selection(floor=3)).count() == 9


def test_a_tensor_smaller_than_the_floor_is_kept_whole():
    assert counts(select_masks(TOY, keep=15, selection=Selection(floor=5))) == [4, 6, 5]


def test_the_released_loop_takes_92_rescalings():
    sizes = np.array([4.0, 6.0, 10.0])
    start = np.array([1 - flags.mean() for flags in global_mp_released(TOY, 0.6).values()])
    sparsities, passes = rescale(start, sizes, 0.6, 2, passes=1000)
    assert passes == 92
    assert sparsities == pytest.approx([0, 2 / 3, 0.8])


def test_the_released_loop_is_stopped_where_it_would_never_end():
    with pytest.raises(
        InfeasibleSelection, match=r"does not terminate here: after 10000 .* is 0\.6 and 0\.7 was asked"
    ):
        select_masks(TOY, sparsity=0.7, selection=Selection(floor=2, floor_mode="released"))


def test_the_released_loop_is_stopped_where_every_tensor_is_below_the_floor():
    with pytest.raises(InfeasibleSelection, match="3 tensors have sparsity 0"):
        released_masks(TOY, 0.5, floor=50)


def test_released_floors_that_nobody_needs_cut_each_tensor_by_itself():
    scores = {"a": np.arange(100.0), "b": np.arange(0.5, 100.0)}
    # Stage 1 removes 50 of "a" and 49 of "b"; scaled by 100 / 99 that is k = 50 and 49, and k - 1 of each die.
    kept = released_masks(scores, 0.5, floor=0)
    assert [int(flags.sum()) for flags in kept.values()] == [51, 52]
    assert [int(flags.sum()) for flags in released_masks(scores, 0.0, floor=3).values()] == [100, 100]


def test_an_allocation_is_moved_between_its_bounds_and_keeps_its_total():
    floors, available = {"a": 2, "b": 2, "c": 0}, {"a": 5, "b": 6, "c": 1}
    assert fit({"a": 0, "b": 6, "c": 1}, floors, available, 7) == {"a": 2, "b": 4, "c": 1}
    assert fit({"a": 1, "b": 2, "c": 9}, floors, available, 12) == {"a": 5, "b": 6, "c": 1}
