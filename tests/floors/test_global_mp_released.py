"""The released Minimum Threshold, held against a restatement of its three stages that makes masks by thresholds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import BadConfig, InfeasibleSelection, MaskSet, Selection, select_masks
from pruneproof.counting.published_codes import global_mp_released
from pruneproof.floors.global_mp_released import released, rescale


def selection(**options):
    return Selection(floor={"id": "global-mp-released", **options})


# The oracle


def at_least_kth(values, pool, k):
    threshold = sorted(pool)[k - 1]
    return [value >= threshold for value in values]


def masks_of_the_script(scores, sparsity, floor, passes=10_000):
    """Return name -> alive flags, or None where the script's loop does not end."""
    scores = {name: array.tolist() for name, array in scores.items() if array.size}
    pool = [value for values in scores.values() for value in values]
    first = {name: at_least_kth(values, pool, max(1, int(sparsity * len(pool)))) for name, values in scores.items()}
    s = {name: 100 * flags.count(False) / len(flags) / 100 for name, flags in first.items()}
    s = {name: 0.0 if len(scores[name]) < floor else each for name, each in s.items()}

    def total():
        return sum(len(scores[name]) * each for name, each in s.items()) / len(pool)

    def below():
        return [n for n, each in s.items() if (1.0 - each) * len(scores[n]) < floor < len(scores[n])]

    if not pool:
        return {}
    if not any(s.values()) or sparsity == 0.0:
        if total() < sparsity:
            return None
    else:
        reached = total()
        s = {name: each / reached * sparsity for name, each in s.items()}
        if any((1.0 - each) * len(scores[name]) < floor for name, each in s.items()):
            s |= {name: 1.0 - floor / len(scores[name]) for name in below()}
            while (reached := total()) < sparsity and passes:
                s = {name: each / reached * sparsity for name, each in s.items()}
                s |= {name: 1.0 - floor / len(scores[name]) for name in below()}
                passes -= 1
            if total() < sparsity:
                return None
    quotas = {name: min(max(1, int(s[name] * len(values))), len(values)) for name, values in scores.items()}
    return {name: at_least_kth(values, values, quotas[name]) for name, values in scores.items()}


VALUES = st.lists(st.integers(0, 9).map(float) | st.floats(0, 9), max_size=20)


@given(
    tensors=st.lists(VALUES, min_size=1, max_size=4),
    sparsity=st.sampled_from([0.0, 0.5, 0.6, 0.9]) | st.floats(0, 0.99),
    floor=st.integers(0, 6),
)
def test_the_masks_are_those_of_the_script(tensors, sparsity, floor):
    scores = {name: np.array(values, dtype=np.float64) for name, values in zip("abcd", tensors, strict=False)}
    expected = masks_of_the_script(scores, sparsity, floor)
    how = selection(least=floor)
    if expected is None:
        with pytest.raises(InfeasibleSelection, match="does not terminate here"):
            select_masks(scores, sparsity=sparsity, selection=how)
        return
    masks = select_masks(scores, sparsity=sparsity, selection=how)
    assert {name: masks.array(name).tolist() for name in scores} == {name: expected.get(name, []) for name in scores}


# Single cases


def test_survivors_of_the_toy_network(toy):
    def counts(**how):
        masks = select_masks(toy, sparsity=0.6, selection=Selection(**how))
        return [masks.count(name) for name in toy]

    assert counts(count="global-mp-released") == [4, 5, 0]
    assert counts(floor={"id": "global-mp-released", "least": 2}) == [4, 4, 3]


def test_a_percentage_counts_one_weight_more_than_there_are(toy):
    # Its pool holds a stray scalar: a fifth of 19 weights would be 3, of 20 it is 4.
    scores = {"a": np.arange(8.0), "b": np.arange(5.5, 16.0)}
    assert released(scores, 0.5, percent=20) == released(scores, 0.5, least=4) != released(scores, 0.5, least=3)
    with pytest.raises(BadConfig, match="out of range"):
        released(toy, 0.5, percent=100)


def test_a_percentage_is_taken_in_floating_point():
    # 32.48 % of 625 are 203, and 202.99999999999997 in floating point.
    scores = {"a": np.arange(400.0), "b": np.arange(0.5, 224.0)}
    assert released(scores, 0.3, percent=32.48) == released(scores, 0.3, least=202) != released(scores, 0.3, least=203)


def test_a_total_that_the_script_reaches_at_once_is_reached():
    # Stage 1 removes 1 of 10, logged as 10 % and not as 1 - 0.9 = 0.09999999999999998: scaled to 0.24, the total is
    # 0.2. One unit in the last place less, and no rescaling would ever reach it.
    scores = {"a": np.arange(100.0, 102.0), "b": np.arange(10.0)}
    assert released(scores, 0.2, least=3) == {"a": 2, "b": 9}


def test_the_loop_takes_92_rescalings(toy):
    sizes = np.array([4.0, 6.0, 10.0])
    lowest = sorted(value for scores in toy.values() for value in scores.tolist())[11]
    start = np.array([np.mean(scores < lowest) for scores in toy.values()])
    assert global_mp_released(np.concatenate(list(toy.values())), 0.6) == 9
    sparsities, passes = rescale(start, sizes, 0.6, 2)
    assert passes == 92
    assert sparsities == pytest.approx([0, 2 / 3, 0.8])


def test_the_loop_is_stopped_where_it_would_never_end(toy):
    with pytest.raises(
        InfeasibleSelection, match=r"does not terminate here: after \d+ .* stays at 0\.6 and 0\.7 was asked"
    ):
        select_masks(toy, sparsity=0.7, selection=selection(least=2))


def test_the_loop_is_stopped_where_every_tensor_is_below_the_floor(toy):
    with pytest.raises(InfeasibleSelection, match="3 tensors have sparsity 0"):
        released(toy, 0.5, least=50)


def test_floors_that_nobody_needs_cut_each_tensor_by_itself():
    scores = {"a": np.arange(100.0), "b": np.arange(0.5, 100.0)}
    # Stage 1 removes 50 of "a" and 49 of "b"; scaled by 100 / 99 that is k = 50 and 49, and k - 1 of each die.
    assert released(scores, 0.5, least=0) == {"a": 51, "b": 52}
    assert released(scores, 0.0, least=3) == {"a": 100, "b": 100}


def test_no_weights_keep_nothing():
    assert released({"a": np.zeros(0)}, 0.5, least=3) == {"a": 0}
    assert released({}, 0.5) == {}


def test_it_does_not_go_on_from_a_mask(toy):
    alive = MaskSet.dense({name: scores.shape for name, scores in toy.items()})
    with pytest.raises(BadConfig, match="one-shot"):
        select_masks(toy, sparsity=0.5, selection=selection(least=1), alive=alive)


def test_a_sparsity_out_of_range_is_refused(toy):
    with pytest.raises(BadConfig, match="out of range"):
        released(toy, 1.0)
