"""`imagenet`: ILSVRC 2012 from a folder of JPEGs, decoded while training."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from pruneproof.api import Batch, DataCorrupt, DataSet, Source, Split, digest_json, opened
from pruneproof.data.augment import check_augment
from pruneproof.data.files import UNREADABLE, missing
from pruneproof.data.holdout import hold_out

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of RGB in 0..1, as in torchvision's ImageNet models."""

AUGMENTATIONS = ("resized-crop-224", "flip")
Samples = list[tuple[str, int]]
"""Path and label of each image of a split."""

FOLDERS: dict[Split, str] = {"train": "train", "test": "val"}
ADVICE = (
    "Its licence does not let us fetch it: register at https://image-net.org, download ILSVRC2012, put training images "
    "into train/<wnid>/ and validation images into val/<wnid>/, and name the folder above imagenet/ with --data-dir."
)


def load_imagenet(root: Path) -> "ImageNet":
    """Open `root`/imagenet/{train,val}/<wnid>/*.JPEG; the official validation images are the split `test`.

    The fingerprint covers labels, relative paths and file sizes, not pixels: reading 1.3 million files takes too long.

    Raises:
        DataMissing: a folder is absent or has no images.
        DataCorrupt: the two splits have different classes.
    """
    from torchvision.datasets import ImageFolder  # here, because listing data sets must stay quick

    folder = root / "imagenet"
    found: dict[Split, Samples] = {}
    classes: dict[Split, list[str]] = {}
    for split, name in FOLDERS.items():
        try:
            listing = ImageFolder(folder / name)
        except OSError as error:
            raise missing("imagenet", folder, f"{name}/<wnid>/*.JPEG", ADVICE) from error
        found[split], classes[split] = listing.samples, listing.classes
    if classes["train"] != classes["test"]:
        odd = sorted(set(classes["train"]) ^ set(classes["test"]))
        raise DataCorrupt(f"{folder}: {len(odd)} classes are in only one of train and val, first {odd[0]}. Add them.")
    listed = {
        split: [[Path(path).relative_to(folder).as_posix(), label, Path(path).stat().st_size] for path, label in each]
        for split, each in found.items()
    }
    return ImageNet(found, classes=len(classes["train"]), fingerprint=digest_json(listed))


