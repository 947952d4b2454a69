"""`mnist` and `fashion-mnist`, read from the official IDX files."""

import gzip
import io
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pruneproof.api import DataCorrupt, DataSet, Source, Split, read_bytes
from pruneproof.data.augment import IMAGE_AUGMENTATIONS
from pruneproof.data.files import MOST_OF_ONE, UNREADABLE, downloading, fetch_advice, missing
from pruneproof.data.in_memory import InMemory, Samples, content_fingerprint, images

MNIST_NORMALISATION = ((0.1307,), (0.3081,))
"""Mean and standard deviation of the training pixels, as in PyTorch's MNIST example."""

STEMS: dict[Split, str] = {"train": "train", "test": "t10k"}


def load_mnist(root: Path) -> InMemory:
    """Load MNIST from `root`/MNIST/raw; see `read_idx_folder`."""
    return read_mnist(root, "mnist")


def read_mnist(root: Path, data_set: str) -> InMemory:
    """Load MNIST from `root`/MNIST/raw for a data set of another name; see `read_idx_folder`."""
    splits = read_idx_folder(data_set, root, "MNIST")
    fingerprint = content_fingerprint(splits)
    return images(splits, classes=10, fingerprint=fingerprint, normalisation=MNIST_NORMALISATION)


def load_fashion_mnist(root: Path) -> InMemory:
    """Load Fashion-MNIST from `root`/FashionMNIST/raw; normalised by the training split's own mean and deviation."""
    splits = read_idx_folder("fashion-mnist", root, "FashionMNIST")
    return images(splits, classes=10, fingerprint=content_fingerprint(splits))


def read_idx_folder(data_set: str, root: Path, name: str) -> dict[Split, Samples]:
    """Read images and labels of both splits from `root`/`name`/raw, torchvision's layout.

    Files may be unpacked or `.gz`; nothing is written.

    Raises:
        DataMissing: a file is absent.
        DataCorrupt: a file is truncated, not IDX, or images and labels do not match.
    """
    folder = root / name / "raw"
    splits: dict[Split, Samples] = {}
    for split, stem in STEMS.items():
        image_file = _locate(data_set, folder, f"{stem}-images-idx3-ubyte")
        label_file = _locate(data_set, folder, f"{stem}-labels-idx1-ubyte")
        pixels, labels = read_idx(image_file, 3), read_idx(label_file, 1)
        if len(pixels) != len(labels):
            raise DataCorrupt(
                f"{image_file} holds {len(pixels)} images but {label_file} {len(labels)} labels. Replace both files."
            )
        if labels.size and labels.max() > 9:
            raise DataCorrupt(f"{label_file} holds the label {labels.max()}; 0 to 9 were expected. Replace the file.")
        if split == "test" and pixels[:, None].shape[1:] != splits["train"][0].shape[1:]:
            raise DataCorrupt(
                f"{image_file} holds images of {pixels.shape[1]} x {pixels.shape[2]} pixels, those of the training "
                f"split have {' x '.join(map(str, splits['train'][0].shape[2:]))}. Replace both files."
            )
        splits[split] = (torch.from_numpy(pixels[:, None]), torch.from_numpy(labels.astype(np.int64)))
    return splits


def _locate(data_set: str, folder: Path, name: str) -> Path:
    for candidate in (folder / name, folder / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    raise missing(data_set, folder, f"{name} or {name}.gz", fetch_advice(data_set))


def read_idx(path: Path, dimensions: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Read a uint8 array from an IDX file, `.gz` or not.

    The format: two zero bytes, the type (8 for uint8), the number of dimensions, each dimension as a big-endian 32-bit
    number, the content.

    Raises:
        DataCorrupt: the file is not IDX of uint8 with `dimensions` dimensions, or not as long as its header says.
    """
    try:
        content = read_bytes(path, most=MOST_OF_ONE)
        if path.suffix == ".gz":
            with gzip.open(io.BytesIO(content)) as file:
                content = file.read(MOST_OF_ONE + 1)
    except UNREADABLE as error:
        raise DataCorrupt(f"{path} cannot be read to its end: {error}. Replace it by a fresh copy.") from error
    start = 4 + 4 * dimensions
    if len(content) < start or content[:4] != bytes([0, 0, 8, dimensions]):
        raise DataCorrupt(
            f"{path} is not an IDX file of bytes in {dimensions} dimensions: it starts with {content[:4].hex()}, "
            f"0000080{dimensions} was expected. Replace it by a fresh copy."
        )
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if not all(shape) or len(content) - start != math.prod(shape):
        raise DataCorrupt(
            f"{path} is truncated or altered: its header promises {math.prod(shape)} bytes, "
            f"{len(content) - start} follow. Replace it by a fresh copy."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()


def fetch_mnist(root: Path) -> None:
    """Download MNIST into `root`, checked against torchvision's MD5 sums."""
    from torchvision.datasets import MNIST  # here, because listing data sets must stay quick

    fetch("mnist", root, MNIST)


def fetch_fashion_mnist(root: Path) -> None:
    """Download Fashion-MNIST into `root`, checked against torchvision's MD5 sums."""
    from torchvision.datasets import FashionMNIST

    fetch("fashion-mnist", root, FashionMNIST)


def fetch(data_set: str, root: Path, files: Any) -> None:
    """Download what the torchvision class `files` lists into `root`/<class name>/raw, then read it once.

    Raises:
        DataMissing: the download failed.
        DataCorrupt: what lies there now cannot be read.
    """
    with downloading(data_set, files.mirrors[0], root / files.__name__ / "raw"):
        files(root, download=True)
    read_idx_folder(data_set, root, files.__name__)


MNIST = DataSet(
    id="mnist",
    load=load_mnist,
    source=Source("LeCun, Bottou, Bengio and Haffner", 1998, "Gradient-based learning applied to document recognition"),
    license="not stated with the files",
    about="60,000 train + 10,000 test, 1x28x28, 10 classes, 55 MB unpacked",
    test_samples=10_000,
    augmentations=tuple(IMAGE_AUGMENTATIONS),
    fetch=fetch_mnist,
)

FASHION_MNIST = DataSet(
    id="fashion-mnist",
    load=load_fashion_mnist,
    source=Source("Xiao, Rasul and Vollgraf", 2017, "Fashion-MNIST", arxiv="1708.07747"),
    license="MIT",
    about="60,000 train + 10,000 test, 1x28x28, 10 classes, 55 MB unpacked",
    test_samples=10_000,
    augmentations=tuple(IMAGE_AUGMENTATIONS),
    fetch=fetch_fashion_mnist,
)
