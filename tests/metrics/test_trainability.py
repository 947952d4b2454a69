import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.errors import BadConfig
from pruneproof.metrics import trainability

BOTH = [
    (trainability.trainability_accuracy, "accuracy"),
    (trainability.trainability_accuracy_train, "train-accuracy"),
]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.data())
def test_it_is_the_area_under_the_first_epochs_over_their_number(found, data):
    first = data.draw(st.integers(1, len(found)))
    for metric, watched in BOTH:
        value = metric({"watched": {watched: found}}, first=first)
        assert value * first == pytest.approx(sum(found[:first]))
        assert metric({"watched": {watched: found}}) == pytest.approx(sum(found) / len(found))


@pytest.mark.parametrize(("metric", "watched"), BOTH)
def test_what_was_not_watched_or_diverged_has_none(metric, watched):
    assert metric({}, first=3) is None
    assert metric({"watched": {watched: [None, 5.0]}}) is None
    assert metric({"watched": {watched: [10.0]}, "diverged": True}, first=2) is None


@pytest.mark.parametrize(("metric", "watched"), BOTH)
def test_epochs_that_there_were_not_are_refused(metric, watched):
    with pytest.raises(BadConfig, match=f'first = 3: the last training recorded "{watched}" at 2 epochs'):
        metric({"watched": {watched: [1.0, 2.0]}}, first=3)
    for first in (-1, 0.5, True):
        with pytest.raises(BadConfig, match="whole number"):
            metric({"watched": {watched: [1.0, 2.0]}}, first=first)


def test_the_two_accuracies_are_kept_apart():
    history = {"watched": {"accuracy": [10.0, 20.0], "train-accuracy": [30.0, 50.0]}}
    assert [metric(history) for metric, _ in BOTH] == [15.0, 40.0]
    assert trainability.accuracies(history) == [10.0, 20.0]
    assert trainability.accuracies({}) is None
