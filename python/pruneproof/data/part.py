"""Parts of training images, the first of each class, for many networks on a CPU."""

from dataclasses import replace

import torch

from pruneproof.api import digest_json
from pruneproof.data.half_size import CIFAR10_JPEG_16X16, halved
from pruneproof.data.image_folder import read_cifar10_jpeg
from pruneproof.data.in_memory import InMemory
from pruneproof.data.mnist import MNIST, read_mnist
from pruneproof.data.resized import MNIST_32X32, read_mnist_resized

OF_EACH = 1000
"""Training images of each class that are kept."""


def first_of_each(labels: torch.Tensor, count: int) -> torch.Tensor:
    """Return the places of the first `count` samples of each class, in stored order; of all where there are fewer.

    >>> first_of_each(torch.tensor([1, 0, 1, 1, 0, 2]), 2).tolist()
    [0, 1, 2, 4, 5]
    """
    places = [torch.nonzero(labels == label).flatten()[:count] for label in range(int(labels.max()) + 1)]
    return torch.cat(places).sort().values


def part(data: InMemory) -> InMemory:
    """Return a data set with the first training images of each class; normalised as the whole, the test split whole."""
    inputs, labels = data.splits["train"]
    kept = first_of_each(labels, OF_EACH)
    return InMemory(
        {**data.splits, "train": (inputs[kept], labels[kept])},
        classes=data.classes,
        fingerprint=digest_json({"first of each class": OF_EACH, "of": data.fingerprint}),
        mean=data.mean,
        std=data.std,
        augmentations=data.augmentations,
    )


MNIST_10K = replace(
    MNIST,
    id="mnist-10k",
    load=lambda root: part(read_mnist(root, "mnist-10k")),
    about="mnist with the first 1,000 training images of each class: 10,000 train + 10,000 test, 1x28x28, 10 classes",
)
MNIST_32X32_10K = replace(
    MNIST_32X32,
    id="mnist-32x32-10k",
    load=lambda root: part(read_mnist_resized(root, "mnist-32x32-10k")),
    about="mnist-32x32 with the first 1,000 training images of each class: 10,000 train + 10,000 test",
)
CIFAR10_JPEG_16X16_10K = replace(
    CIFAR10_JPEG_16X16,
    id="cifar10-jpeg-16x16-10k",
    load=lambda root: part(halved(read_cifar10_jpeg(root, "cifar10-jpeg-16x16-10k"))),
    about="cifar10-jpeg-16x16 with the first 1,000 training images of each class: 10,000 train + 10,000 test",
)
