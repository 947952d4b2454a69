"""Accuracy and loss, and what is said against another measurement."""

import pytest
import torch
from torch import nn

from pruneproof.api import Evaluation
from pruneproof.data.digits import load_digits
from pruneproof.metrics import performance
from pruneproof.training.evaluate import evaluate
from pruneproof.values.measurements import Measurement

TEST = Evaluation(accuracy=80.0, constant_output=False, loss=0.7)
TRAIN = Evaluation(accuracy=95.0, constant_output=False, loss=0.25)


def test_test_and_training_set_are_told_apart():
    assert performance.accuracy(TEST) == 80.0
    assert performance.loss_on_test_set(TEST) == 0.7
    assert performance.loss_on_training_set(TRAIN) == 0.25


def test_the_values_are_those_of_a_network_on_its_data():
    torch.manual_seed(0)
    model, data = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), load_digits(None)
    found = evaluate(model, data)
    inputs, labels = next(data.batches("test", 10_000))
    logits = model(inputs).detach()
    assert performance.accuracy(found) == pytest.approx(100 * float((logits.argmax(1) == labels).double().mean()))
    expected = nn.functional.cross_entropy(logits.double(), labels)
    assert performance.loss_on_test_set(found) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(("before", "change", "gap"), [(0.2, 0.05, 0.05), (0.3, 0.05, -0.05), (None, None, None)])
def test_a_change_has_no_sign_and_a_gap_has_and_neither_exists_against_a_diverged_network(before, change, gap):
    reference = Measurement({"train-loss": before})
    assert performance.loss_change(TRAIN, reference) == (None if change is None else pytest.approx(change))
    assert performance.loss_gap(TRAIN, reference) == (None if gap is None else pytest.approx(gap))


def test_the_error_gap_is_in_points_and_above_zero_where_the_network_is_worse():
    assert performance.error_gap(TEST, Measurement({"accuracy": 82.5})) == pytest.approx(2.5)


def test_the_best_accuracy_counts_the_watched_epochs_and_the_network_as_it_stands():
    assert performance.accuracy_best(TEST, {"watched": {"accuracy": [70.0, 85.0, 60.0]}}) == 85.0
    assert performance.accuracy_best(TEST, {"watched": {"accuracy": [70.0]}}) == 80.0
    assert performance.accuracy_best(TEST, {}) == 80.0


def test_what_training_saw_is_read_from_its_history():
    assert performance.last_epoch_loss({"loss": [1.0, 0.5]}) == 0.5
    assert performance.last_epoch_loss({"loss": [1.0, None]}) is None
    assert performance.last_epoch_loss({}) is None
    assert performance.diverged({"diverged": True})
    assert not performance.diverged({})


def test_what_a_comparison_needs_is_in_its_passport():
    needs = {each.id: each.needs for each in performance.METRICS if each.needs}
    assert needs == {"loss-change": ("train-loss",), "loss-gap": ("train-loss",), "error-gap": ("accuracy",)}
