import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.errors import BadConfig
from pruneproof.schedules.catalogue import SCHEDULES
from pruneproof.schedules.cubic import cubic
from pruneproof.schedules.exponential import exponential
from pruneproof.schedules.halving import halving
from pruneproof.schedules.iterative import iterative, rounds
from pruneproof.schedules.linear import linear
from pruneproof.schedules.one_shot import one_shot

TARGETS = st.floats(0.0, 1.0, exclude_max=True)
BY_ID = {schedule.id: schedule for schedule in SCHEDULES}


@pytest.mark.parametrize("schedule_id", BY_ID)
@pytest.mark.parametrize(("target", "steps"), [(1.0, 1), (-0.1, 1), (math.nan, 1), (0.5, 0), (0.5, -3)])
def test_every_schedule_refuses_targets_and_steps_out_of_range_by_name(schedule_id, target, steps):
    with pytest.raises(BadConfig, match=schedule_id):
        BY_ID[schedule_id].sparsities(target, steps)


@given(target=TARGETS, steps=st.integers(2, 50))
def test_linear_has_equal_differences(target, steps):
    values = [0.0, *linear(target, steps)]
    differences = [after - before for before, after in pairwise(values)]
    assert differences == pytest.approx([target / steps] * steps)


@given(target=st.floats(0.0, 0.9999), steps=st.integers(1, 100))
def test_exponential_keeps_the_same_fraction_of_the_survivors_at_each_step(target, steps):
    densities = [1.0, *(1.0 - value for value in exponential(target, steps))]
    ratios = [after / before for before, after in pairwise(densities)]
    assert ratios == pytest.approx([(1.0 - target) ** (1.0 / steps)] * steps, rel=1e-6)


@given(target=TARGETS, steps=st.integers(2, 100))
def test_cubic_slows_down(target, steps):
    values = [0.0, *cubic(target, steps)]
    differences = [after - before for before, after in pairwise(values)]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(differences))


@given(target=TARGETS, steps=st.integers(1, 100), data=st.data())
def test_cubic_starts_above_its_initial_sparsity(target, steps, data):
    initial = data.draw(st.floats(0.0, target))
    values = cubic(target, steps, initial=initial)
    assert values[0] >= initial
    assert values == sorted(values)
    assert values[-1] == target


def test_cubic_half_way_has_removed_seven_eighths():
    assert cubic(0.8, 10)[4] == pytest.approx(0.8 * 7 / 8)


@pytest.mark.parametrize("initial", [-0.1, 0.6, math.nan])
def test_cubic_refuses_an_initial_sparsity_beyond_the_target(initial):
    with pytest.raises(BadConfig, match="initial sparsity"):
        cubic(0.5, 3, initial=initial)


@given(target=st.floats(0.0, 0.99999), rate=st.floats(0.01, 0.99))
def test_iterative_removes_the_rate_of_the_survivors_per_round_and_at_most_that_in_the_last(target, rate):
    densities = [1.0, *(1.0 - value for value in iterative(target, rounds(target, rate), rate=rate))]
    removed = [1.0 - after / before for before, after in pairwise(densities)]
    assert removed[:-1] == pytest.approx([rate] * (len(removed) - 1), abs=1e-6)
    assert removed[-1] <= rate + 1e-6


def test_a_target_that_whole_rounds_reach_takes_just_those():
    assert [rounds(1.0 - 0.8**count, 0.2) for count in range(1, 40)] == list(range(1, 40))


@pytest.mark.parametrize("steps", [3, 5])
def test_iterative_refuses_a_number_of_rounds_that_target_and_rate_do_not_give(steps):
    with pytest.raises(BadConfig, match="Set steps to 4"):
        iterative(0.5, steps)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.2, math.nan])
def test_iterative_refuses_a_rate_that_removes_nothing_or_everything(rate):
    with pytest.raises(BadConfig, match="rate"):
        iterative(0.5, 4, rate=rate)


def test_one_shot_has_one_step():
    assert one_shot(0.98, 1) == [0.98]
    with pytest.raises(BadConfig, match="exactly 1"):
        one_shot(0.98, 2)


def test_halving_goes_half_of_what_is_left_to_the_target():
    assert halving(0.98, 5) == pytest.approx([0.5, 0.74, 0.86, 0.92, 0.98])
    assert halving(0.98, 102)[-2:] == [0.98, 0.98]
    with pytest.raises(BadConfig, match=r"start = 1\.0"):
        halving(0.5, 2, start=1.0)


def test_three_exponential_rounds_to_90_percent_each_remove_the_same_share_of_the_survivors():
    left = [1.0, *(1.0 - sparsity for sparsity in exponential(0.9, 3))]
    assert [1 - after / before for before, after in pairwise(left)] == pytest.approx([0.535841] * 3, abs=1e-6)
