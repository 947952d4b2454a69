"""Training, pruned or not, in one loop.

Every epoch draws its randomness from (seed, stream, phase, epoch) alone, so a run that is stopped after any epoch
goes on from its checkpoint and ends with the same bits as one that was never stopped.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn import functional as F

from pruneproof.contracts.dataset import LoadedData
from pruneproof.contracts.recipe import Recipe
from pruneproof.errors import BadConfig, StoreCorrupt
from pruneproof.training.checkpoint import (
    SAVE_SECONDS,
    SaveClock,
    forget,
    load_progress,
    pack_optimizer,
    save_progress,
    unpack_optimizer,
)
from pruneproof.training.evaluate import evaluate
from pruneproof.training.masked_model import tempered
from pruneproof.training.masker import Masker
from pruneproof.training.row import Row
from pruneproof.training.row_sgd import RowSGD
from pruneproof.training.seeding import seeded, stream, stream_seed
from pruneproof.values.masks import MaskSet

PruneAt = Callable[[int, MaskSet | None], MaskSet | None]
"""(epoch about to start, current masks) -> masks from now on; None leaves them."""


@dataclass
class History:
    """What training saw, epoch by epoch. Accuracies in percent."""

    loss: list[float | None] = field(default_factory=list)
    """Mean training loss, penalties left out; None where it diverged."""
    validation: list[float] = field(default_factory=list)
    """Accuracy on the held-out part; empty without one."""
    watched: dict[str, list[Any]] = field(default_factory=dict)
    """Metric -> what it was at the end of each epoch, for the metrics that were asked for."""
    best_epoch: int | None = None
    """The place of best validation accuracy since the masks last changed; None without a validation split."""
    diverged: bool = False


@dataclass(frozen=True)
class Trained:
    """A trained network's tensors (dead weights checked to be zero), its history and its masks."""

    state: dict[str, torch.Tensor]
    history: History
    masks: MaskSet | None
    optimizer: dict[str, torch.Tensor]
    """The optimizer's state as named tensors."""


class Watcher(Protocol):
    """Records what is asked for while a network trains."""

    def resume(self, done: int, masks: MaskSet | None) -> None:
        """Hear that the training goes on after `done` epochs, under the masks of their end."""
        ...

    def step(self, step: int, loss: torch.Tensor, lr: float, masks: MaskSet | None) -> None:
        """See the network after the backward pass of optimizer step `step`, dense gradients in place."""
        ...

    def epoch(self, loss: float | None, masks: MaskSet | None, explored: MaskSet | None) -> dict[str, Any]:
        """Return metric -> value at the end of an epoch; `explored` is what has been alive at any time so far."""
        ...


class MaskUpdate(Protocol):
    """A mask that moves by optimizer steps."""

    def due(self, step: int, steps: int) -> bool:
        """Say whether the mask moves at optimizer step `step` (from 1) of `steps`."""
        ...

    def move(self, model: nn.Module, masks: MaskSet, step: int, steps: int) -> MaskSet:
        """Return the new masks; dense gradients are in place."""
        ...


class LossPenalty(Protocol):
    """A term that is added to the training loss."""

    def __call__(self, step: int, progress: float, masks: MaskSet | None) -> torch.Tensor:
        """Return the term, before optimizer step `step` (from 0), under the masks of that moment."""
        ...


@dataclass(frozen=True)
class Course:
    """What happens to a network while it trains, apart from the recipe."""

    rate: Callable[[float], float]
    """progress in epochs -> learning rate."""
    seed: int
    """Of the run; order, augmentation and dropout derive their streams from it."""
    phase: str
    """The recipe's name; part of every stream's name."""
    start: int = 0
    """The recipe's epoch to begin at."""
    stop: int | None = None
    """The recipe's epoch to end before; its last when None."""
    prune_at: PruneAt | None = None
    """Asked before each epoch for new masks (gradual pruning)."""
    updates: Sequence[MaskUpdate] = ()
    """Where one is due it takes the place of the optimizer's step (Evci et al. 2020, algorithm 1)."""
    penalties: Sequence[LossPenalty] = ()
    watcher: Watcher | None = None
    optimizer: Mapping[str, torch.Tensor] | None = None
    """The optimizer's state to go on from; None begins afresh."""


