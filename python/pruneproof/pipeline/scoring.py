"""Scores a network and selects: the one place where a plan's weights are chosen."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from pruneproof.contracts.criterion import Criterion, Scored
from pruneproof.contracts.dataset import LoadedData, Split
from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.transform import Transform, Transformed
from pruneproof.errors import BadConfig, BadPlugin
from pruneproof.pipeline.network import build
from pruneproof.pipeline.worker import Task
from pruneproof.pipeline.writing import read_selection
from pruneproof.registry.catalog import Catalog, blame_plugin
from pruneproof.selection.select import select_masks
from pruneproof.training.probe import Mode
from pruneproof.training.scoring import scored
from pruneproof.training.seeding import seeded, stream
from pruneproof.values.masks import MaskSet

SCORING_BATCH = 256


def score_and_select(
    task: Task,
    module: nn.Module,
    prunable: Sequence[str],
    method: Mapping[str, Any],
    sparsity: float,
    masks: MaskSet | None,
    step: int,
    *,
    alive: MaskSet | None,
    before: float | None,
) -> tuple[MaskSet, Scored]:
    """Return the mask at a sparsity, and the scores behind it.

    Args:
        task: whose seed, data and plugins count.
        module: the network, with its weights.
        prunable: names of the weights that compete.
        method: criterion, selection, samples and mode, as the plan writes them.
        sparsity: cumulative target.
        masks: the mask under which the network is scored.
        step: which step of the course this is, from 0.
        alive: what may be chosen; None for all weights.
        before: the sparsity that `alive` was made for, where that is known.
    """
    entry = task.catalog.entry(Criterion, method["criterion"]["id"])
    seed, round_ = task.inputs["seed"], method.get("round", 0)
    sample = method.get("sample")
    batches: Sequence[tuple[torch.Tensor, torch.Tensor]] = []
    if sample is not None:
        seen = task.held_out_data(method.get("validation", 0.0))
        occasion = step if sample["resample"] else 0
        batches = scoring_samples(task.catalog, seen, sample, seed, occasion, round_)
    more = [round_] if round_ else []
    mode: Mode = method.get("mode", "criterion")
    with blame_plugin(entry):
        found = scored(
            entry.value,
            method["criterion"]["options"],
            model=module,
            names=list(prunable),
            masks=masks,
            batches=batches,
            rng=stream(seed, "criterion", "draw", step, *more),
            mode=mode,
            initial=lambda: _initial(task, prunable),
        )
    scores = _transformed(task.catalog, method.get("transforms", ()), found.scores, masks, (seed, step, *more))
    state = module.state_dict()
    chosen = select_masks(
        scores,
        sparsity=sparsity,
        selection=read_selection(method["selection"]),
        catalog=task.catalog,
        weights={name: state[name].detach() for name in prunable},
        module=module,
        example=torch.zeros(1, *task.data().shape, device=task.inputs["device"]),
        alive=alive,
        before=before,
    )
    return chosen, found


def _initial(task: Task, prunable: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return the prunable weights as the run's seed initialised them, on the stage's device."""
    if "shape" in task.upstream:
        raise BadConfig("the network has been shrunk, so that its weights at initialisation are others. Score before.")
    state = build(task)[0].state_dict()
    return {name: state[name].to(task.inputs["device"]) for name in prunable}


def _transformed(
    catalog: Catalog,
    transforms: Sequence[Mapping[str, Any]],
    scores: Mapping[str, torch.Tensor],
    masks: MaskSet | None,
    occasion: tuple[int, ...],
) -> Mapping[str, torch.Tensor]:
    """Return the scores after each transform; `occasion` is the seed, the iteration and, in a repetition, the round."""
    seed, *rest = occasion
    for place, written in enumerate(transforms):
        entry = catalog.entry(Transform, written["id"])
        rng = stream(seed, "transform", written["id"], place, *rest)
        given: dict[str, Any] = {"scores": scores, "alive": _alive(scores, masks), "rng": rng}
        asked = ingredients(entry.value.transform)
        if "scores" not in asked or not set(asked) <= set(given):
            raise BadConfig(
                f'the transform "{written["id"]}" asks for {", ".join(asked)}; scores are changed by transforms of '
                "scores, alive and rng only."
            )
        with blame_plugin(entry), seeded(rng.initial_seed()):
            answer = entry.value.transform(*(given[name] for name in asked), **written["options"])
        if not isinstance(answer, Mapping) or set(answer) != set(scores):
            raise BadPlugin(
                f'transform "{written["id"]}" must return one tensor of scores for each of {sorted(scores)}.'
            )
        scores = answer
    return scores


