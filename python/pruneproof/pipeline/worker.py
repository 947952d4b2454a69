"""Runs stages one after the other: a catalog, a store, a folder of data sets, and the data sets it has loaded."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from pruneproof.contracts.dataset import DataSet, LoadedData
from pruneproof.errors import DataCorrupt
from pruneproof.pipeline.answering import answering_for
from pruneproof.pipeline.kinds.table import KINDS, MASK
from pruneproof.pipeline.plan import Stage
from pruneproof.pipeline.store import Finished, Store
from pruneproof.registry.catalog import Catalog, blame_plugin
from pruneproof.training.seeding import stream
from pruneproof.values.masks import MaskSet

OnProgress = Callable[[int, int], None]
"""Told (done, total) epochs or steps of a stage."""


@dataclass(frozen=True)
class Task:
    """One stage at work: what goes in, where its files go, and the worker that runs it."""

    inputs: Mapping[str, Any]
    upstream: Mapping[str, Finished]
    """Role -> the finished stage that fills it."""
    draft: Path
    """The folder for its files, and for checkpoints of its work."""
    progress: OnProgress
    worker: "Worker"

    @property
    def catalog(self) -> Catalog:
        """What the paper's plugins register."""
        return self.worker.catalog

    def write_json(self, name: str, content: Any) -> str:
        """Write one of its files as JSON and return its name."""
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (self.draft / name).write_text(text, encoding="utf-8")
        return name

    def write_mask(self, masks: MaskSet) -> str:
        """Write its mask and return the file's name; the store's manifest digests the whole file, so no seal does."""
        masks.save(self.draft / MASK.file, sealed=False)
        return MASK.file

    def data(self) -> LoadedData:
        """Return the run's data set on its device."""
        data = self.inputs["data"]
        return self.worker.load(data["id"], data["fingerprint"], self.inputs["device"])

    def held_out_data(self, validation: float) -> LoadedData:
        """Return the data without what training holds out for validation."""
        if not validation:
            return self.data()
        data = self.inputs["data"]
        return self.worker.split(
            data["id"], data["fingerprint"], self.inputs["device"], validation, self.inputs["seed"]
        )


class Worker:
    """Runs stages; opened once per process."""

    def __init__(self, catalog: Catalog, store: Store, data_root: Path) -> None:
        """Take the catalog, the store and the folder of data sets."""
        self.catalog = catalog
        self.store = store
        self.data_root = data_root
        self.load = lru_cache(maxsize=2)(self._load)
        self.split = lru_cache(maxsize=2)(self._split)  # copies the data, and every pruning step asks

    def run(self, stage: Stage, on_epoch: OnProgress = lambda done, total: None) -> Finished:
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
            with self.store.writing(), answering_for(stage, self.catalog):
                outputs = KINDS[stage.kind].run(Task(stage.inputs, upstream, draft, on_epoch, self))
            facts = {"kind": stage.kind, "label": stage.label, "inputs": stage.inputs, "upstream": stage.upstream}
            return self.store.commit(digest, draft, outputs, facts, time.perf_counter() - began)

    def _load(self, name: str, fingerprint: str, device: str) -> LoadedData:
        entry = self.catalog.entry(DataSet, name)
        with blame_plugin(entry):
            data = entry.value.load(self.data_root)
        if data.fingerprint != fingerprint:
            raise DataCorrupt(
                f'data set "{name}" in {self.data_root} changed while the paper was running: planned with fingerprint '
                f"{fingerprint[:16]}, found {data.fingerprint[:16]}. Run again to plan with the new data."
            )
        return data.to(torch.device(device))

    def _split(self, name: str, fingerprint: str, device: str, validation: float, seed: int) -> LoadedData:
        return self.load(name, fingerprint, device).holdout(validation, stream(seed, "validation"))
