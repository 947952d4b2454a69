"""Where stages run: the plugins, the store and the data that a worker opens, and how it sets up torch."""

from dataclasses import dataclass
from pathlib import Path

import torch

from pruneproof.pipeline.store import Store
from pruneproof.pipeline.worker import Worker
from pruneproof.registry.catalog import build_catalog


@dataclass(frozen=True)
class WorkerSpec:
    """What a worker needs to set up: plugins, installed and single files, and folders."""

    plugins: tuple[str, ...]
    store: Path
    data: Path
    files: tuple[Path, ...] = ()

    def open(self) -> Worker:
        """Load the plugins and open the store."""
        prepare_torch()
        return Worker(build_catalog(self.plugins, files=self.files), Store(self.store), self.data)


def prepare_torch() -> None:
    """Make this process compute the same bits every time."""
    torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False  # scores need float32 where they say float32
