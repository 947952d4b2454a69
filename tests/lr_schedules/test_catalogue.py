"""Learning-rate schedules against PyTorch's own, and on their defining numbers."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from pruneproof.errors import BadConfig
from pruneproof.lr_schedules import catalogue
from pruneproof.lr_schedules.catalogue import (
    cosine,
    halved_steps,
    linear_decay,
    milestones,
    one_cycle,
    slr,
    stage_ends,
    step,
    suffix,
    warm_up,
)


def pytorch(schedule, epochs):
    """Return the factors of one of PyTorch's schedulers at the start of each epoch."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = schedule(optimizer)
    found = []
    for _ in range(epochs):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda e: cosine(e, 20), lambda o: lr_scheduler.CosineAnnealingLR(o, 20)),
        (lambda e: step(e, 20, every=6, factor=0.3), lambda o: lr_scheduler.StepLR(o, 6, 0.3)),
        (lambda e: milestones(e, 20, at=(4, 9), factor=0.2), lambda o: lr_scheduler.MultiStepLR(o, [4, 9], 0.2)),
        (lambda e: linear_decay(e, 20, end=0.1), lambda o: lr_scheduler.LinearLR(o, 1.0, 0.1, 20)),
        (
            lambda e: one_cycle(e, 19),  # PyTorch's reaches its end at the last step, not after it
            lambda o: lr_scheduler.OneCycleLR(o, 1.0, 20, pct_start=(0.3 * 19 + 1) / 20, cycle_momentum=False),
        ),
    ],
    ids=["cosine", "step", "milestones", "linear", "one-cycle"],
)
def test_the_factors_are_those_of_pytorch(ours, theirs):
    expected = pytorch(theirs, 20)
    assert [ours(epoch) for epoch in range(20)] == pytest.approx(expected, abs=2e-5)


def test_a_warm_up_hands_the_rest_of_the_epochs_on():
    asked = []

    def inner(progress, epochs):
        asked.append((progress, epochs))
        return 0.5

    assert [warm_up(p, 10, inner, length=4) for p in (0, 3, 4, 9)] == [0.25, 1.0, 0.5, 0.5]
    assert asked == [(0, 6), (5, 6)]


def test_a_suffix_is_the_end_of_a_longer_training():
    whole = [cosine(p, 12) for p in range(12)]
    assert [suffix(p, 4, cosine, skip=8) for p in range(4)] == whole[8:]


@pytest.mark.parametrize(
    ("epochs", "stages", "expected"),
    [
        (90, 5, [30, 30, 15, 8, 7]),
        (60, 4, [30, 15, 8, 7]),
        (90, 4, [30, 30, 15, 15]),
        (120, 5, [30, 30, 30, 15, 15]),
        (30, 2, [15, 15]),
        (60, 3, [30, 15, 15]),
    ],
)
def test_halved_stages_are_as_long_as_the_paper_prints_them(epochs, stages, expected):
    found = [round(-math.log10(halved_steps(epoch, epochs, stages=stages))) for epoch in range(epochs)]
    assert [found.count(stage) for stage in range(stages)] == expected


@given(st.integers(1, 200), st.integers(1, 6), st.integers(1, 40))
def test_each_halved_stage_but_the_last_takes_half_of_what_is_left_or_the_longest(epochs, stages, longest):
    ends = [0, *stage_ends(epochs, stages=stages, longest=longest, factor=0.1)]
    for start, end in itertools.pairwise(ends):
        assert end - start == min(longest, math.ceil((epochs - start) / 2))
    assert ends[-1] <= epochs
    factors = [halved_steps(epoch, epochs, stages=stages, longest=longest) for epoch in range(epochs)]
    assert factors == sorted(factors, reverse=True)


