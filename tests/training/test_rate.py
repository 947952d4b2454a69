"""The learning rate of a recipe: warm-up, schedule, and schedules that wrap others."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import LRSchedule, Source
from pruneproof.contracts.recipe import Recipe
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.lr_schedules.catalogue import LR_SCHEDULES
from pruneproof.training.rate import learning_rate

RATES = st.floats(1e-4, 1e2)


def halves(progress, epochs, inner):
    return inner(progress, epochs) / 2


KNOWN = {each.id: each for each in (*LR_SCHEDULES, LRSchedule("halves", halves, "Half.", Source("A", 2026, "B")))}


def get(of, name, *, where=""):
    assert of is LRSchedule
    if name not in KNOWN:
        raise UnknownName.among("learning-rate schedule", name, KNOWN)
    return KNOWN[name]


def rate(**recipe):
    return learning_rate(Recipe(**{"epochs": 20, "batch": 1, "lr": 1.0} | recipe), get)


@given(lr=RATES, epochs=st.integers(1, 300), epoch=st.integers(0, 299))
def test_the_cosine_schedule_is_its_closed_form(lr, epochs, epoch):
    epoch %= epochs
    found = rate(epochs=epochs, lr=lr, lr_schedule="cosine")(epoch)
    assert found == pytest.approx(lr * 0.5 * (1 + math.cos(math.pi * epoch / epochs)))


@given(lr=RATES, every=st.integers(1, 50), factor=st.floats(0.05, 1.0), epoch=st.integers(0, 200))
def test_the_step_schedule_is_its_closed_form(lr, every, factor, epoch):
    found = rate(epochs=201, lr=lr, lr_schedule={"id": "step", "every": every, "factor": factor})(epoch)
    expected = lr
    for passed in range(1, epoch + 1):
        expected *= factor if passed % every == 0 else 1.0
    assert found == pytest.approx(expected)


@given(lr=RATES, warmup=st.integers(1, 20), schedule=st.sampled_from(["constant", "cosine"]), progress=st.floats(0, 40))
def test_warm_up_rises_to_the_rate_and_then_the_schedule_begins_anew(lr, warmup, schedule, progress):
    found = rate(epochs=warmup + 20, lr=lr, lr_schedule=schedule, warmup=warmup)
    assert [found(epoch) for epoch in range(warmup)] == pytest.approx([lr * (e + 1) / warmup for e in range(warmup)])
    assert found(warmup) == pytest.approx(lr)
    if warmup <= progress < warmup + 20:
        assert found(progress) == pytest.approx(rate(lr=lr, lr_schedule=schedule)(progress - warmup))


@given(lr=RATES, epochs=st.integers(1, 50), warmup=st.integers(0, 60), progress=st.floats(0, 1, exclude_max=True))
def test_the_rate_never_leaves_zero_to_lr(lr, epochs, warmup, progress):
    found = rate(epochs=epochs, lr=lr, lr_schedule="cosine", warmup=warmup, lr_update="step")(progress * epochs)
    assert 0.0 <= found <= lr


def test_a_schedule_wraps_the_one_that_it_names_with_its_options():
    inner = {"id": "step", "every": 4, "factor": 0.1}
    found = rate(lr_schedule={"id": "suffix", "skip": 3.0, "then": inner})
    assert [found(p) for p in range(5)] == [rate(lr_schedule=inner)(p + 3) for p in range(5)]


def test_wrappers_wrap_wrappers():
    found = rate(lr_schedule={"id": "halves", "then": {"id": "halves", "then": "constant"}})
    assert found(7) == 0.25


@pytest.mark.parametrize(
    ("schedule", "says"),
    [("warm-up", "names no schedule in `then`"), ({"id": "cosine", "then": "constant"}, "takes no `then`")],
)
def test_wrapping_without_a_need_or_needing_without_wrapping_is_refused(schedule, says):
    with pytest.raises(BadConfig, match=says):
        rate(lr_schedule=schedule)


def test_an_unknown_schedule_is_refused_by_name():
    with pytest.raises(UnknownName, match="cosin"):
        rate(lr_schedule="cosin")
