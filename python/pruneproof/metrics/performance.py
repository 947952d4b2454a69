"""Accuracy and loss, and how they change against another measurement."""

from collections.abc import Mapping
from typing import Any

from pruneproof.api import Evaluation, Metric


def accuracy(test: Evaluation) -> float:
    """Return top-1 accuracy on the test set, in percent."""
    return test.accuracy


def accuracy_best(test: Evaluation, history: Mapping[str, Any]) -> float:
    """Return the best accuracy over epochs *on the test set*, the last one included; needs `watch = ["accuracy"]`.

    Some authors report it. It picks an epoch by the test set, so no verdict should use it.
    """
    watched: list[float] = history.get("watched", {}).get("accuracy", [])
    return max([*watched, test.accuracy])


def constant_output(test: Evaluation) -> bool:
    """Return whether every test input gets the same logits, up to rounding (a collapsed network)."""
    return test.constant_output


def loss_on_test_set(test: Evaluation) -> float:
    """Return the mean cross-entropy on the test set, in nats."""
    return test.loss


def loss_on_training_set(train: Evaluation) -> float:
    """Return the mean cross-entropy over the training set, not augmented and in evaluation mode, in nats."""
    return train.loss


def loss_change(train: Evaluation, reference: Mapping[str, Any]) -> float | None:
    """Return |training loss - that of the reference|: what models of the loss try to keep small."""
    before = reference["train-loss"]
    return None if before is None else abs(train.loss - before)


def loss_gap(train: Evaluation, reference: Mapping[str, Any]) -> float | None:
    """Return training loss - that of the reference."""
    before = reference["train-loss"]
    return None if before is None else train.loss - before


def error_gap(test: Evaluation, reference: Mapping[str, Any]) -> float | None:
    """Return test error - that of the reference, in points."""
    before = reference["accuracy"]
    return None if before is None else float(before - test.accuracy)


def last_epoch_loss(history: Mapping[str, Any]) -> float | None:
    """Return the mean training loss of the last epoch, as training saw it; None where none was trained."""
    losses = history.get("loss", [])
    return losses[-1] if losses else None


def diverged(history: Mapping[str, Any]) -> bool:
    """Return whether the loss became infinite or NaN (training stops there)."""
    return bool(history.get("diverged", False))


METRICS: tuple[Metric, ...] = (
    Metric("accuracy", accuracy, "Top-1 accuracy on the test set.", "%", better="larger", counts_test_samples=True),
    Metric(
        "accuracy-best",
        accuracy_best,
        "Best accuracy over epochs, picked on the test set.",
        "%",
        better="larger",
        counts_test_samples=True,
    ),
    Metric("constant-output", constant_output, "Whether every input gets the same logits.", better="smaller"),
    Metric("test-loss", loss_on_test_set, "Mean cross-entropy on the test set.", "nats", better="smaller"),
    Metric("train-loss", loss_on_training_set, "Mean cross-entropy over the training set.", "nats", better="smaller"),
    Metric(
        "loss-change",
        loss_change,
        "Absolute change of the training loss against another measurement.",
        "nats",
        better="smaller",
        needs=("train-loss",),
    ),
    Metric(
        "loss-gap",
        loss_gap,
        "Training loss above that of another measurement.",
        "nats",
        better="smaller",
        needs=("train-loss",),
    ),
    Metric(
        "error-gap",
        error_gap,
        "Test error above that of another measurement.",
        "points",
        better="smaller",
        counts_test_samples=True,
        needs=("accuracy",),
    ),
    Metric(
        "last-epoch-loss",
        last_epoch_loss,
        "Mean training loss of the last epoch, while training.",
        "nats",
        better="smaller",
    ),
    Metric("diverged", diverged, "Whether the loss became infinite or no number.", better="smaller"),
)
