import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import BadConfig, BadTensor, Selection, select_masks
from pruneproof.selection.units import numbers_of
from pruneproof.structures.regular import blocks, filters, rows

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)


def units(sides, shape):
    """Return the places of each unit."""
    members = {}
    numbers = np.broadcast_to(numbers_of(sides, shape), shape)
    for place in np.ndindex(shape):
        members.setdefault(int(numbers[place]), set()).add(place)
    return sorted(members.values(), key=sorted)


@given(SHAPES)
def test_a_filter_is_what_one_index_of_the_first_dimension_holds(shape):
    expected = [{place for place in np.ndindex(shape) if place[0] == first} for first in range(shape[0])]
    assert units(filters({"w": shape})["w"], shape) == expected


@given(SHAPES)
def test_a_row_is_a_run_along_the_last_dimension(shape):
    expected = [{(*start, last) for last in range(shape[-1])} for start in np.ndindex(shape[:-1])]
    assert units(rows({"w": shape})["w"], shape) == expected


@given(SHAPES, st.data())
def test_a_block_holds_the_places_of_one_cell_of_the_grid(shape, data):
    sides = tuple(data.draw(st.integers(1, 5)) for _ in shape)
    cells = {}
    for place in np.ndindex(shape):
        cells.setdefault(tuple(at // side for at, side in zip(place, sides, strict=True)), set()).add(place)
    assert units(blocks({"w": shape}, sides=sides)["w"], shape) == sorted(cells.values(), key=sorted)


def test_tensors_without_dimensions_or_elements_have_units_too():
    shapes = {"scalar": (), "none": (0, 3), "thin": (3, 0)}
    assert filters(shapes) == {"scalar": (), "none": (1, 3), "thin": (1, 0)}
    assert rows(shapes) == {"scalar": (), "none": (1, 3), "thin": (1, 0)}


@pytest.mark.parametrize("sides", [(), (0, 2), (2, -1)])
def test_sides_below_one_are_refused(sides):
    with pytest.raises(BadConfig, match="whole numbers from 1 were expected"):
        blocks({"w": (4, 4)}, sides=sides)


def test_sides_that_do_not_fit_a_tensor_name_it():
    with pytest.raises(BadTensor, match=r'"conv" has shape \(4, 4, 3, 3\), which blocks of 2 sides do not fit'):
        blocks({"fc": (4, 4), "conv": (4, 4, 3, 3)}, sides=(2, 2))


def test_a_filter_goes_whole():
    scores = {"conv": np.arange(24.0).reshape(4, 3, 2, 1), "fc": np.arange(6.0).reshape(2, 3)}
    masks = select_masks(scores, sparsity=0.5, selection=Selection(structure="filter"))
    for name in scores:
        flags = masks.array(name).reshape(len(scores[name]), -1)
        assert (flags.all(axis=1) | ~flags.any(axis=1)).all()
    assert masks.array("conv").all(axis=(1, 2, 3)).tolist() == [False, True, True, True]
