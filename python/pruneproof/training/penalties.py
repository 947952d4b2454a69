"""Penalties on the training loss: what a registered regularizer is given at each step."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.regularizer import Regularizer
from pruneproof.errors import BadConfig, BadPlugin
from pruneproof.training.normalisation import followers
from pruneproof.values.masks import MaskSet


class RegularizerPenalty:
    """A registered regularizer with its options, over the prunable weights of one network."""

    def __init__(
        self,
        regularizer: Regularizer,
        options: Mapping[str, Any],
        model: nn.Module,
        names: Sequence[str],
        marked: MaskSet | None,
    ) -> None:
        """Prepare the penalty as training begins.

        Args:
            regularizer: whose penalty it is.
            options: its options.
            model: on its device, with the weights that training begins with.
            names: prunable weights.
            marked: the mask of a step that chose what to prune without pruning it.

        Raises:
            BadConfig: the regularizer asks for marked weights, and no step is named.
        """
        self._regularizer, self._options = regularizer, options
        self._asked = ingredients(regularizer.penalty)
        if "marked" in self._asked and marked is None:
            raise BadConfig(
                f'the regularizer "{regularizer.id}" asks for marked weights. Name the step that chose them: '
                'marked = "NAME" of a step that prunes with apply = false.'
            )
        self._parameters = dict(model.named_parameters(remove_duplicate=False))
        self._names = list(names)
        self._followers = followers(model, names) if {"scales", "shifts"} & {*self._asked} else {}
        self._start = {name: self._parameters[name].detach().clone() for name in names if "start" in self._asked}
        of_weights = [name for name in names if marked is not None and name in marked]  # biases follow their filter
        self._marked = {} if marked is None else {name: ~marked[name].to(self._device(name)) for name in of_weights}

    def __call__(self, step: int, progress: float, masks: MaskSet | None) -> torch.Tensor:
        """Return the penalty before optimizer step `step`, under the masks of that moment.

        Raises:
            BadPlugin: it is no scalar tensor.
        """
        given: dict[str, Callable[[], Any]] = {
            "weights": lambda: {name: self._parameters[name] for name in self._names},
            "parameters": lambda: dict(self._parameters),
            "alive": lambda: self._alive(masks),
            "scales": lambda: {name: each.weight for name, each in self._followers.items()},
            "shifts": lambda: {name: each.bias for name, each in self._followers.items()},
            "marked": lambda: self._marked,
            "start": lambda: self._start,
            "step": lambda: step,
            "progress": lambda: progress,
        }
        found = self._regularizer.penalty(*(given[name]() for name in self._asked), **self._options)
        if not isinstance(found, torch.Tensor) or found.numel() != 1:
            shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise BadPlugin(f'regularizer "{self._regularizer.id}" answered {shape}; a scalar tensor was expected.')
        return found.reshape(())

    def _alive(self, masks: MaskSet | None) -> dict[str, torch.Tensor]:
        return {
            name: torch.ones_like(self._parameters[name], dtype=torch.bool)
            if masks is None or name not in masks
            else masks[name].to(self._device(name))
            for name in self._names
        }

    def _device(self, name: str) -> torch.device:
        return self._parameters[name].device
