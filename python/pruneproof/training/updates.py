"""Masks that move while a network trains: when a registered update is due, what it is given, and what it may answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.update import Update
from pruneproof.errors import BadPlugin
from pruneproof.training.masker import alive_tensors
from pruneproof.training.seeding import seeded, stream
from pruneproof.values.masks import MaskSet


@dataclass(frozen=True)
class ScheduledUpdate:
    """A registered update with its options, every so many optimizer steps within a window."""

    update: Update
    options: Mapping[str, Any]
    names: Sequence[str]
    """The prunable weights whose masks it moves."""
    seed: int
    every: int
    """Optimizer steps between two moves."""
    start: int = 0
    """Optimizer steps before the first of which nothing moves."""
    until: float = 1.0
    """The fraction of all steps after which nothing moves any more."""
    sparsity: float = 0.0
    """The target, for an update that asks for it."""

    def due(self, step: int, steps: int) -> bool:
        """Say whether the mask moves at optimizer step `step` (from 1) of `steps`.

        >>> rule = ScheduledUpdate(None, {}, (), 0, every=100, until=0.5)
        >>> [step for step in range(1, 1001) if rule.due(step, 1000)]
        [100, 200, 300, 400]
        """
        return step > self.start and step % self.every == 0 and step < self.until * steps

    def move(self, model: nn.Module, masks: MaskSet, step: int, steps: int) -> MaskSet:
        """Return the masks after one move; dense gradients must be in place, weights that come back are zero.

        Raises:
            BadPlugin: an answer that is no mask of these weights, or breaks what the update promises.
        """
        parameters = dict(model.named_parameters(remove_duplicate=False))
        alive = alive_tensors(model, masks.only(self.names))
        rng = stream(self.seed, "update", self.update.id, step)
        end = max(self.until * steps, 1.0)
        given: dict[str, Callable[[], Any]] = {
            "weights": lambda: {name: parameters[name].detach().clone() for name in self.names},
            "alive": lambda: {name: each.clone() for name, each in alive.items()},
            "grads": lambda: {name: _gradient(parameters[name]) for name in self.names},
            "rng": lambda: rng,
            "step": lambda: step,
            "sparsity": lambda: self.sparsity,
            "progress": lambda: min(step / end, 1.0),
        }
        with seeded(rng.initial_seed()), torch.no_grad():
            answer = self.update.update(*(given[name]() for name in ingredients(self.update.update)), **self.options)
        self._check(answer, alive)
        moved = MaskSet.from_tensors({name: answer[name] for name in self.names})
        others = {name: masks.packed(name) for name in masks if name not in moved}
        return MaskSet({**{n: moved.packed(n) for n in moved}, **others}, dict(masks.shapes))

    def _check(self, answer: object, alive: Mapping[str, torch.Tensor]) -> None:
        label = f'update "{self.update.id}"'
        if not isinstance(answer, Mapping) or set(answer) != set(alive):
            found = sorted(answer) if isinstance(answer, Mapping) else type(answer).__name__
            raise BadPlugin(f"{label} answered for {found}; {sorted(alive)} were asked.")
        for name, before in alive.items():
            mask = answer[name]
            if not isinstance(mask, torch.Tensor) or mask.dtype != torch.bool or mask.shape != before.shape:
                raise BadPlugin(f'{label} answered for "{name}" with no bool mask of shape {tuple(before.shape)}.')
            if not self.update.revives and bool((mask & ~before).any()):
                raise BadPlugin(
                    f'{label} brought weights of "{name}" back, although its passport says that none return.'
                )
            if self.update.keeps_count and int(mask.sum()) != int(before.sum()):
                raise BadPlugin(
                    f'{label} left {int(mask.sum())} weights of "{name}" instead of {int(before.sum())}, although its '
                    "passport says that every tensor keeps its count."
                )


def _gradient(parameter: nn.Parameter) -> torch.Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach().clone()
