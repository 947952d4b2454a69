"""`cifar10` and `cifar100`, read with torchvision from the official python batches."""

from pathlib import Path
from typing import Any

import torch

from pruneproof.api import DataCorrupt, DataSet, Source, Split
from pruneproof.data.augment import IMAGE_AUGMENTATIONS
from pruneproof.data.files import downloading, fetch_advice, missing
from pruneproof.data.in_memory import InMemory, Samples, content_fingerprint, images

CIFAR10_NORMALISATION = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
"""As in the released code of Gupta et al. (2022), arXiv 2209.14624. The deviations are a widespread convention; those
over all pixels are larger (about 0.25)."""


def load_cifar10(root: Path) -> InMemory:
    """Load CIFAR-10 from `root`/cifar-10-batches-py; see `read_batches`."""
    return read_cifar10(root, "cifar10")


def read_cifar10(root: Path, data_set: str) -> InMemory:
    """Load CIFAR-10 in the name of `data_set`, which messages say."""
    from torchvision.datasets import CIFAR10  # here, because listing data sets must stay quick

    splits, classes = read_batches(data_set, root, CIFAR10)
    fingerprint = content_fingerprint(splits)
    return images(splits, classes=classes, fingerprint=fingerprint, normalisation=CIFAR10_NORMALISATION)


def load_cifar100(root: Path) -> InMemory:
    """Load CIFAR-100 (fine labels) from `root`/cifar-100-python; normalised by the training split's own statistics."""
    from torchvision.datasets import CIFAR100

    splits, classes = read_batches("cifar100", root, CIFAR100)
    return images(splits, classes=classes, fingerprint=content_fingerprint(splits))


def read_batches(data_set: str, root: Path, files: Any) -> tuple[dict[Split, Samples], int]:
    """Read both splits and the number of classes with the torchvision class `files`, offline.

    Every file is held against the MD5 sum that torchvision lists before it is unpickled.

    Raises:
        DataMissing: a file is absent.
        DataCorrupt: a file is not the official one.
    """
    from torchvision.datasets.utils import check_integrity

    folder = root / files.base_folder
    for name, md5 in [*files.train_list, *files.test_list, (files.meta["filename"], files.meta["md5"])]:
        if not (folder / name).is_file():
            offline = f"`fetch` unpacks {files.filename} without a network if it lies in {root}."
            raise missing(data_set, folder, name, f"{fetch_advice(data_set)} {offline}")
        if not check_integrity(folder / name, md5):
            raise DataCorrupt(
                f"{folder / name} is truncated or altered: its MD5 sum is not the official {md5}. "
                f"Delete it and run `repro data fetch {data_set}`."
            )
    splits: dict[Split, Samples] = {}
    for split in ("train", "test"):
        read = files(root, train=split == "train", download=False)
        pixels = torch.from_numpy(read.data).permute(0, 3, 1, 2).contiguous()
        splits[split] = (pixels, torch.tensor(read.targets, dtype=torch.int64))
    return splits, len(read.classes)


def fetch_cifar10(root: Path) -> None:
    """Download CIFAR-10 into `root`, checked against torchvision's MD5 sums."""
    from torchvision.datasets import CIFAR10

    fetch("cifar10", root, CIFAR10)


def fetch_cifar100(root: Path) -> None:
    """Download CIFAR-100 into `root`, checked against torchvision's MD5 sums."""
    from torchvision.datasets import CIFAR100

    fetch("cifar100", root, CIFAR100)


def fetch(data_set: str, root: Path, files: Any) -> None:
    """Download and unpack what the torchvision class `files` lists into `root`.

    Raises:
        DataMissing: the download failed.
    """
    with downloading(data_set, files.url, root / files.base_folder):
        files(root, download=True)


CIFAR10 = DataSet(
    id="cifar10",
    load=load_cifar10,
    source=Source("Krizhevsky", 2009, "Learning multiple layers of features from tiny images"),
    license="not stated with the files",
    about="50,000 train + 10,000 test, 3x32x32, 10 classes, 184 MB unpacked",
    test_samples=10_000,
    augmentations=tuple(IMAGE_AUGMENTATIONS),
    fetch=fetch_cifar10,
)

CIFAR100 = DataSet(
    id="cifar100",
    load=load_cifar100,
    source=Source("Krizhevsky", 2009, "Learning multiple layers of features from tiny images"),
    license="not stated with the files",
    about="50,000 train + 10,000 test, 3x32x32, 100 classes, 184 MB unpacked",
    test_samples=10_000,
    augmentations=tuple(IMAGE_AUGMENTATIONS),
    fetch=fetch_cifar100,
)
