"""Training, pruned or not, in one loop.

Every epoch draws its randomness from (seed, stream, phase, epoch) alone, so a run that is stopped after any epoch
goes on from its checkpoint and ends with the same bits as one that was never stopped.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from pruneproof.contracts.dataset import LoadedData
from pruneproof.contracts.recipe import Recipe
from pruneproof.errors import StoreCorrupt
from pruneproof.training.checkpoint import load_tensors, pack_optimizer, save_tensors, unpack_optimizer
from pruneproof.training.evaluate import evaluate
from pruneproof.training.masker import Masker
from pruneproof.training.seeding import seeded, stream, stream_seed
from pruneproof.values.masks import MaskSet

PruneAt = Callable[[int, MaskSet | None], MaskSet | None]
"""(epoch about to start, current masks) -> masks from now on; None leaves them."""


@dataclass
class History:
    """What training saw, epoch by epoch. Accuracies in percent, on the test set unless named otherwise."""

    loss: list[float | None] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    """The epoch of best validation accuracy since the masks last changed; None without a validation split."""
    diverged: bool = False


@dataclass(frozen=True)
class Trained:
    """A trained network's tensors (dead weights checked to be zero), its history and its masks."""

    state: dict[str, torch.Tensor]
    history: History
    masks: MaskSet | None


