"""Trainability accuracy: how fast a network learns, read off the first epochs of a training."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from pruneproof.api import BadConfig, Evaluation, Metric, Source

WANG = Source(
    authors="Wang, Qin, Bai, Fu",
    year=2023,
    title="Why is the State of Neural Network Pruning so Confusing? On the Fairness, Comparison Setup, and "
    "Trainability in Network Pruning",
    arxiv="2301.05219",
    equation="eq. 1; whether of training or test accuracy is not said",
)


def accuracy_on_training_set(train: Evaluation) -> float:
    """Return top-1 accuracy over the training set, not augmented and in evaluation mode, in percent."""
    return train.accuracy


def trainability_accuracy(history: Mapping[str, Any], *, first: int = 0) -> float | None:
    """Return 1/N Σ_{i=1..N} Acc_i, Acc_i the top-1 accuracy on the *test* set after epoch i, in percent.

    N, `first`, should be the length of the first stage of the learning rate: two networks may be compared under one
    schedule only. It counts from the beginning of the last training; 0 takes all its epochs. Needs
    `watch = ["accuracy"]` in that training.

    The paper calls Acc_i test accuracy, and prints values above the final test accuracy: what it averaged is not known
    (training accuracy, or top-5). Hence two metrics, this and `trainability-accuracy-train`.

    >>> trainability_accuracy({"watched": {"accuracy": [20.0, 40.0, 90.0]}}, first=2)
    30.0

    Raises:
        BadConfig: `first` is no whole number from 0, or more than the epochs that were watched.
    """
    return _mean_of_first(history, "accuracy", first)


def trainability_accuracy_train(history: Mapping[str, Any], *, first: int = 0) -> float | None:
    """Return `trainability_accuracy` of the top-1 accuracy on the *training* set, as `train-accuracy` measures it.

    Needs `watch = ["train-accuracy"]`.

    >>> trainability_accuracy_train({"watched": {"train-accuracy": [20.0, 40.0, 90.0]}})
    50.0
    """
    return _mean_of_first(history, "train-accuracy", first)


def _mean_of_first(history: Mapping[str, Any], metric: str, first: int) -> float | None:
    if isinstance(first, bool) or not isinstance(first, int) or first < 0:
        raise BadConfig(f"first = {first!r}: a whole number of epochs from 0 was expected.")
    found = history.get("watched", {}).get(metric, [])
    if not found or history.get("diverged", False):
        return None
    if first > len(found):
        raise BadConfig(
            f'first = {first}: the last training recorded "{metric}" at {len(found)} epochs. Ask for at most so many.'
        )
    chosen = found[:first] if first else found
    return None if None in chosen else fmean(chosen)


def accuracies(history: Mapping[str, Any]) -> list[float] | None:
    """Return `accuracy` on the test set at each epoch, which must have been watched."""
    found = history.get("watched", {}).get("accuracy", [])
    return None if not found or None in found else list(found)


METRICS: tuple[Metric, ...] = (
    Metric("train-accuracy", accuracy_on_training_set, "Top-1 accuracy on the training set.", "%", better="larger"),
    Metric(
        "trainability-accuracy",
        trainability_accuracy,
        "Mean accuracy on the test set over the first epochs of the last training.",
        "%",
        better="larger",
        source=WANG,
    ),
    Metric(
        "trainability-accuracy-train",
        trainability_accuracy_train,
        "Mean accuracy on the training set over the first epochs of the last training.",
        "%",
        better="larger",
        source=WANG,
    ),
    Metric("accuracies", accuracies, "`accuracy` at each epoch.", "%", "epoch", better="larger"),
)
