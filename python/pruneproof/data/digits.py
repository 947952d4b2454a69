"""`digits`: scikit-learn's handwritten digits, embedded, for runs of seconds without any file."""

from pathlib import Path

import numpy as np
import torch

from pruneproof.api import DataSet, Source, Split
from pruneproof.data.augment import IMAGE_AUGMENTATIONS
from pruneproof.data.in_memory import InMemory, Samples, content_fingerprint, images


def load_digits(root: Path) -> InMemory:
    """Load 1,797 images of 8 x 8 pixels in 0..16; `root` is not looked at.

    Every third image (index 0, 3, 6, ...) is test: 599 test and 1,198 training images. Pixels are normalised by the
    training split's own mean and standard deviation.
    """
    from sklearn import datasets  # here, because listing data sets must stay quick

    found = datasets.load_digits()
    pixels = torch.from_numpy(found.images.astype(np.uint8)[:, None])
    labels = torch.from_numpy(found.target.astype(np.int64))
    test = torch.arange(len(labels)) % 3 == 0
    splits: dict[Split, Samples] = {"train": (pixels[~test], labels[~test]), "test": (pixels[test], labels[test])}
    return images(splits, classes=10, fingerprint=content_fingerprint(splits))


DIGITS = DataSet(
    id="digits",
    load=load_digits,
    source=Source("Alpaydin and Kaynak", 1998, "Optical Recognition of Handwritten Digits, UCI repository"),
    license="ships with scikit-learn (BSD-3-Clause); data from the UCI repository",
    about="1,198 train + 599 test, 1x8x8, 10 classes, embedded",
    test_samples=599,
    augmentations=tuple(IMAGE_AUGMENTATIONS),
    embedded=True,
)
