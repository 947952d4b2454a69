"""A data set: noisy stripes, upright or lying, as small images."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from pruneproof.api import Batch, DataSet, Source, Split, digest_arrays, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


@dataclass
class Stripes:
    """Images and labels of each split, as tensors on one device."""

    splits: Mapping[Split, Batch]
    fingerprint: str
    """A digest of all that training sees; it names what was trained on in every result."""
    shape: tuple[int, ...] = (1, 8, 8)
    classes: int = 2

    def size(self, split: Split) -> int:
        """Return the number of samples of a split."""
        return len(self.splits[split][1])

    def batches(
        self,
        split: Split,
        batch_size: int,
        *,
        order: torch.Generator | None = None,
        augment: Sequence[str] = (),
        augment_rng: torch.Generator | None = None,
    ) -> Iterator[Batch]:
        """Yield float32 images and int64 labels, shuffled by `order`; there are no augmentations to name."""
        images, labels = self.splits[split]
        places = torch.arange(len(labels)) if order is None else torch.randperm(len(labels), generator=order)
        for chosen in torch.split(places.to(labels.device), batch_size):
            yield images[chosen], labels[chosen]

    def holdout(self, fraction: float, rng: torch.Generator) -> "Stripes":
        """Return the same data with a fraction of the training samples as the split `validation`."""
        images, labels = self.splits["train"]
        places = torch.randperm(len(labels), generator=rng).to(labels.device)
        held, stay = places[: round(fraction * len(labels))], places[round(fraction * len(labels)) :]
        parts: dict[Split, Batch] = {
            "train": (images[stay], labels[stay]),
            "validation": (images[held], labels[held]),
        }
        return replace(self, splits={**self.splits, **parts})

    def to(self, device: torch.device) -> "Stripes":
        """Return the same data on a device."""
        return replace(self, splits={name: (x.to(device), y.to(device)) for name, (x, y) in self.splits.items()})


def template_data_set(root: Path) -> Stripes:
    """Draw 800 training and 200 test images; a data set of files would read them below `root`, and never fetch them.

    An image is sin(f x + φ) along one axis with noise of N(0, 1); the label says along which.

    >>> data = template_data_set(Path())
    >>> data.size("train"), data.size("test"), data.shape, data.classes
    (800, 200, (1, 8, 8), 2)
    """
    draw = torch.Generator().manual_seed(0)
    splits: dict[Split, Batch] = {}
    sizes: dict[Split, int] = {"train": 800, "test": 200}
    for split, size in sizes.items():
        labels = torch.arange(size) % 2
        frequency, phase = torch.rand(size, 1, generator=draw) + 1, 6 * torch.rand(size, 1, generator=draw)
        wave = torch.sin(frequency * torch.arange(8.0) + phase)[:, None, None, :].expand(size, 1, 8, 8)
        upright = torch.where(labels[:, None, None, None] == 0, wave, wave.transpose(2, 3))
        splits[split] = (upright + torch.randn(size, 1, 8, 8, generator=draw), labels)
    arrays = {f"{split}/{part}": each.numpy() for split, pair in splits.items() for part, each in enumerate(pair)}
    return Stripes(splits, digest_arrays(arrays))


TEMPLATE_DATA_SET = DataSet(
    id="template-data-set",
    load=template_data_set,
    source=Source(authors="A. Reader", year=2026, title="An example"),
    license="CC0",
    about="800 train + 200 test, 1x8x8, 2 classes, drawn from a seed",
    embedded=True,
    test_samples=200,
)


@hookimpl
def pruneproof_datasets() -> Iterable[DataSet]:
    """Register the data set."""
    return [TEMPLATE_DATA_SET]