def learning_rate(recipe: Recipe, progress: float) -> float:
    """Return the learning rate after `progress` epochs (whole unless the recipe updates by step).

    With warm-up over w epochs: lr (p + 1) / w before epoch w; afterwards the schedule runs over the remaining epochs.
    Cosine: lr (1 + cos(pi p / E)) / 2. Step: lr factor^floor(p / every).

    >>> recipe = Recipe(epochs=4, batch=1, lr=0.1, lr_schedule="cosine")
    >>> [round(learning_rate(recipe, epoch), 4) for epoch in range(4)]
    [0.1, 0.0854, 0.05, 0.0146]
    """
    if progress < recipe.warmup:
        return recipe.lr * min(1.0, (progress + 1) / recipe.warmup)
    since, length = progress - recipe.warmup, max(recipe.epochs - recipe.warmup, 1)
    if recipe.lr_schedule == "cosine":
        return recipe.lr * (1 + math.cos(math.pi * since / length)) / 2
    if recipe.lr_schedule == "step" and recipe.lr_every is not None and recipe.lr_factor is not None:
        return recipe.lr * recipe.lr_factor ** int(since // recipe.lr_every)
    return recipe.lr


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over all parameters; weight decay acts on biases and normalisation too."""
    parameters = list(model.parameters())
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
    *,
    seed: int,
    phase: str,
    masks: MaskSet | None = None,
    prune_at: PruneAt | None = None,
    stop_after: int | None = None,
    checkpoint: Path | None = None,
    on_epoch: Callable[[int, int], None] = lambda done, total: None,
) -> Trained:
    """Train `model` in place and return its state, history and final masks.

    Args:
        model: on its device; pruned weights are zeroed before the first step.
        data: on the same device; its test split is evaluated after every epoch and never picks one.
        recipe: epochs, optimizer and schedules.
        seed: of the run; order, augmentation and dropout derive their streams from it.
        phase: `dense` or `retrain`; part of every stream's name.
        masks: alive weights from the first step on.
        prune_at: asked before each epoch for new masks (gradual pruning).
        stop_after: train only so many of the recipe's epochs.
        checkpoint: file to resume from and to write after every epoch.
        on_epoch: told (epochs done, epochs in all) at the start and after every epoch.

    Raises:
        MaskBreach: a pruned weight was alive after a step.
    """
    device = next(model.parameters()).device
    validation = data.holdout(recipe.validation, stream(seed, "validation")) if recipe.validation else None
    training_data = validation or data
    optimizer = make_optimizer(model, recipe)
    history, best = History(), None
    start, masks, best = _resume(checkpoint, model, optimizer, history, masks)
    masker = Masker(model, masks) if masks is not None else None
    epochs = recipe.epochs if stop_after is None else stop_after
    steps = math.ceil(training_data.size("train") / recipe.batch)
    on_epoch(start, epochs)
    for epoch in range(start, epochs):
        if history.diverged:
            break
        pruned = prune_at(epoch, masks) if prune_at is not None else None
        if pruned is not None:
            masks = pruned
            if masker is None:
                masker = Masker(model, pruned)
            else:
                masker.update(pruned)
            history.best_epoch = None
        finite = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        with seeded(stream_seed(seed, "dropout", phase, epoch)):
            loss = _epoch(model, training_data, recipe, optimizer, masker, seed, phase, epoch, steps, device)
        history.diverged = not (math.isfinite(loss) and all(each.isfinite().all() for each in model.parameters()))
        history.loss.append(None if history.diverged else loss)
        if history.diverged:  # what follows (scores, other seeds) can go on from the last weights that were numbers
            model.load_state_dict(finite)
        history.accuracy.append(evaluate(model, data).accuracy)
        if validation is not None:
            history.validation.append(evaluate(model, validation, "validation").accuracy)
            if history.best_epoch is None or history.validation[-1] > history.validation[history.best_epoch]:
                history.best_epoch = epoch
                best = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        if checkpoint is not None:
            _save(checkpoint, _state(model, masker), optimizer, history, masks, best)
        on_epoch(epoch + 1, epochs)
    if best is not None:
        model.load_state_dict(best)
    return Trained(_state(model, masker), history, masks)


def _epoch(
    model: nn.Module,
    data: LoadedData,
    recipe: Recipe,
    optimizer: torch.optim.Optimizer,
    masker: Masker | None,
    seed: int,
    phase: str,
    epoch: int,
    steps: int,
    device: torch.device,
) -> float:
    """Train one epoch and return its mean loss."""
    model.train()
    total = torch.zeros((), device=device)
    seen = 0
    batches = data.batches(
        "train",
        recipe.batch,
        order=stream(seed, "order", phase, epoch),
        augment=recipe.augment,
        augment_rng=stream(seed, "augment", phase, epoch),
    )
    for step, (inputs, labels) in enumerate(batches):
        if len(labels) == 1 and steps > 1:
            continue  # batch statistics of one sample are undefined
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, epoch + (step / steps if recipe.lr_update == "step" else 0))
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = F.cross_entropy(model(inputs).float(), labels, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if masker is not None:
            masker.mask_gradients()
        if recipe.clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
        if masker is not None:
            masker.mask_weights()
            masker.watch(epoch * steps + step)
        total += loss.detach() * len(labels)
        seen += len(labels)
    if masker is not None:
        masker.assert_intact()
    return total.item() / max(seen, 1)


def _save(
    path: Path,
    state: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    history: History,
    masks: MaskSet | None,
    best: dict[str, torch.Tensor] | None,
) -> None:
    tensors = {f"model/{name}": tensor for name, tensor in state.items()} | pack_optimizer(optimizer)
    tensors |= {f"best/{name}": tensor for name, tensor in (best or {}).items()}
    if masks is not None:
        tensors |= {f"mask/{name}": mask for name, mask in masks.items()}
    threshold = None if masks is None or masks.threshold is None else masks.threshold.hex()
    save_tensors(path, tensors, {"history": vars(history), "threshold": threshold})


def _state(model: nn.Module, masker: Masker | None) -> dict[str, torch.Tensor]:
    return model.state_dict() if masker is None else masker.masked_state_dict()


def _resume(
    path: Path | None, model: nn.Module, optimizer: torch.optim.Optimizer, history: History, masks: MaskSet | None
) -> tuple[int, MaskSet | None, dict[str, torch.Tensor] | None]:
    """Restore the state after the last finished epoch; return (epochs done, masks, best state)."""
    if path is None or not path.exists():
        return 0, masks, None
    tensors, facts = load_tensors(path)
    try:
        model.load_state_dict(_under("model/", tensors))
        unpack_optimizer(optimizer, tensors)
        vars(history).update(vars(History(**facts["history"])))
        threshold = None if facts["threshold"] is None else float.fromhex(facts["threshold"])
    except (RuntimeError, TypeError, ValueError, KeyError) as problem:
        raise StoreCorrupt(
            f"checkpoint {path} does not fit this training: {problem}. Delete it and run again."
        ) from problem
    saved = {name: mask.numpy() for name, mask in _under("mask/", tensors).items()}
    masks = MaskSet.from_arrays(saved, threshold=threshold) if saved else masks
    return len(history.loss), masks, _under("best/", tensors) or None


def _under(prefix: str, tensors: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
