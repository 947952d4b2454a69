"""What is seen of filters while a network trains, and what is read off afterwards."""

from collections.abc import Mapping
from statistics import fmean, median
from typing import Any

import torch

from pruneproof.api import Metric, Probe, Tensors
from pruneproof.metrics.filters import LUBANA, correlation, living, per_filter


def filter_contribution(grads: Tensors, lr: float) -> dict[str, list[float]]:
    """Return η ‖g_f‖² of each filter: to first order what one step of gradient descent on it takes from the loss.

    Summed over steps (`reduce = "sum"`) it is what the filter has contributed so far.
    """
    return {name: (lr * per_filter({name: each.double().square()})).tolist() for name, each in grads.items()}


def velocity_correlation(weights: Tensors, grads: Tensors, probe: Probe, *, temperature: float = 5.0) -> float | None:
    """Return Spearman's correlation over filters of Σ|w_i Δw_i| with the loss-preservation score.

    Δw is the plain gradient step of this batch, as training sees it (batch statistics, no momentum); the score,
    Σ|w_i g_i|, is that of the scoring samples in evaluation mode. On one and the same batch and mode it is 1.
    """
    slopes = probe.gradients(temperature=temperature, train_mode=False, double=True)
    step, score = (
        per_filter({name: (weights[name] * each[name]).abs() for name in weights}) for each in (grads, slopes)
    )
    return correlation(step, score)


def removed_contribution(alive: Tensors, history: Mapping[str, Any]) -> float | None:
    """Return the mean contribution of the removed filters over that of the kept; needs `filter-contribution` watched.

    >>> history = {"watched": {"filter-contribution": [{"w": [1.0, 3.0]}, {"w": [1.0, 1.0]}]}}
    >>> removed_contribution({"w": torch.tensor([[False], [True]])}, history)
    0.5
    """
    watched = [each for each in history.get("watched", {}).get("filter-contribution", []) if each]
    if not watched:
        return None
    kept = living(alive)
    groups: dict[bool, list[float]] = {True: [], False: []}
    for name, flags in kept.items():
        for place, flag in enumerate(flags.tolist()):
            groups[flag].append(sum(each[name][place] for each in watched))
    if not groups[True] or not groups[False] or not fmean(groups[True]):
        return None
    return fmean(groups[False]) / fmean(groups[True])


def loss_area(history: Mapping[str, Any], epochs: int, *, until: int = 0) -> float | None:
    """Return the mean training loss of the last training, over its epochs before epoch `until`; over all at 0.

    Epochs count from initialisation. Where a network is pruned before that training, and the learning rate falls at
    `until`, this is the area under the loss curve in between.

    >>> loss_area({"loss": [3.0, 2.0, 0.5, 0.5]}, 5, until=3), loss_area({"loss": [3.0, 2.0, 0.5, 0.5]}, 5)
    (2.5, 1.5)
    """
    found = history.get("loss", [])
    first = epochs - len(found)
    found = found[: max(until - first, 0)] if until else found
    return None if not found or None in found else fmean(found)


def losses(history: Mapping[str, Any]) -> list[float] | None:
    """Return the training loss at each epoch of the last training."""
    found = history.get("loss", [])
    return None if not found or None in found else list(found)


def _watched(history: Mapping[str, Any], metric: str) -> list[float] | None:
    found = history.get("watched", {}).get(metric, [])
    return None if not found or None in found else list(found)


def velocity_correlations(history: Mapping[str, Any]) -> list[float] | None:
    """Return `velocity-correlation` at each epoch, which must have been watched."""
    return _watched(history, "velocity-correlation")


def sign_agreements(history: Mapping[str, Any]) -> list[float] | None:
    """Return `sign-agreement` at each epoch, which must have been watched."""
    return _watched(history, "sign-agreement")


def typical_velocity_correlation(history: Mapping[str, Any]) -> float | None:
    """Return the median over epochs of `velocity-correlation`, which must have been watched."""
    found = velocity_correlations(history)
    return None if found is None else median(found)


def sign_agreement_trend(history: Mapping[str, Any]) -> float | None:
    """Return Spearman's correlation of `sign-agreement`, which must have been watched, with the epoch."""
    found = sign_agreements(history)
    if found is None:
        return None
    return correlation(torch.arange(len(found)).double(), torch.tensor(found, dtype=torch.float64))


METRICS: tuple[Metric, ...] = (
    Metric(
        "filter-contribution",
        filter_contribution,
        "Learning rate times squared gradient of each filter, while training.",
        "nats",
        per="step",
        source=LUBANA,
    ),
    Metric(
        "velocity-correlation",
        velocity_correlation,
        "Rank correlation over filters of a step's change of the norm with the loss-preservation score, in training.",
        per="step",
        source=LUBANA,
    ),
    Metric(
        "removed-contribution",
        removed_contribution,
        "Mean contribution of the removed filters over that of the kept ones.",
        source=LUBANA,
    ),
    Metric(
        "loss-area", loss_area, "Mean training loss over the epochs of the last training.", "nats", better="smaller"
    ),
    Metric("losses", losses, "Training loss at each epoch of the last training.", "nats", "epoch", better="smaller"),
    Metric("velocity-correlations", velocity_correlations, "`velocity-correlation` at each epoch.", per="epoch"),
    Metric("sign-agreements", sign_agreements, "`sign-agreement` at each epoch.", per="epoch"),
    Metric(
        "typical-velocity-correlation", typical_velocity_correlation, "Median of `velocity-correlation` over epochs."
    ),
    Metric("sign-agreement-trend", sign_agreement_trend, "Rank correlation of `sign-agreement` with the epoch."),
)
