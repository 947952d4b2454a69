"""Where stages run: the plugins, the store and the data that a worker opens, and how it sets up torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from pruneproof.contracts.claims import ClaimTest
from pruneproof.contracts.executor import Worker as AnyWorker
from pruneproof.contracts.numerics import NUMERICS, Numerics
from pruneproof.pipeline.child_worker import ChildWorker
from pruneproof.pipeline.numerics import check_capability, is_started_for
from pruneproof.pipeline.store import Store
from pruneproof.pipeline.worker import Worker
from pruneproof.registry.catalog import build_catalog
from pruneproof.registry.kinds import KINDS

AT_WORK = tuple(kind.of for kind in KINDS if kind.changes_results and kind.of is not ClaimTest)
"""The kinds of plugins that stages need; what judges and draws stays with the process that reports."""


@dataclass(frozen=True)
class WorkerSpec:
    """What a worker needs to set up: plugins, installed and single files, folders, and a numerics class."""

    plugins: tuple[str, ...]
    store: Path
    data: Path
    files: tuple[Path, ...] = ()
    numerics: str = "native"

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables for processes that are started to open this; libraries read them when they are loaded."""
        return NUMERICS[self.numerics].environment

    def open(self) -> AnyWorker:
        """Load the plugins and open the store; in a child where this process was not started with `environment`."""
        numerics = NUMERICS[self.numerics]
        if not is_started_for(numerics):
            return ChildWorker(self)
        check_capability(numerics)
        catalog = build_catalog(self.plugins, files=self.files, of=AT_WORK)
        prepare_torch(numerics)  # last: plugins that were imported before may have changed what it sets
        return Worker(catalog, Store(self.store), self.data)


def prepare_torch(numerics: Numerics) -> None:
    """Make this process compute the same bits every time."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    if torch.are_deterministic_algorithms_enabled():  # asked first, because the call imports torch's compiler
        torch.use_deterministic_algorithms(False)
    torch.backends.mkldnn.set_flags(numerics.onednn)  # type: ignore[no-untyped-call]
    torch.backends.nnpack.set_flags(numerics.onednn)  # type: ignore[no-untyped-call]
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False  # scores need float32 where they say float32
