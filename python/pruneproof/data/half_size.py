"""`cifar10-16x16` and `cifar10-jpeg-16x16`: CIFAR-10 at half its side, for networks that train on a CPU."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from pruneproof.api import DataSet, digest_json
from pruneproof.data.cifar import CIFAR10, CIFAR10_NORMALISATION, read_cifar10
from pruneproof.data.image_folder import CIFAR10_JPEG, read_cifar10_jpeg
from pruneproof.data.in_memory import InMemory, images


def half_size(pixels: torch.Tensor) -> torch.Tensor:
    """Return uint8 images (samples, channels, height, width) at half their side: means of 2x2 blocks, halves up.

    Whole numbers throughout, so that every machine gets the same pixels.

    >>> half_size(torch.tensor([[[[1, 2], [3, 4]]]], dtype=torch.uint8))
    tensor([[[[3]]]], dtype=torch.uint8)
    """
    parts = [pixels[..., row::2, column::2].to(torch.int16) for row in (0, 1) for column in (0, 1)]
    total = parts[0] + parts[1] + parts[2] + parts[3]
    return total.add_(2).div_(4, rounding_mode="floor").to(torch.uint8)


def halved(data: InMemory) -> InMemory:
    """Return a data set of CIFAR-10's images at half their side, normalised as CIFAR-10."""
    splits = {split: (half_size(inputs), labels) for split, (inputs, labels) in data.splits.items()}
    fingerprint = digest_json({"half-size": data.fingerprint})
    return images(splits, classes=data.classes, fingerprint=fingerprint, normalisation=CIFAR10_NORMALISATION)


def _half_of(whole: DataSet, read: Callable[[Path, str], InMemory], about: str) -> DataSet:
    name = f"{whole.id}-16x16"
    return replace(whole, id=name, load=lambda root: halved(read(root, name)), about=about)


CIFAR10_16X16 = _half_of(
    CIFAR10,
    read_cifar10,
    "50,000 train + 10,000 test, 3x16x16, 10 classes: means of 2x2 pixels, from the files of cifar10",
)
CIFAR10_JPEG_16X16 = _half_of(
    CIFAR10_JPEG,
    read_cifar10_jpeg,
    "cifar10-jpeg at half its side: 50,000 train + 10,000 test, 3x16x16, 10 classes, from the same files",
)
