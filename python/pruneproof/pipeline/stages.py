"""What each kind of stage does: a pure function from inputs and upstream outputs to files.

init       weights.safetensors
train      weights.safetensors  measurement.json  history.json  (mask.safetensors when it prunes while training)
prune      mask.safetensors  selection.json
mechanism  facts.json
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import DataSet, LoadedData
from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.mechanism import Mechanism
from pruneproof.contracts.model import Model
from pruneproof.contracts.recipe import Recipe
from pruneproof.contracts.selection import Selection
from pruneproof.errors import DataCorrupt
from pruneproof.papers.plan import Stage
from pruneproof.pipeline.store import Finished, Store
from pruneproof.registry.catalog import Catalog, blame_plugin
from pruneproof.selection.select import select_masks
from pruneproof.training.checkpoint import load_tensors, save_tensors
from pruneproof.training.evaluate import evaluate
from pruneproof.training.macs import macs, macs_pruned
from pruneproof.training.probe import score
from pruneproof.training.seeding import seeded, stream, stream_seed
from pruneproof.training.train import History, PruneAt, train
from pruneproof.values.masks import MaskSet
from pruneproof.values.measurements import Measurement

WEIGHTS, MASK, MEASUREMENT = "weights.safetensors", "mask.safetensors", "measurement.json"
HISTORY, SELECTION, FACTS = "history.json", "selection.json", "facts.json"
PARTIAL = "epoch.safetensors"
OnEpoch = Callable[[int, int], None]
SCORING_BATCH = 256
NEED_DATA = {"grads", "fisher", "activations", "probe"}
"""Ingredients that are computed on training samples."""


class Workshop:
    """Runs stages: a catalog, a store, a folder of data sets, and the data sets it has loaded."""

    def __init__(self, catalog: Catalog, store: Store, data_root: Path) -> None:
        self.catalog = catalog
        self.store = store
        self.data_root = data_root
        self._load = lru_cache(maxsize=2)(self._load_data)
        self._split = lru_cache(maxsize=2)(self._split_data)  # copies the data, and every pruning step asks

    def run(self, stage: Stage, on_epoch: OnEpoch = lambda done, total: None) -> Finished:
        """Run one stage unless it is finished, and return what it made."""
        digest = stage.digest
        finished = self.store.finished(digest)
        if finished is not None:
            return finished
        with self.store.claim(digest) as draft:
            if draft is None:
                return self.store.expect(digest)
            began = time.perf_counter()
            upstream = {role: self.store.expect(each) for role, each in stage.upstream.items()}
            work = {"init": self._init, "train": self._train, "prune": self._prune, "mechanism": self._mechanism}
            with self.store.writing():
                outputs = work[stage.kind](stage.inputs, upstream, draft, on_epoch)
            facts = {"kind": stage.kind, "label": stage.label, "inputs": stage.inputs, "upstream": stage.upstream}
            return self.store.commit(digest, draft, outputs, facts, time.perf_counter() - began)

    def _load_data(self, name: str, fingerprint: str, device: str) -> LoadedData:
        data = self.catalog.get(DataSet, name).load(self.data_root)
        if data.fingerprint != fingerprint:
            raise DataCorrupt(
                f'data set "{name}" in {self.data_root} changed while the paper was running: planned with fingerprint '
                f"{fingerprint[:16]}, found {data.fingerprint[:16]}. Run again to plan with the new data."
            )
        return data.to(torch.device(device))

    def _data(self, inputs: Mapping[str, Any]) -> LoadedData:
        return self._load(inputs["data"]["id"], inputs["data"]["fingerprint"], inputs["device"])

    def _split_data(self, name: str, fingerprint: str, device: str, validation: float, seed: int) -> LoadedData:
        return self._load(name, fingerprint, device).holdout(validation, stream(seed, "validation"))

    def _seen(self, inputs: Mapping[str, Any], validation: float) -> LoadedData:
        """Return the data without what training holds out for validation."""
        if not validation:
            return self._data(inputs)
        data = inputs["data"]
        return self._split(data["id"], data["fingerprint"], inputs["device"], validation, inputs["seed"])

    def _model(self, inputs: Mapping[str, Any], data: LoadedData) -> tuple[nn.Module, list[str], Model]:
        """Build the freshly initialised network of the `init` stream and name its prunable tensors."""
        entry = self.catalog.entry(Model, inputs["model"]["id"])
        chosen = entry.value
        with blame_plugin(entry), seeded(stream_seed(inputs["seed"], "init")):
            model = chosen.build(data.shape, data.classes, **inputs["model"]["options"])
        return model, chosen.prunable(model), chosen

    def _network(
        self, inputs: Mapping[str, Any], upstream: Mapping[str, Finished]
    ) -> tuple[nn.Module, list[str], LoadedData]:
        """Rebuild the network with the upstream weights, on its device."""
        data = self._data(inputs)
        model, prunable, _ = self._model(inputs, data)
        model.load_state_dict(load_tensors(upstream["weights"].file(WEIGHTS))[0])
        model.to(inputs["device"])
        model.to(memory_format=torch.channels_last)  # faster convolutions, most of all depthwise ones on a CPU
        return model, prunable, data

    def _init(
        self, inputs: Mapping[str, Any], upstream: Mapping[str, Finished], draft: Path, on_epoch: OnEpoch
    ) -> list[str]:
        model, _, _ = self._model(inputs, self._data(inputs))
        save_tensors(draft / WEIGHTS, model.state_dict(), {})
        return [WEIGHTS]

    def _prune(
        self, inputs: Mapping[str, Any], upstream: Mapping[str, Finished], draft: Path, on_epoch: OnEpoch
    ) -> list[str]:
        model, prunable, _ = self._network(inputs, upstream)
        masks = MaskSet.load(upstream["mask"].file(MASK)) if "mask" in upstream else None
        course = inputs["course"]
        for step, sparsity in enumerate(course):
            on_epoch(step, len(course))
            masks = self._cut(model, prunable, inputs, inputs, sparsity, masks, step)
        assert masks is not None  # a course has at least one step
        masks.save(draft / MASK)
        selection = {
            "sparsity": course[-1],
            "threshold": None if masks.threshold is None else repr(masks.threshold),
            "alive": {name: masks.count(name) for name in masks},
            "digest": masks.digest(),
        }
        _write_json(draft / SELECTION, selection)
        return [MASK, SELECTION]

    def _cut(
        self,
        model: nn.Module,
        prunable: list[str],
        inputs: Mapping[str, Any],
        method: Mapping[str, Any],
        sparsity: float,
        masks: MaskSet | None,
        step: int,
    ) -> MaskSet:
        """Score the network and select: the one place where weights are chosen."""
        entry = self.catalog.entry(Criterion, method["criterion"]["id"])
        criterion = entry.value
        samples = method["samples"] if NEED_DATA.intersection(criterion.ingredients) else 0
        seen = self._seen(inputs, method.get("validation", 0.0))
        occasion = step if method.get("resample", True) else 0
        with blame_plugin(entry):
            scores = score(
                criterion,
                method["criterion"]["options"],
                model=model,
                names=prunable,
                masks=masks,
                batches=_scoring_batches(seen, samples, inputs["seed"], occasion) if samples else [],
                rng=stream(inputs["seed"], "criterion", "draw", step),
            )
        state = model.state_dict()
        return select_masks(
            scores,
            sparsity=sparsity,
            selection=_selection(method["selection"]),
            catalog=self.catalog,
            weights={name: state[name].detach() for name in prunable},
            module=model,
            alive=masks,
        )

    def _train(
        self, inputs: Mapping[str, Any], upstream: Mapping[str, Finished], draft: Path, on_epoch: OnEpoch
    ) -> list[str]:
        model, prunable, data = self._network(inputs, upstream)
        masks = MaskSet.load(upstream["mask"].file(MASK)) if "mask" in upstream else None
        before = None
        recipe = Recipe.model_validate(inputs["recipe"])
        seen = self._seen(inputs, recipe.validation)
        losses: dict[str, Any] = {}
        if inputs.get("losses"):
            losses["accuracy_dense"] = evaluate(model, data).accuracy
            losses["loss_dense"] = _loss(model, seen)
        if masks is not None:
            _apply(model, masks)
            before = evaluate(model, data).accuracy
            if losses:
                losses["loss_pruned"] = _loss(model, seen)
        during = inputs["during"]
        trained = train(
            model,
            data,
            recipe,
            seed=inputs["seed"],
            phase=inputs["phase"],
            masks=masks,
            prune_at=self._gradual(model, prunable, inputs, during) if during else None,
            stop_after=inputs["stop_after"],
            checkpoint=draft / PARTIAL,
            on_epoch=on_epoch,
        )
        history, masks = trained.history, trained.masks
        measurement = _measure(model, prunable, data, masks, before, history, inputs)
        if losses:
            measurement = replace(measurement, **losses, loss_retrained=_loss(model, seen))
        save_tensors(draft / WEIGHTS, trained.state, {})
        _write_json(draft / MEASUREMENT, measurement.to_json())
        _write_json(draft / HISTORY, vars(history))
        outputs = [WEIGHTS, MEASUREMENT, HISTORY]
        if during and masks is not None:
            masks.save(draft / MASK)
            outputs.append(MASK)
        return outputs

    def _gradual(
        self,
        model: nn.Module,
        prunable: list[str],
        inputs: Mapping[str, Any],
        during: Mapping[str, Any],
    ) -> PruneAt:
        def prune_at(epoch: int, masks: MaskSet | None) -> MaskSet | None:
            step = epoch - during["first_epoch"]
            if not 0 <= step < len(during["course"]):
                return None
            return self._cut(model, prunable, inputs, during, during["course"][step], masks, step)

        return prune_at

    def _mechanism(
        self, inputs: Mapping[str, Any], upstream: Mapping[str, Finished], draft: Path, on_epoch: OnEpoch
    ) -> list[str]:
        entry = self.catalog.entry(Mechanism, inputs["check"]["id"])
        with blame_plugin(entry):
            check = entry.value.check
            given = [self.catalog] if "catalog" in ingredients(check) else []
            facts = check(*given, **inputs["check"]["options"])
        _write_json(draft / FACTS, [dict(fact.to_json()) for fact in facts])
        return [FACTS]


def _measure(
    model: nn.Module,
    prunable: list[str],
    data: LoadedData,
    masks: MaskSet | None,
    before: float | None,
    history: History,
    inputs: Mapping[str, Any],
) -> Measurement:
    final = evaluate(model, data)
    sizes = {name: model.state_dict()[name].numel() for name in prunable}
    densities = {name: masks.density(name) if masks is not None and name in masks else 1.0 for name in prunable}
    alive = sum(masks.count(name) if masks is not None and name in masks else sizes[name] for name in prunable)
    return Measurement(
        accuracy=final.accuracy,
        accuracy_best=max([*history.accuracy, final.accuracy]),
        accuracy_before=before,
        loss=history.loss[-1] if history.loss else None,
        diverged=history.diverged,
        weights=sum(sizes.values()),
        alive=alive,
        macs_pruned=macs_pruned(macs(model, data.shape, prunable), densities),
        constant_output=final.constant_output,
        epochs=inputs["epochs_before"] + len(history.accuracy),
        densities=densities,
    )


def _loss(model: nn.Module, data: LoadedData) -> float | None:
    """Return the mean cross-entropy over the training split; None where it is no number."""
    loss = evaluate(model, data, "train").loss
    return loss if math.isfinite(loss) else None


def _scoring_batches(data: LoadedData, samples: int, seed: int, step: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return `samples` training samples (or all there are) drawn by the run's `criterion` stream, not augmented.

    A last batch of one joins the one before it, since batch statistics of one sample are undefined.
    """
    batches: list[tuple[torch.Tensor, torch.Tensor]] = []
    left = min(samples, data.size("train"))
    for inputs, labels in data.batches("train", SCORING_BATCH, order=stream(seed, "criterion", "samples", step)):
        batches.append((inputs[:left], labels[:left]))
        left -= len(labels)
        if left <= 0:
            break
    if len(batches) > 1 and len(batches[-1][1]) == 1:
        last, single = batches[-2:]
        batches[-2:] = [(torch.cat([last[0], single[0]]), torch.cat([last[1], single[1]]))]
    return batches


def _selection(written: Mapping[str, Any]) -> Selection:
    """Return the selection that a plan writes out, without whose its rules are."""
    return Selection.model_validate(
        {
            key: {name: each for name, each in value.items() if name != "origin"} if isinstance(value, dict) else value
            for key, value in written.items()
        }
    )


def _apply(model: nn.Module, masks: MaskSet) -> None:
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name in masks:
                tensor.masked_fill_(~masks[name].to(tensor.device), 0.0)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