class ImageNet:
    """Images read, cropped and augmented by worker processes, normalised on the device.

    Each sample has its own seed, drawn from `augment_rng` at the start of the epoch, so that the number of workers
    changes nothing. Without `resized-crop-224` the shorter side is resized to 256 and the central 224 x 224 pixels are
    taken.
    """

    def __init__(
        self,
        samples: dict[Split, Samples],
        *,
        classes: int,
        fingerprint: str,
        device: torch.device | None = None,
        workers: int | None = None,
    ) -> None:
        self.samples = samples
        self.classes = classes
        self.fingerprint = fingerprint
        self.device = device or torch.device("cpu")
        self.workers = min(16, os.cpu_count() or 1) if workers is None else workers
        self.shape: tuple[int, ...] = (3, 224, 224)

    def size(self, split: Split) -> int:
        """Return the number of samples of a split."""
        return len(self.samples[split])

    def batches(
        self,
        split: Split,
        batch_size: int,
        *,
        order: torch.Generator | None = None,
        augment: Sequence[str] = (),
        augment_rng: torch.Generator | None = None,
    ) -> Iterator[Batch]:
        """Yield normalised batches; see `pruneproof.api.LoadedData`.

        Raises:
            UnknownName: `augment` names something that this data set does not offer.
            BadConfig: `augment` is not empty and `augment_rng` is missing.
            DataCorrupt: an image cannot be decoded.
        """
        check_augment(augment, AUGMENTATIONS, augment_rng)
        return self._epoch(split, batch_size, order, augment, augment_rng)

    def _epoch(
        self,
        split: Split,
        batch_size: int,
        order: torch.Generator | None,
        augment: Sequence[str],
        augment_rng: torch.Generator | None,
    ) -> Iterator[Batch]:
        count = self.size(split)
        index = torch.arange(count) if order is None else torch.randperm(count, generator=order)
        seeds = torch.zeros(count, dtype=torch.int64)
        if augment_rng is not None and augment:
            seeds = torch.randint(2**62, (count,), generator=augment_rng)
        loader = DataLoader(
            _Decoded(self.samples[split], augment),
            batch_size,
            sampler=list(zip(index.tolist(), seeds.tolist(), strict=True)),
            num_workers=self.workers,
            collate_fn=_collate,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # the loader would otherwise draw from torch's global stream
        )
        mean, std = (torch.tensor(values, device=self.device)[:, None, None] * 255 for values in (MEAN, STD))
        layout = torch.channels_last if self.device.type == "cuda" else torch.contiguous_format
        for batch in loader:
            if isinstance(batch, DataCorrupt):
                raise batch
            pixels, labels = (each.to(self.device, non_blocking=True) for each in batch)
            yield pixels.to(torch.float32, memory_format=layout).sub_(mean).div_(std), labels

    def holdout(self, fraction: float, rng: torch.Generator) -> "ImageNet":
        """Return the same data with a part of the training split as `validation`."""
        train = self.samples["train"]
        stay, held = hold_out(len(train), fraction, rng)
        parts: dict[Split, Samples] = {
            "train": [train[index] for index in stay.tolist()],
            "validation": [train[index] for index in held.tolist()],
        }
        return self._with({**self.samples, **parts}, self.device)

    def to(self, device: torch.device) -> "ImageNet":
        """Return the same data with batches on `device`."""
        return self._with(self.samples, device)

    def _with(self, samples: dict[Split, Samples], device: torch.device) -> "ImageNet":
        return ImageNet(
            samples, classes=self.classes, fingerprint=self.fingerprint, device=device, workers=self.workers
        )


class _Decoded(Dataset[Any]):
    """(index, seed) -> one uint8 image (3, 224, 224) and its label, or the error to raise in the main process."""

    def __init__(self, samples: Samples, augment: Sequence[str]) -> None:
        from torchvision import transforms

        crop = (
            [transforms.RandomResizedCrop(224)]
            if "resized-crop-224" in augment
            else [transforms.Resize(256), transforms.CenterCrop(224)]
        )
        mirror = [transforms.RandomHorizontalFlip()] if "flip" in augment else []
        self.samples = samples
        self.transform = transforms.Compose([*crop, *mirror, transforms.PILToTensor()])

    def __getitem__(self, drawn: tuple[int, int]) -> tuple[torch.Tensor, int] | DataCorrupt:
        index, seed = drawn
        path, label = self.samples[index]
        try:
            with opened(Path(path)) as file:
                image = Image.open(file, formats=["JPEG", "PNG"]).convert("RGB")  # one of ImageNet's JPEGs is a PNG
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                return self.transform(image), label
        except (*UNREADABLE, SyntaxError, TypeError, AttributeError, Image.DecompressionBombError) as error:
            return DataCorrupt(f"{path} cannot be decoded: {error}. Replace it by a fresh copy.")


def _collate(samples: list[tuple[torch.Tensor, int] | DataCorrupt]) -> tuple[torch.Tensor, torch.Tensor] | DataCorrupt:
    images: list[torch.Tensor] = []
    labels: list[int] = []
    for sample in samples:
        if isinstance(sample, DataCorrupt):
            return sample
        images.append(sample[0])
        labels.append(sample[1])
    return torch.stack(images), torch.tensor(labels)


IMAGENET = DataSet(
    id="imagenet",
    load=load_imagenet,
    source=Source("Russakovsky et al.", 2015, "ImageNet large scale visual recognition challenge", arxiv="1409.0575"),
    license="terms of access of image-net.org: non-commercial research and education",
    about="1,281,167 train + 50,000 validation images, 3x224x224 after cropping, 1,000 classes",
    test_samples=50_000,
    augmentations=AUGMENTATIONS,
)
