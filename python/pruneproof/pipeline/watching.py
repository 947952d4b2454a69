"""What is recorded while a network trains: metrics every so many steps, reduced to one value an epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from pruneproof.contracts.metric import Metric
from pruneproof.pipeline.measuring import Ingredients, measure
from pruneproof.pipeline.network import Network
from pruneproof.pipeline.worker import Task
from pruneproof.units import optimizer_steps
from pruneproof.values.masks import MaskSet


class WatchedMetrics:
    """The metrics that a training names by `watch`.

    A metric per step is measured right after the backward pass every so many steps and reduced over the epoch: its last
    value, its sum or its mean. Any other metric is measured at the end of every so many epochs; at the epochs between
    it is None.
    """

    def __init__(self, task: Task, network: Network, watch: Sequence[Mapping[str, Any]], steps: int) -> None:
        """Take what the plan writes under `watch`; `steps` are the optimizer steps of an epoch."""
        self._task, self._network = task, network
        self._masks = network.masks
        self._values: dict[str, list[Any]] = {}
        self._epochs = task.inputs["start"]
        self._by_step: list[tuple[Mapping[str, Any], int]] = []
        self._by_epoch: list[tuple[Mapping[str, Any], int]] = []
        for written in watch:
            every = max(1, optimizer_steps(written["every"], steps))
            if task.catalog.get(Metric, written["id"]).per == "step":
                self._by_step.append((written, every))
            else:
                self._by_epoch.append((written, max(1, every // max(steps, 1))))

    def resume(self, done: int, masks: MaskSet | None) -> None:
        """Count epochs and changes of the mask from where an interrupted training goes on."""
        self._epochs += done
        self._masks = masks

    def step(self, step: int, loss: torch.Tensor, lr: float, masks: MaskSet | None) -> None:
        """See the network after a backward pass, dense gradients in place."""
        due = [written for written, every in self._by_step if (step + 1) % every == 0]
        if due:
            more = {"loss": lambda: float(loss), "lr": lambda: lr, "grads": self._gradients}
            for metric, value in self._measure(due, masks, more).items():
                self._values.setdefault(metric, []).append(value)

    def epoch(self, loss: float | None, masks: MaskSet | None, explored: MaskSet | None) -> dict[str, Any]:
        """Return metric -> value at the end of an epoch."""
        self._epochs += 1
        changed = self._changed(masks)
        self._masks = masks
        found = {
            written["id"]: _reduced(self._values.pop(written["id"], []), written["reduce"])
            for written, _ in self._by_step
        }
        due = [written for written, every in self._by_epoch if self._epochs % every == 0]
        more = {
            "loss": lambda: loss,
            "masks_changed": lambda: changed,
            "epochs": lambda: self._epochs,
            "explored": lambda: replace(self._network, masks=explored).alive(),
        }
        found |= dict.fromkeys((written["id"] for written, _ in self._by_epoch), None)
        return found | (self._measure(due, masks, more) if due else {})

    def _measure(
        self, written: Sequence[Mapping[str, Any]], masks: MaskSet | None, more: Mapping[str, Any]
    ) -> dict[str, Any]:
        network = replace(self._network, masks=masks)
        return measure(self._task.catalog, Ingredients(self._task, network, more), written).to_json()

    def _gradients(self) -> dict[str, torch.Tensor]:
        parameters = dict(self._network.module.named_parameters(remove_duplicate=False))
        return {
            name: torch.zeros_like(parameters[name]) if parameters[name].grad is None else parameters[name].grad.clone()  # type: ignore[union-attr]
            for name in self._network.prunable
        }

    def _changed(self, masks: MaskSet | None) -> int:
        if masks is None:
            return 0
        before = self._masks or MaskSet.dense(dict(masks.shapes))
        return masks.hamming(before)


def _reduced(values: list[Any], how: str) -> Any:
    """Return the last, the sum or the mean of values that are numbers, lists or mappings of the same form.

    >>> _reduced([1.0, 3.0], "sum"), _reduced([{"w": [1.0, 2.0]}, {"w": [3.0, 4.0]}], "mean"), _reduced([], "last")
    (4.0, {'w': [2.0, 3.0]}, None)
    """
    if not values:
        return None
    if how == "last":
        return values[-1]
    if isinstance(values[0], Mapping):
        return {name: _reduced([each[name] for each in values], how) for name in values[0]}
    if isinstance(values[0], list):
        return [_reduced(list(parts), how) for parts in zip(*values, strict=True)]
    total = sum(value for value in values if value is not None)
    return total if how == "sum" else total / len(values)
