"""`Metric`: a named quantity of a network, and what a stage that measures may give it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pruneproof.contracts.source import Source

Value: TypeAlias = "bool | int | float | str | Mapping[str, float] | list[float] | None"
"""What a metric may answer, by what it is per; None where there is no such number (a diverged network has no loss)."""

Per = Literal["network", "tensor", "unit", "epoch", "step"]

METRIC_INGREDIENTS: Mapping[str, str] = {
    "network": "the masked module in evaluation mode; leave it as it is",
    "data": "the data set (`LoadedData`), validation samples held out as in training",
    "test": "accuracy, mean loss and constancy on the test set (`Evaluation`), computed once for all metrics",
    "train": "the same on the training set, not augmented, without what validation holds out",
    "weights": "the prunable weights, dead ones zero",
    "alive": "the mask of the prunable weights, bool",
    "macs": "multiply-adds of each prunable weight tensor for one input, dense",
    "epochs": "epochs trained from initialisation to here",
    "history": "the epoch-by-epoch record of the training that made the weights; empty before any",
    "probe": "gradients, Hessian-vector products and curvature of the masked network on scoring samples",
    "rng": "a torch.Generator on the CPU, from the run's `metric` stream",
    "reference": "metric -> value of the measurement that the step names by `against`",
    "reference_weights": "the prunable weights where that measurement was made, dead ones zero",
    "reference_alive": "the mask of the prunable weights there",
    "grads": "in training: gradient of this batch's loss with respect to the weights, dead ones included",
    "loss": "in training: this batch's loss (per step), or the epoch's mean (per epoch)",
    "lr": "in training: the learning rate of this step",
    "masks_changed": "in training: weights whose mask differs from that at the end of the epoch before",
    "explored": "in training: which prunable weights have been alive at any time since this training began, bool",
}
"""What a metric may ask for. Those that begin with "in training" exist only where the step that trains names the
metric."""

WATCHED_ONLY = frozenset({"grads", "loss", "lr", "masks_changed", "explored"})
"""Ingredients that exist only while a network trains."""
MEASURED_ONLY = frozenset({"history", "reference", "reference_weights", "reference_alive"})
"""Ingredients that exist only where a step measures."""


@dataclass(frozen=True)
class Metric:
    """A named quantity.

    `measure` asks for its ingredients by name and returns a `Value`: a number for `per = "network"`, name -> number for
    `tensor`, name -> list of numbers for `unit` (one per output unit), and what is recorded at each epoch or step for
    `epoch` and `step`.
    """

    id: str
    measure: Callable[..., Any]
    about: str
    """What it is, in one sentence; reports and docs show it."""
    unit: str = ""
    """`%`, `nats`, `points`, `weights`; empty for a bare number."""
    per: Per = "network"
    better: Literal["larger", "smaller"] | None = None
    """Which way is better; None where neither is."""
    counts_test_samples: bool = False
    """Whether it is a share of the test samples in %, or a difference of such: it has steps of 100 / their number."""
    source: Source | None = None
    needs: tuple[str, ...] = ()
    """Metrics that the measurement named by `against` must contain."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this metric cannot obey it. Obeying it all the same is a failure too."""


def is_answer(value: Any, per: str, *, has_unit: bool) -> bool:
    """Say whether a metric that is per network, tensor or unit may have a value; text is none where it has a unit.

    >>> is_answer(97.5, "network", has_unit=True), is_answer("97.5", "network", has_unit=True)
    (True, False)
    >>> is_answer({"fc.weight": 0.1}, "tensor", has_unit=False), is_answer(None, "tensor", has_unit=False)
    (True, False)
    """
    if per == "network":
        return value is None or isinstance(value, bool | int | float) or (isinstance(value, str) and not has_unit)
    if per == "tensor":
        return isinstance(value, Mapping) and all(_is_number(each) for each in value.values())
    if per == "unit":
        return isinstance(value, Mapping) and all(
            isinstance(each, list) and all(map(_is_number, each)) for each in value.values()
        )
    return True


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, int | float)
