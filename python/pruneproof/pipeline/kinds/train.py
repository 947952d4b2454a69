"""`train`: epochs of a recipe, dense or under a mask, with whatever moves the mask, adds to the loss or is recorded."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar

import torch

from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.recipe import Recipe
from pruneproof.contracts.regularizer import Regularizer
from pruneproof.contracts.update import Update
from pruneproof.pipeline.kinds.prune import move_survivors
from pruneproof.pipeline.kinds.table import HISTORY, OPTIMIZER, PARTIAL, WEIGHTS
from pruneproof.pipeline.network import Network, open_network
from pruneproof.pipeline.scoring import score_and_select
from pruneproof.pipeline.upstream import load_masks, load_optimizer
from pruneproof.pipeline.watching import WatchedMetrics
from pruneproof.pipeline.worker import Task
from pruneproof.pipeline.writing import read_recipe
from pruneproof.registry.catalog import Entry, blame_plugin
from pruneproof.training.checkpoint import save_tensors
from pruneproof.training.penalties import RegularizerPenalty
from pruneproof.training.rate import learning_rate
from pruneproof.training.train import Course, PruneAt, train
from pruneproof.training.updates import ScheduledUpdate
from pruneproof.units import optimizer_steps
from pruneproof.values.masks import MaskSet

V = TypeVar("V")


def run(task: Task) -> list[str]:
    """Train and save weights and history, the mask where it moved, and the optimizer's state if it is needed."""
    inputs, network = task.inputs, open_network(task)
    recipe = read_recipe(inputs["recipe"])
    course = Course(
        rate=learning_rate(recipe, task.catalog.get),
        seed=inputs["seed"],
        phase=inputs["phase"],
        start=inputs["start"],
        stop=inputs["stop"],
        prune_at=_gradual(task, network, inputs["gradual"]) if inputs["gradual"] else None,
        updates=_updates(task, network, recipe),
        penalties=_penalties(task, network),
        watcher=WatchedMetrics(task, network, inputs["watch"], _steps(network, recipe)) if inputs["watch"] else None,
        optimizer=_optimizer(task, network),
    )
    trained = train(
        network.module,
        network.data,
        recipe,
        course,
        masks=network.masks,
        checkpoint=task.draft / PARTIAL,
        on_epoch=task.progress,
    )
    save_tensors(task.draft / WEIGHTS.file, trained.state, {})
    outputs = [WEIGHTS.file, task.write_json(HISTORY.file, vars(trained.history))]
    if (inputs["gradual"] or inputs["updates"]) and trained.masks is not None:
        outputs.append(task.write_mask(trained.masks))
    if inputs["keep_optimizer"]:
        save_tensors(task.draft / OPTIMIZER.file, trained.optimizer, {})
        outputs.append(OPTIMIZER.file)
    return outputs


def _steps(network: Network, recipe: Recipe) -> int:
    """Return the optimizer steps of an epoch; what validation holds out is not trained on."""
    samples = network.data.size("train")
    if recipe.validation:
        samples = network.data.holdout(recipe.validation, torch.Generator()).size("train")
    return math.ceil(samples / recipe.batch)


def _optimizer(task: Task, network: Network) -> Mapping[str, torch.Tensor] | None:
    return load_optimizer(task.upstream["optimizer"], network.module) if "optimizer" in task.upstream else None


def _gradual(task: Task, network: Network, gradual: Mapping[str, Any]) -> PruneAt:
    criterion = task.catalog.entry(Criterion, gradual["criterion"]["id"])

    def prune_at(epoch: int, masks: MaskSet | None) -> MaskSet | None:
        step = epoch - gradual["first_epoch"]
        if not 0 <= step < len(gradual["course"]):
            return None
        sparsity, before = gradual["course"][step], gradual["course"][step - 1] if step else None
        chosen, found = score_and_select(
            task, network.module, network.prunable, gradual, sparsity, masks, step, alive=masks, before=before
        )
        move_survivors(network, criterion, chosen, found)
        return chosen

    return prune_at


def _updates(task: Task, network: Network, recipe: Recipe) -> list[ScheduledUpdate]:
    steps = _steps(network, recipe) if task.inputs["updates"] else 0
    return [
        ScheduledUpdate(
            update=_blamed(task.catalog.entry(Update, written["id"]), "update"),
            options=written["options"],
            names=network.prunable,
            seed=task.inputs["seed"],
            every=max(1, optimizer_steps(written["every"], steps)),
            start=optimizer_steps(written["start"], steps),
            until=written["until"],
            sparsity=written.get("sparsity", 0.0),
        )
        for written in task.inputs["updates"]
    ]


def _penalties(task: Task, network: Network) -> list[RegularizerPenalty]:
    marked = load_masks(task.upstream["marked"], network.module) if "marked" in task.upstream else None
    return [
        RegularizerPenalty(
            _blamed(task.catalog.entry(Regularizer, written["id"]), "penalty"),
            written["options"],
            network.module,
            network.prunable,
            marked,
        )
        for written in task.inputs["regularizers"]
    ]


def _blamed(entry: Entry[V], field: str) -> V:
    """Return a registered value whose function names itself and its owner where it raises."""
    function: Callable[..., Any] = getattr(entry.value, field)

    @wraps(function)
    def call(*given: Any, **options: Any) -> Any:
        with blame_plugin(entry, often=True):
            return function(*given, **options)

    return replace(entry.value, **{field: call})  # type: ignore[type-var]
