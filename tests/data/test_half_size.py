import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pruneproof.data.half_size import CIFAR10_16X16, CIFAR10_JPEG_16X16, half_size
from pruneproof.data.image_folder import load_cifar10_jpeg


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
def test_each_pixel_is_the_mean_of_a_block_to_the_nearest_whole(seed, height, width):
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 2, 2 * height, 2 * width), dtype=np.uint8)
    blocks = pixels.reshape(3, 2, height, 2, width, 2).astype(np.float64)
    expected = np.floor(blocks.mean(axis=(3, 5)) + 0.5)
    assert (half_size(torch.from_numpy(pixels)).numpy() == expected).all()


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            place = tmp_path / "cifar10-jpeg" / split / label
            place.mkdir(parents=True)
            for number in range(2):
                pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.jpg")
    return tmp_path


def test_it_is_the_whole_data_set_at_half_the_side(folder):
    whole, half = load_cifar10_jpeg(folder), CIFAR10_JPEG_16X16.load(folder)
    assert (half.shape, half.classes, half.size("train")) == ((3, 16, 16), 2, 4)
    assert half.fingerprint != whole.fingerprint
    inputs, labels = whole.splits["test"]
    assert torch.equal(half.splits["test"][0], half_size(inputs))
    assert torch.equal(half.splits["test"][1], labels)


def test_lossy_and_official_pixels_keep_apart():
    assert (CIFAR10_16X16.id, CIFAR10_JPEG_16X16.id) == ("cifar10-16x16", "cifar10-jpeg-16x16")
    assert CIFAR10_JPEG_16X16.fetch is None
