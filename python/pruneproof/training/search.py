"""Learns a mask while the weights stay as they are: trains the variables of a mask search."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from pruneproof.contracts.dataset import LoadedData
from pruneproof.contracts.recipe import Recipe
from pruneproof.contracts.search import MaskSearch
from pruneproof.errors import BadPlugin, StoreCorrupt
from pruneproof.training.checkpoint import (
    SAVE_SECONDS,
    SaveClock,
    load_progress,
    pack_optimizer,
    save_progress,
    unpack_optimizer,
)
from pruneproof.training.masked_model import tempered
from pruneproof.training.seeding import seeded, stream, stream_seed
from pruneproof.training.train import make_optimizer_over


@dataclass(frozen=True)
class Found:
    """What a search leaves."""

    alive: dict[str, torch.Tensor]
    """name -> bool mask of each weight."""
    loss: list[float | None]
    """Mean training loss of each epoch, the penalty left out; None where it is no number."""


class Searching:
    """One search: fixed weights, trained variables. Batch normalisation keeps its running statistics up to date."""

    def __init__(
        self,
        search: MaskSearch,
        options: Mapping[str, Any],
        model: nn.Module,
        weights: Mapping[str, torch.Tensor],
        data: LoadedData,
        recipe: Recipe,
        *,
        rate: Callable[[float], float],
        sparsity: float,
        seed: int,
        phase: str,
    ) -> None:
        """Make the variables.

        Args:
            search: the method.
            options: its options.
            model: the network on its device; its buffers are updated, its parameters are not.
            weights: the prunable weights, which are gated.
            data: on the same device.
            recipe: epochs, optimizer and loss of the variables' training.
            rate: progress in epochs -> learning rate.
            sparsity: the fraction of the weights to leave out.
            seed: of the run.
            phase: names the random streams.

        Raises:
            BadPlugin: variables that are no floating-point tensors.
        """
        self.search, self.options, self.model, self.recipe = search, dict(options), model, recipe
        self.weights = {name: each.detach().clone() for name, each in weights.items()}
        self.rate, self.sparsity, self.seed, self.phase = rate, sparsity, seed, phase
        self.data = data.holdout(recipe.validation, stream(seed, "validation")) if recipe.validation else data
        start = search.start(self.weights, self._stream("start"), **self.options)
        for name, each in start.items():
            if not isinstance(each, torch.Tensor) or not each.is_floating_point():
                raise BadPlugin(
                    f'mask search "{search.id}" has the variable "{name}", which is no floating-point tensor.'
                )
        self.variables = {name: each.detach().clone().requires_grad_() for name, each in start.items()}
        self.optimizer = make_optimizer_over(list(self.variables.values()), recipe)
        self.loss: list[float | None] = []
        self.steps = math.ceil(self.data.size("train") / recipe.batch)

    def run(
        self, checkpoint: Path | None, on_epoch: Callable[[int, int], None], *, save_seconds: float = SAVE_SECONDS
    ) -> Found:
        """Train the variables and export the mask.

        Args:
            checkpoint: file to resume from, and to write after an epoch.
            on_epoch: told (epochs done, epochs in all) at the start and after every epoch.
            save_seconds: the time between two writes, at least; 0 writes after every epoch.

        Raises:
            BadPlugin: gates or masks of other names or shapes than the weights.
        """
        save_clock = SaveClock(save_seconds)
        kept = None if checkpoint is None else load_progress(checkpoint)
        if kept is not None:
            self._resume(checkpoint, *kept)
        on_epoch(len(self.loss), self.recipe.epochs)
        for epoch in range(len(self.loss), self.recipe.epochs):
            with seeded(stream_seed(self.seed, "dropout", self.phase, epoch)):
                loss = self._pass(epoch)
            self.loss.append(loss if math.isfinite(loss) else None)
            if checkpoint is not None and save_clock.is_due():
                self._save(checkpoint)
            on_epoch(epoch + 1, self.recipe.epochs)
        variables = {name: each.detach().clone() for name, each in self.variables.items()}
        alive = dict(self.search.export(variables, self.sparsity, **self.options))
        self._check("mask", alive)
        if any(each.dtype != torch.bool for each in alive.values()):
            raise BadPlugin(f'mask search "{self.search.id}" exports masks that are not bool.')
        return Found(alive, self.loss)

    def _pass(self, epoch: int) -> float:
        self.model.train()
        total, seen = torch.zeros((), device=next(iter(self.weights.values())).device), 0
        batches = self.data.batches(
            "train",
            self.recipe.batch,
            order=stream(self.seed, "order", self.phase, epoch),
            augment=self.recipe.augment,
            augment_rng=stream(self.seed, "augment", self.phase, epoch),
        )
        for step, (inputs, labels) in enumerate(batches):
            if len(labels) == 1 and self.steps > 1:
                continue  # batch statistics of one sample are undefined
            at = epoch + step / self.steps
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate(at if self.recipe.lr_update == "step" else epoch)
            loss = self._step(inputs, labels, at / max(self.recipe.epochs, 1), epoch * self.steps + step)
            total += loss * len(labels)
            seen += len(labels)
        return total.item() / max(seen, 1)

    def _step(self, inputs: torch.Tensor, labels: torch.Tensor, progress: float, step: int) -> torch.Tensor:
        gates = self.search.gate(self.variables, self.sparsity, progress, self._stream(step), **self.options)
        self._check("gate", gates)
        gated = {name: weight * gates[name] for name, weight in self.weights.items()}
        logits = functional_call(self.model, gated, (inputs,)).float()
        loss = F.cross_entropy(
            tempered(logits, self.recipe.temperature), labels, label_smoothing=self.recipe.label_smoothing
        )
        objective = loss
        if self.search.penalty is not None:
            objective = loss + self.search.penalty(self.variables, self.sparsity, progress, **self.options)
        self.optimizer.zero_grad(set_to_none=True)
        objective.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip is not None:
            nn.utils.clip_grad_norm_(list(self.variables.values()), self.recipe.clip)
        self.optimizer.step()
        if self.search.project is not None:
            self._project((step + 1) / (self.recipe.epochs * self.steps))
        return loss.detach()

    @torch.no_grad()
    def _project(self, progress: float) -> None:
        assert self.search.project is not None
        given = {name: each.detach().clone() for name, each in self.variables.items()}
        projected = self.search.project(given, self.sparsity, progress, **self.options)
        found = {name: tuple(each.shape) for name, each in projected.items()}
        expected = {name: tuple(each.shape) for name, each in self.variables.items()}
        if found != expected:
            raise BadPlugin(
                f'mask search "{self.search.id}" projected its variables to {found}; {expected} was expected.'
            )
        for name, each in self.variables.items():
            each.copy_(projected[name])

    def _check(self, what: str, answer: Mapping[str, torch.Tensor]) -> None:
        expected = {name: tuple(each.shape) for name, each in self.weights.items()}
        found = {name: tuple(each.shape) for name, each in answer.items()}
        if found != expected:
            raise BadPlugin(f'mask search "{self.search.id}" answered a {what} of {found}; {expected} was expected.')

    def _stream(self, *occasion: str | int) -> torch.Generator:
        return stream(self.seed, "search", self.search.id, *occasion)

    def _save(self, path: Path) -> None:
        tensors = {f"variable/{name}": each for name, each in self.variables.items()} | pack_optimizer(self.optimizer)
        tensors |= {f"buffer/{name}": each for name, each in self.model.named_buffers()}
        save_progress(path, tensors, {"loss": self.loss})

    def _resume(self, path: Path | None, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        buffers = dict(self.model.named_buffers())
        try:
            with torch.no_grad():
                for name, each in self.variables.items():
                    each.copy_(tensors[f"variable/{name}"])
                for name, each in buffers.items():
                    each.copy_(tensors[f"buffer/{name}"])
            unpack_optimizer(self.optimizer, tensors)
            self.loss = list(facts["loss"])
        except (RuntimeError, TypeError, ValueError, KeyError, AttributeError) as problem:
            raise StoreCorrupt(
                f"checkpoint {path} does not fit this search: {problem}. Delete it and run again."
            ) from problem