def _alive(scores: Mapping[str, torch.Tensor], masks: MaskSet | None) -> dict[str, torch.Tensor]:
    return {
        name: torch.ones_like(each, dtype=torch.bool) if masks is None else masks[name].to(each.device)
        for name, each in scores.items()
    }


def scoring_samples(
    catalog: Catalog, data: LoadedData, sample: Mapping[str, Any], seed: int, occasion: int, round_: int = 0
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the scoring samples after each of the sample's transforms, which see all of them at once.

    Raises:
        BadConfig: a class with fewer samples than asked for.
        BadPlugin: a transform that answers otherwise than with samples of the same form.
    """
    batches = scoring_batches(data, sample, seed, occasion, round_)
    for place, written in enumerate(sample.get("transforms", ())):
        entry = catalog.entry(Transform, written["id"])
        sizes = [len(labels) for _, labels in batches]
        inputs, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
        rng = stream(seed, "transform", written["id"], "samples", place, occasion, round_)
        given = {"inputs": inputs, "labels": labels, "classes": data.classes, "rng": rng}
        with blame_plugin(entry), seeded(rng.initial_seed()):
            asked = ingredients(entry.value.transform)
            answer = entry.value.transform(*(given[name] for name in asked), **written["options"])
        if not isinstance(answer, Transformed):
            raise BadPlugin(f'transform "{written["id"]}" answered {type(answer).__name__}; Transformed was expected.')
        inputs, labels = (
            _like(before, found, written["id"]) for before, found in ((inputs, answer.inputs), (labels, answer.labels))
        )
        batches = list(zip(torch.split(inputs, sizes), torch.split(labels, sizes), strict=True))
    return batches


def _like(before: torch.Tensor, found: torch.Tensor | None, transform: str) -> torch.Tensor:
    if found is None:
        return before
    if found.shape != before.shape or found.dtype != before.dtype:
        raise BadPlugin(
            f'transform "{transform}" made {found.dtype} {tuple(found.shape)} of scoring samples that are '
            f"{before.dtype} {tuple(before.shape)}."
        )
    return found


def scoring_batches(
    data: LoadedData, sample: Mapping[str, Any], seed: int, occasion: int, round_: int = 0
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return scoring samples drawn by the run's `criterion` stream, not augmented.

    By size (or all there are) in batches of 256, where a last batch of one joins the one before it, since batch
    statistics of one sample are undefined; or so many of each class, one batch per class in the order of the labels.
    They are training samples, unless a mutant of a plan says otherwise.

    Raises:
        BadConfig: a class with fewer samples than asked for.
    """
    more = [round_] if round_ else []
    order = stream(seed, "criterion", "samples", occasion, *more)
    split: Split = sample.get("split", "train")
    if sample["per_class"] is not None:
        return _by_class(data, split, sample["per_class"], order)
    batches: list[tuple[torch.Tensor, torch.Tensor]] = []
    left = min(sample["size"], data.size(split))
    for inputs, labels in data.batches(split, SCORING_BATCH, order=order):
        batches.append((inputs[:left], labels[:left]))
        left -= len(labels)
        if left <= 0:
            break
    if len(batches) > 1 and len(batches[-1][1]) == 1:
        last, single = batches[-2:]
        batches[-2:] = [(torch.cat([last[0], single[0]]), torch.cat([last[1], single[1]]))]
    return batches


def _by_class(
    data: LoadedData, split: Split, count: int, order: torch.Generator
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    found: dict[int, list[torch.Tensor]] = {label: [] for label in range(data.classes)}
    have = dict.fromkeys(found, 0)
    for inputs, labels in data.batches(split, SCORING_BATCH, order=order):
        for label in found:
            if have[label] < count:
                of_class = inputs[labels == label][: count - have[label]]
                found[label].append(of_class)
                have[label] += len(of_class)
        if min(have.values()) >= count:
            break
    for label, number in have.items():
        if number < count:
            raise BadConfig(
                f"{count} scoring samples of each class were asked for, and class {label} has {number}. Lower "
                "per_class."
            )
    return [
        (torch.cat(parts), torch.full((count,), label, dtype=torch.int64, device=parts[0].device))
        for label, parts in found.items()
    ]
