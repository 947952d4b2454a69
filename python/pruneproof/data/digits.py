"""`digits`: scikit-learn's handwritten digits, embedded, for runs of seconds without any file."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pruneproof.api import DataSet, Source, Split
from pruneproof.data.augment import IMAGE_AUGMENTATIONS
from pruneproof.data.in_memory import InMemory, Samples, content_fingerprint, images


def load_digits(root: Path) -> InMemory:
    """Load 1,797 images of 8 x 8 pixels in 0..16; `root` is not looked at.

    Every third image (index 0, 3, 6, ...) is test: 599 test and 1,198 training images. Pixels are normalised by the
    training split's own mean and standard deviation.
    """
    table = _table()
    pixels = torch.from_numpy(table[:, :-1].astype(np.uint8).reshape(-1, 1, 8, 8))
    labels = torch.from_numpy(table[:, -1].astype(np.int64))
    test = torch.arange(len(labels)) % 3 == 0
    splits: dict[Split, Samples] = {"train": (pixels[~test], labels[~test]), "test": (pixels[test], labels[test])}
    return images(splits, classes=10, fingerprint=content_fingerprint(splits))


def _table() -> NDArray[np.float64]:
    """Return one row per image: 64 pixels and the label, from the file that ships with scikit-learn.

    The library itself is not imported where its file lies in the usual place: that takes longer than a small training.
    """
    found = find_spec("sklearn")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            table: NDArray[np.float64] = np.loadtxt(path, delimiter=",")
            return table
    from sklearn import datasets

    data = datasets.load_digits()
    return np.column_stack([data.data, data.target])


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
