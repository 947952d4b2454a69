import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.errors import InfeasibleSelection
from pruneproof.selection.fit import fit, limit_floors

BOUNDS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 12)), min_size=1, max_size=5)


def test_an_allocation_is_moved_between_its_bounds_and_keeps_its_total():
    floors, available = {"a": 2, "b": 2, "c": 0}, {"a": 5, "b": 6, "c": 1}
    assert fit({"a": 0, "b": 6, "c": 1}, floors, available, 7) == {"a": 2, "b": 4, "c": 1}
    assert fit({"a": 1, "b": 2, "c": 9}, floors, available, 12) == {"a": 5, "b": 6, "c": 1}


@given(BOUNDS, st.floats(0, 1))
def test_whatever_is_asked_the_bounds_and_the_total_are_met(bounds, portion):
    floors = {str(place): min(low, high) for place, (low, high, _) in enumerate(bounds)}
    available = {str(place): max(low, high) for place, (low, high, _) in enumerate(bounds)}
    counts = {str(place): count for place, (*_, count) in enumerate(bounds)}
    least, most = sum(floors.values()), sum(available.values())
    keep = least + round(portion * (most - least))
    found = fit(counts, floors, available, keep)
    assert sum(found.values()) == keep
    assert all(floors[name] <= count <= available[name] for name, count in found.items())
    if sum(counts.values()) == keep and all(floors[name] <= counts[name] <= available[name] for name in counts):
        assert found == counts


@given(BOUNDS, st.integers(0, 40))
def test_floors_are_limited_to_what_is_there_or_refused_with_a_sparsity_that_would_do(bounds, keep):
    floors = {str(place): low for place, (low, *_) in enumerate(bounds) if low}
    available = {str(place): most for place, (_, most, _) in enumerate(bounds)}
    limited = {name: min(floors.get(name, 0), most) for name, most in available.items()}
    size = sum(available.values()) + 3
    if sum(limited.values()) <= keep:
        assert limit_floors(floors, available, keep, size) == limited
        return
    sparsity = (size - sum(limited.values())) / size
    with pytest.raises(InfeasibleSelection, match=f"Lower the sparsity to at most {sparsity:.6g}"):
        limit_floors(floors, available, keep, size)


def test_floors_that_are_equal_come_with_the_largest_that_would_do():
    with pytest.raises(InfeasibleSelection, match=r"^a floor of 4 protects 9 weights .*, or the floor to at most 2\.$"):
        limit_floors({"a": 4, "b": 4, "c": 4}, {"a": 9, "b": 4, "c": 1}, 5, 20)
    with pytest.raises(InfeasibleSelection, match=r"^these floors protect 5 weights .*to at most 0\.75\.$"):
        limit_floors({"a": 4, "b": 1}, {"a": 9, "b": 4}, 4, 20)


def test_a_long_list_of_floors_is_cut_short():
    with pytest.raises(InfeasibleSelection, match=r'"t5" 1 and 3 more\) but only 0 of 9'):
        limit_floors(dict.fromkeys((f"t{place}" for place in range(9)), 1), {f"t{p}": 1 for p in range(9)}, 0, 9)


@pytest.mark.parametrize("floor", [3, 10**9, 10**30])
def test_the_largest_feasible_floor_is_found_however_large_the_one_asked_for(floor):
    with pytest.raises(InfeasibleSelection, match="the floor to at most 2"):
        limit_floors(dict.fromkeys("abc", floor), {"a": 4, "b": 4, "c": 1}, keep=5, size=9)
