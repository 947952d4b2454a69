"""`DataSet`: a data set by name, its pinned files, and how it becomes batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from pruneproof.contracts.source import Source

if TYPE_CHECKING:  # the command line's start-up does without torch
    import torch

Split = Literal["train", "validation", "test"]
"""`validation` exists only after `holdout`."""
Batch: TypeAlias = "tuple[torch.Tensor, torch.Tensor]"


class LoadedData(Protocol):
    """A loaded data set on one device."""

    shape: tuple[int, ...]
    """Of one input: (channels, height, width), or (steps, features) for sequences."""
    classes: int
    fingerprint: str
    """Digest of the content that training sees (pixels or file bytes, labels, split), 64 hexadecimal digits."""

    def size(self, split: Split) -> int:
        """Return the number of samples of a split."""
        ...

    def batches(
        self,
        split: Split,
        batch_size: int,
        *,
        order: torch.Generator | None = None,
        augment: Sequence[str] = (),
        augment_rng: torch.Generator | None = None,
    ) -> Iterator[Batch]:
        """Yield normalised float32 inputs and int64 labels on the device.

        `order` (a CPU generator) shuffles; without it samples come in stored order. The last batch may be smaller.
        `augment` names augmentations from the data set's list; they draw from `augment_rng` (a CPU generator).
        """
        ...

    def holdout(self, fraction: float, rng: torch.Generator) -> LoadedData:
        """Return the same data with a `fraction` of the training samples, drawn by `rng`, as the split `validation`."""
        ...

    def to(self, device: torch.device) -> LoadedData:
        """Return the same data with batches on `device`."""
        ...


@dataclass(frozen=True)
class DataSet:
    """A named data set.

    `load(root)` reads it from the folder `root` (None: the embedded or default place) and never touches the network;
    `fetch(root)` downloads and checks it, and is None where nothing can be fetched automatically.
    """

    id: str
    load: Callable[[Path], LoadedData]
    source: Source
    license: str
    about: str
    """One line: samples, shape, classes, size on disk."""
    augmentations: tuple[str, ...] = ()
    fetch: Callable[[Path], None] | None = None
    embedded: bool = False
    """Whether it ships with a dependency and needs no file."""
    test_samples: int | None = None
    """Number of test samples; None where that depends on the files."""