def make_optimizer(model: nn.Module, recipe: Recipe, row: Row | None = None) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over all parameters; weight decay acts on biases and normalisation too.

    Args:
        model: whose parameters are optimised.
        recipe: which optimizer, and how.
        row: where the parameters lie, if they lie in one.
    """
    if row is not None and recipe.optimizer == "sgd":
        return RowSGD(row, recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=recipe.nesterov)
    return make_optimizer_over([*model.parameters()], recipe)


def make_optimizer_over(parameters: list[torch.Tensor], recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over some tensors."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=recipe.nesterov
        )
    adam = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    return adam(parameters, recipe.lr, weight_decay=recipe.weight_decay)


def train(
    model: nn.Module,
    data: LoadedData,
    recipe: Recipe,
    course: Course,
    *,
    masks: MaskSet | None = None,
    checkpoint: Path | None = None,
    save_seconds: float = SAVE_SECONDS,
    on_epoch: Callable[[int, int], None] = lambda done, total: None,
) -> Trained:
    """Train `model` in place and return its state, history and final masks.

    Args:
        model: on its device; pruned weights are zeroed before the first step.
        data: on the same device; its test split never picks an epoch.
        recipe: epochs, optimizer and loss.
        course: learning rate, random streams, which epochs of the recipe, and what moves masks or adds to the loss.
        masks: alive weights from the first step on.
        checkpoint: file to resume from, and to write after an epoch.
        save_seconds: the time between two writes, at least; 0 writes after every epoch.
        on_epoch: told (epochs done, epochs in all) at the start and after every epoch.

    Raises:
        MaskBreach: a pruned weight was alive after a step.
    """
    loop = _Loop(model, data, recipe, course, masks, checkpoint, SaveClock(save_seconds))
    last = recipe.epochs if course.stop is None else course.stop
    on_epoch(loop.done, last - course.start)
    for epoch in range(course.start + loop.done, last):
        if loop.history.diverged:
            break
        loop.epoch(epoch)
        on_epoch(epoch + 1 - course.start, last - course.start)
    return loop.finish()


class _Loop:
    """One training: the network, its optimizer, its masks and its history, epoch by epoch."""

    def __init__(
        self,
        model: nn.Module,
        data: LoadedData,
        recipe: Recipe,
        course: Course,
        masks: MaskSet | None,
        checkpoint: Path | None,
        save_clock: SaveClock,
    ) -> None:
        self.save_clock = save_clock
        self.model, self.recipe, self.course, self.checkpoint = model, recipe, course, checkpoint
        self.device = next(model.parameters()).device
        on_gpu = self.device.type == "cuda"
        self.precision = torch.autocast("cuda", torch.bfloat16) if on_gpu else nullcontext()
        held_out = recipe.validation > 0
        self.data = data.holdout(recipe.validation, stream(course.seed, "validation")) if held_out else data
        self.row = Row.of(model)
        self.optimizer = make_optimizer(model, recipe, self.row)
        self.history = History()
        self.best: dict[str, torch.Tensor] | None = None
        self.masks = self.explored = masks
        kept = None if checkpoint is None else load_progress(checkpoint)
        if kept is not None:
            self._resume(*kept)
        elif course.optimizer is not None:
            unpack_optimizer(self.optimizer, course.optimizer)
        self.masker = Masker(model, self.masks, self.row) if self.masks is not None else None
        self.steps = math.ceil(self.data.size("train") / recipe.batch)

    @property
    def done(self) -> int:
        return len(self.history.loss)

    def epoch(self, epoch: int) -> None:
        """Train one epoch, look at the network, and write a checkpoint where one is due."""
        if self.course.prune_at is not None:
            self._change_masks(self.course.prune_at(epoch, self.masks))
        finite = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        with seeded(stream_seed(self.course.seed, "dropout", self.course.phase, epoch)):
            loss = self._pass(epoch)
        history = self.history
        history.diverged = not (math.isfinite(loss) and self._is_finite())
        history.loss.append(None if history.diverged else loss)
        if history.diverged:  # what follows (scores, other seeds) can go on from the last weights that were numbers
            self.model.load_state_dict(finite)
        if self.course.watcher is not None:
            for metric, value in self.course.watcher.epoch(history.loss[-1], self.masks, self.explored).items():
                history.watched.setdefault(metric, []).append(value)
        if self.recipe.validation:
            self._keep_best()
        if self.checkpoint is not None and self.save_clock.is_due():
            self._save(self.checkpoint)

    def finish(self) -> Trained:
        """Return what came out, with the best state on the validation split where there is one."""
        if self.best is not None:
            self.model.load_state_dict(self.best)
        return Trained(self._state(), self.history, self.masks, pack_optimizer(self.optimizer))

    def _change_masks(self, masks: MaskSet | None) -> None:
        if masks is None:
            return
        self.masks = masks
        if self.explored is not None:  # from a dense network on, every weight has been alive
            self.explored = self.explored | masks
        if self.masker is None:
            self.masker = Masker(self.model, masks, self.row)
        else:
            self.masker.update(masks)
        self.history.best_epoch = None

    def _keep_best(self) -> None:
        history = self.history
        history.validation.append(evaluate(self.model, self.data, "validation").accuracy)
        if history.best_epoch is None or history.validation[-1] > history.validation[history.best_epoch]:
            history.best_epoch = len(history.validation) - 1
            self.best = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def _pass(self, epoch: int) -> float:
        """Train on every batch once and return the mean loss."""
        self.model.train()
        recipe, course = self.recipe, self.course
        total = torch.zeros((), device=self.device)
        seen = 0
        batches = self.data.batches(
            "train",
            recipe.batch,
            order=stream(course.seed, "order", course.phase, epoch),
            augment=recipe.augment,
            augment_rng=stream(course.seed, "augment", course.phase, epoch),
        )
        for step, (inputs, labels) in enumerate(batches):
            if len(labels) == 1 and self.steps > 1:
                continue  # batch statistics of one sample are undefined
            lr = course.rate(epoch + (step / self.steps if recipe.lr_update == "step" else 0))
            total += self._step(inputs, labels, lr, epoch * self.steps + step) * len(labels)
            seen += len(labels)
        if self.masker is not None:
            self.masker.assert_intact()
        return total.item() / max(seen, 1)

    def _step(self, inputs: torch.Tensor, labels: torch.Tensor, lr: float, step: int) -> torch.Tensor:
        """Take one optimizer step, or move the mask in its place, and return the loss."""
        recipe, course, steps = self.recipe, self.course, self.recipe.epochs * self.steps
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        with self.precision:
            loss = F.cross_entropy(
                tempered(self.model(inputs).float(), recipe.temperature), labels, label_smoothing=recipe.label_smoothing
            )
        self._release_gradients()
        objective = sum((penalty(step, step / max(steps, 1), self.masks) for penalty in course.penalties), loss)
        objective.backward()  # type: ignore[no-untyped-call]
        if course.watcher is not None:
            course.watcher.step(step, loss.detach(), lr, self.masks)
        due = [update for update in course.updates if update.due(step + 1, steps)]
        if due:
            self._move(due, step + 1, steps)
            return loss.detach()
        if self.row is not None:
            self.row.gather()
        if self.masker is not None:
            self.masker.mask_gradients()
        if recipe.clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        if self.masker is not None:
            self.masker.mask_weights()
            self.masker.watch(step)
        return loss.detach()

    def _release_gradients(self) -> None:
        if self.row is not None:
            self.row.release()
        else:
            self.optimizer.zero_grad(set_to_none=True)

    def _is_finite(self) -> bool:
        in_row = self.row is not None and self.row.is_whole()
        weights = [self.row.weights] if self.row is not None and in_row else [*self.model.parameters()]
        return all(bool(each.isfinite().all()) for each in weights)

    def _move(self, due: Sequence[MaskUpdate], step: int, steps: int) -> None:
        """Let masks move; weights that come back start at zero, without momentum."""
        for update in due:
            before = self.masks
            if before is None:
                raise BadConfig("a mask that moves needs a mask to begin with. Prune before this training.")
            self._change_masks(update.move(self.model, before, step, steps))
            assert self.masks is not None
            revived = self.masks - before
            for name in revived:
                parameter = self.model.get_parameter(name)
                forget(self.optimizer, parameter, revived[name].to(parameter.device))

    def _save(self, path: Path) -> None:
        tensors = {f"model/{name}": tensor for name, tensor in self._state().items()} | pack_optimizer(self.optimizer)
        tensors |= {f"best/{name}": tensor for name, tensor in (self.best or {}).items()}
        if self.masks is not None:
            tensors |= {f"mask/{name}": mask for name, mask in self.masks.items()}
        if self.explored is not None and self.course.updates:
            tensors |= {f"explored/{name}": mask for name, mask in self.explored.items()}
        threshold = None if self.masks is None or self.masks.threshold is None else self.masks.threshold.hex()
        save_progress(path, tensors, {"history": vars(self.history), "threshold": threshold})

    def _state(self) -> dict[str, torch.Tensor]:
        return self.model.state_dict() if self.masker is None else self.masker.masked_state_dict()

    def _resume(self, tensors: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
        """Restore the state after the last finished epoch."""
        try:
            self.model.load_state_dict(_under("model/", tensors))
            unpack_optimizer(self.optimizer, tensors)
            self.history = History(**facts["history"])
            threshold = None if facts["threshold"] is None else float.fromhex(facts["threshold"])
        except (RuntimeError, TypeError, ValueError, KeyError, AttributeError) as problem:
            raise StoreCorrupt(
                f"checkpoint {self.checkpoint} does not fit this training: {problem}. Delete it and run again."
            ) from problem
        saved = {name: mask.numpy() for name, mask in _under("mask/", tensors).items()}
        self.masks = MaskSet.from_arrays(saved, threshold=threshold) if saved else self.masks
        explored = {name: mask.numpy() for name, mask in _under("explored/", tensors).items()}
        self.explored = MaskSet.from_arrays(explored) if explored else self.explored
        self.best = _under("best/", tensors) or None
        if self.course.watcher is not None:
            self.course.watcher.resume(self.done, self.masks)


def _under(prefix: str, tensors: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
