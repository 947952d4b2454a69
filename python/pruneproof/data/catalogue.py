"""The data sets that ship with `pruneproof`."""

from pruneproof.api import DataSet
from pruneproof.data.cifar import CIFAR10, CIFAR100
from pruneproof.data.digits import DIGITS
from pruneproof.data.half_size import CIFAR10_16X16, CIFAR10_JPEG_16X16
from pruneproof.data.har import HAR2, UCI_HAR_SUBSET
from pruneproof.data.image_folder import CIFAR10_JPEG
from pruneproof.data.imagenet import IMAGENET
from pruneproof.data.mnist import FASHION_MNIST, MNIST
from pruneproof.data.part import CIFAR10_JPEG_16X16_10K, MNIST_10K, MNIST_32X32_10K
from pruneproof.data.resized import DIGITS_32X32, MNIST_32X32

DATASETS: tuple[DataSet, ...] = (
    DIGITS,
    DIGITS_32X32,
    MNIST,
    MNIST_10K,
    MNIST_32X32,
    MNIST_32X32_10K,
    FASHION_MNIST,
    CIFAR10,
    CIFAR10_16X16,
    CIFAR10_JPEG,
    CIFAR10_JPEG_16X16,
    CIFAR10_JPEG_16X16_10K,
    CIFAR100,
    IMAGENET,
    HAR2,
    UCI_HAR_SUBSET,
)
