"""`mnist-32x32` and `digits-32x32`: handwritten digits enlarged to the side that LeNet-5 and MLP-7 were made for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pruneproof.api import DataSet, Split
from pruneproof.data.digits import DIGITS, load_digits
from pruneproof.data.in_memory import InMemory, Samples, content_fingerprint, images
from pruneproof.data.mnist import MNIST, MNIST_NORMALISATION, read_idx_folder

SIDE = 32
FULL = 15
"""What the digits' pixels of 0 to 16 are multiplied by before they are interpolated to whole numbers."""


def resized(pixels: torch.Tensor, side: int) -> torch.Tensor:
    """Return uint8 images (samples, 1, height, width) at `side` x `side` pixels, by Pillow's bilinear filter.

    As `torchvision.transforms.Resize` does with images: columns, then rows, each rounded to whole numbers. Pillow
    computes in fixed point, so that every machine gets the same pixels. Enlarging mixes no more than two neighbours.

    >>> resized(torch.tensor([[[[0, 100], [0, 100]]]], dtype=torch.uint8), 4)[0, 0, 0].tolist()
    [0, 25, 75, 100]
    """
    planes = [Image.fromarray(plane).resize((side, side), Image.Resampling.BILINEAR) for plane in pixels[:, 0].numpy()]
    return torch.from_numpy(np.stack([np.asarray(plane) for plane in planes])[:, None])


def load_mnist_resized(root: Path) -> InMemory:
    """Load MNIST from `root`/MNIST/raw at 32 x 32 pixels; see `read_mnist_resized`."""
    return read_mnist_resized(root, "mnist-32x32")


def read_mnist_resized(root: Path, data_set: str) -> InMemory:
    """Load MNIST at 32 x 32 pixels for a data set of another name; see `read_idx_folder`.

    As in the code of Wang and Fu (2023), arXiv 2207.12534: resized before the normalisation, whose mean 0.1307 and
    deviation 0.3081 are those of the pixels at 28 x 28.
    """
    splits = _at_side(read_idx_folder(data_set, root, "MNIST"))
    return images(splits, classes=10, fingerprint=content_fingerprint(splits), normalisation=MNIST_NORMALISATION)


def load_digits_resized(root: Path) -> InMemory:
    """Load the embedded digits at 32 x 32 pixels in 0..240, split as `digits` are; `root` is not looked at.

    Normalised by the training split's own mean and standard deviation.
    """
    whole = {split: (pixels * FULL, labels) for split, (pixels, labels) in load_digits(root).splits.items()}
    splits = _at_side(whole)
    return images(splits, classes=10, fingerprint=content_fingerprint(splits))


def _at_side(splits: Mapping[Split, Samples]) -> dict[Split, Samples]:
    return {split: (resized(pixels, SIDE), labels) for split, (pixels, labels) in splits.items()}


def _enlarged(whole: DataSet, load: Callable[[Path], InMemory], about: str) -> DataSet:
    return replace(whole, id=f"{whole.id}-{SIDE}x{SIDE}", load=load, about=about)


MNIST_32X32 = _enlarged(
    MNIST, load_mnist_resized, "60,000 train + 10,000 test, 1x32x32, 10 classes: bilinear, from the files of mnist"
)
DIGITS_32X32 = _enlarged(
    DIGITS, load_digits_resized, "1,198 train + 599 test, 1x32x32, 10 classes: digits enlarged, embedded"
)