def test_late_starts_are_suffixes_of_the_scratch_schedule_of_120_epochs():
    def whole(progress, epochs):
        return halved_steps(progress, epochs, stages=5)

    boundaries = [0, 30, 60, 90, 105]
    assert [whole(epoch, 120) for epoch in boundaries] == pytest.approx([1, 1e-1, 1e-2, 1e-3, 1e-4])
    assert [whole(epoch - 1, 120) for epoch in boundaries[1:]] == pytest.approx([1, 1e-1, 1e-2, 1e-3])
    for skip in (15, 30, 45, 60, 75, 90):  # P15F105 to P90F30
        late = [suffix(epoch, 120 - skip, whole, skip=skip) for epoch in range(120 - skip)]
        assert late == [whole(epoch, 120) for epoch in range(skip, 120)]
    halved = [0.1 * halved_steps(epoch, 90, stages=4) for epoch in range(90)]
    assert halved == pytest.approx([suffix(epoch, 90, whole, skip=30) for epoch in range(90)])  # P30F90 obeys the rules
    late = [suffix(epoch, 75, whole, skip=45) / 0.1 for epoch in range(75)]
    assert late != pytest.approx([halved_steps(epoch, 75, stages=4) for epoch in range(75)])  # P45F75 does not


def test_rewinding_the_rate_to_a_late_epoch_is_the_schedule_of_network_pruning_that_matters():
    def dense(progress, epochs):
        return 0.1 * milestones(progress, epochs, at=(80, 120))

    for retrain, ends in ((40, []), (56, [16]), (72, [32]), (80, [40]), (120, [40, 80])):
        found = [suffix(epoch, retrain, dense, skip=160 - retrain) for epoch in range(retrain)]
        first = 0.001 * 10 ** len(ends)
        assert found == pytest.approx([first / 10 ** sum(epoch >= end for end in ends) for epoch in range(retrain)])


def test_scaled_restarting_rises_then_falls_at_half_and_three_quarters_of_the_rest():
    found = [0.1 * slr(epoch, 100) for epoch in range(100)]
    assert found[0] == pytest.approx(0.001)
    assert found[:11] == sorted(found[:11])
    assert [found.count(pytest.approx(rate)) for rate in (0.1, 0.01, 0.001)] == [45, 23, 22 + 1]  # 10^-3 at epoch 0 too
    imagenet = [slr(epoch, 100, at=(0.33, 0.66)) for epoch in range(100)]
    assert [imagenet[39], imagenet[40], imagenet[69], imagenet[70]] == pytest.approx([1, 0.1, 0.1, 0.01])


def test_cyclic_restarting_is_one_cycle_from_a_hundredth_to_a_ten_thousandth():
    theirs = pytorch(
        lambda o: lr_scheduler.OneCycleLR(
            o, 0.1, 20, pct_start=(0.1 * 19 + 1) / 20, div_factor=100, final_div_factor=100, cycle_momentum=False
        ),
        20,
    )
    assert [0.1 * one_cycle(epoch, 19, peak=0.1, start=0.01, end=1e-4) for epoch in range(20)] == pytest.approx(theirs)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: step(0, 9, every=0),
        lambda: step(0, 9, factor=0.0),
        lambda: step(0, 9, factor=1.5),
        lambda: halved_steps(0, 9, stages=0),
        lambda: halved_steps(0, 9, longest=0),
        lambda: halved_steps(0, 9, factor=0.0),
        lambda: slr(0, 9, warm=1.0),
        lambda: slr(0, 9, start=0.0),
        lambda: slr(0, 9, at=(0.5, 0.5)),
        lambda: milestones(0, 9, at=(5, 3)),
        lambda: milestones(0, 9, at=(3, 3)),
        lambda: milestones(0, 9, factor=-1.0),
    ],
)
def test_options_out_of_range_are_refused(refused):
    with pytest.raises(BadConfig):
        refused()


def test_ids_are_unique_and_every_formula_is_said():
    assert len({each.id for each in catalogue.LR_SCHEDULES}) == len(catalogue.LR_SCHEDULES)
    assert all(each.about.endswith(".") for each in catalogue.LR_SCHEDULES)


def test_cosine_between_epochs_is_smooth():
    assert cosine(2.5, 10) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)
