import pytest

from pruneproof.api import BadConfig, InfeasibleSelection, Selection, UnknownName, select_masks
from pruneproof.floors.count import count

TWO = {"id": "count", "least": 2}


def counts(masks):
    return [masks.count(name) for name in "ABC"]


@pytest.mark.parametrize(
    ("sparsity", "selection", "expected"),
    [
        (0.6, Selection(), [4, 4, 0]),
        (0.7, Selection(), [4, 2, 0]),
        (0.6, Selection(floor=TWO), [4, 2, 2]),
        (0.7, Selection(floor=TWO), [2, 2, 2]),
        (0.6, Selection(floor=TWO, scope="uniform"), [2, 2, 4]),
        (0.7, Selection(floor=TWO, scope="uniform"), [2, 2, 2]),
        (0.7, Selection(floor=TWO, scope="tensor"), [2, 2, 3]),
        (0.6, Selection(floor={"id": "count", "least": {"C": 1}}), [4, 3, 1]),
    ],
)
def test_survivors_of_the_toy_network(toy, sparsity, selection, expected):
    assert counts(select_masks(toy, sparsity=sparsity, selection=selection)) == expected


@pytest.mark.parametrize("scope", ["global", "uniform"])
def test_infeasible_floors_say_what_would_do(toy, scope):
    with pytest.raises(InfeasibleSelection) as refusal:
        select_masks(toy, sparsity=0.6, selection=Selection(floor={"id": "count", "least": 3}, scope=scope))
    assert str(refusal.value) == (
        'a floor of 3 protects 9 weights ("A" 3, "B" 3, "C" 3) but only 8 of 20 may be kept. '
        "Lower the sparsity to at most 0.55, or the floor to at most 2."
    )
    assert select_masks(toy, sparsity=0.55, selection=Selection(floor={"id": "count", "least": 3})).count() == 9


def test_a_tensor_smaller_than_the_floor_is_kept_whole(toy):
    assert counts(select_masks(toy, keep=15, selection=Selection(floor={"id": "count", "least": 5}))) == [4, 6, 5]


def test_a_number_is_for_every_tensor_and_a_mapping_for_those_that_it_names():
    assert count({"a": 9, "b": 1}) == {"a": 1, "b": 1}
    assert count({"a": 9, "b": 1}, least={"a": 3}) == {"a": 3}
    assert count({}, least=3) == {}


@pytest.mark.parametrize("least", [-1, {"A": -1}])
def test_a_negative_floor_is_refused_by_name(toy, least):
    with pytest.raises(BadConfig, match='floor -1 of "A" is out of range'):
        select_masks(toy, keep=9, selection=Selection(floor={"id": "count", "least": least}))


def test_a_floor_of_a_tensor_that_is_not_there_names_the_nearest(toy):
    with pytest.raises(UnknownName, match=r'tensor "AA" \(floor count\) is not known\. Nearest: "A"'):
        select_masks(toy, keep=9, selection=Selection(floor={"id": "count", "least": {"AA": 1}}))
