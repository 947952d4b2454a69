"""Learning-rate schedules against PyTorch's own, and on their defining numbers."""

import math

import pytest
import torch
from torch.optim import lr_scheduler

from pruneproof.errors import BadConfig
from pruneproof.lr_schedules import catalogue
from pruneproof.lr_schedules.catalogue import (
    cosine,
    linear_decay,
    milestones,
    one_cycle,
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
    "refused",
    [
        lambda: step(0, 9, every=0),
        lambda: step(0, 9, factor=0.0),
        lambda: step(0, 9, factor=1.5),
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
