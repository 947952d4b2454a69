import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.data.mnist import MNIST
from pruneproof.data.part import CIFAR10_JPEG_16X16_10K, MNIST_10K, MNIST_32X32_10K, OF_EACH, first_of_each


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(1, 9))
def test_the_first_of_each_class_stay_in_stored_order(labels, count):
    found = first_of_each(torch.tensor(labels), count).tolist()
    assert found == [place for place, label in enumerate(labels) if labels[:place].count(label) < count]


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape) + array.tobytes()


@pytest.fixture
def many(tmp_path):
    """Write an MNIST that has more of one class, and fewer of another, than are kept."""
    folder, draw = tmp_path / "MNIST" / "raw", np.random.default_rng(0)
    folder.mkdir(parents=True)
    for stem, digits in (("train", [3] * (OF_EACH + 5) + [7] * 4), ("t10k", [1, 2])):
        labels = np.array(digits, np.uint8)
        images = draw.integers(0, 256, (len(labels), 28, 28), np.uint8)
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(idx(labels))
    return tmp_path


def test_training_images_are_fewer_and_all_else_is_the_whole_data_set(many):
    whole, part = MNIST.load(many), MNIST_10K.load(many)
    inputs, labels = part.splits["train"]
    assert labels.tolist() == [3] * OF_EACH + [7] * 4
    assert torch.equal(inputs[:OF_EACH], whole.splits["train"][0][:OF_EACH])
    assert torch.equal(part.splits["test"][0], whole.splits["test"][0])
    assert torch.equal(part.mean, whole.mean)
    assert torch.equal(part.std, whole.std)
    assert part.fingerprint != whole.fingerprint
    assert part.augmentations == whole.augmentations


def test_they_are_fetched_as_the_whole_where_that_can_be():
    assert MNIST_10K.fetch is MNIST.fetch
    assert CIFAR10_JPEG_16X16_10K.fetch is None


def test_the_part_of_mnist_at_32_pixels_is_the_part_of_what_mnist_32x32_loads(many):
    part, small = MNIST_32X32_10K.load(many), MNIST_10K.load(many)
    assert part.splits["train"][0].shape[1:] == (1, 32, 32)
    assert torch.equal(part.splits["train"][1], small.splits["train"][1])
