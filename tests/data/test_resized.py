import gzip
from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F
from torchvision import datasets, transforms

from pruneproof.data.digits import load_digits
from pruneproof.data.resized import DIGITS_32X32, MNIST_32X32, load_digits_resized, load_mnist_resized, resized


@given(st.integers(0, 2**32 - 1), st.sampled_from([8, 28, 32]))
def test_pixels_are_the_bilinear_ones_to_within_the_rounding_of_two_passes(seed, side):
    pixels = torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (2, 1, side, side), dtype=np.uint8))
    exact = F.interpolate(pixels.double(), size=(32, 32), mode="bilinear", align_corners=False)
    found = resized(pixels, 32)
    assert (found.dtype, found.shape) == (torch.uint8, (2, 1, 32, 32))
    assert (found.double() - exact).abs().max() <= 1.0


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return head + array.tobytes()


def test_mnist_gets_the_inputs_of_the_authors_transforms(tmp_path):
    folder, draw = tmp_path / "MNIST" / "raw", np.random.default_rng(0)
    folder.mkdir(parents=True)
    for stem, count in (("train", 6), ("t10k", 3)):
        images, labels = draw.integers(0, 256, (count, 28, 28), np.uint8), draw.integers(0, 10, count, np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            (folder / f"{stem}-{kind}-ubyte").write_bytes(idx(array))
            (folder / f"{stem}-{kind}-ubyte.gz").write_bytes(gzip.compress(idx(array)))
    data = load_mnist_resized(tmp_path)
    steps = [transforms.Resize((32, 32)), transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    for split in ("train", "test"):
        theirs = datasets.MNIST(tmp_path, train=split == "train", transform=transforms.Compose(steps))
        [(inputs, labels)] = data.batches(split, 100)
        torch.testing.assert_close(inputs, torch.stack([image for image, _ in theirs]))
        assert labels.tolist() == [label for _, label in theirs]


def test_digits_are_the_same_samples_in_the_same_splits():
    small, large = load_digits(Path("nowhere")), load_digits_resized(Path("nowhere"))
    assert (large.shape, large.size("train"), large.size("test")) == ((1, 32, 32), 1198, 599)
    for split in ("train", "test"):
        assert torch.equal(large.splits[split][1], small.splits[split][1])
        blocks = large.splits[split][0].double().reshape(-1, 8, 4, 8, 4).mean((2, 4))
        off = (blocks - 15 * small.splits[split][0][:, 0].double()).abs()
        assert off.mean() < 25  # of 240: each block of 4 x 4 lies around its pixel, blurred by its neighbours
    assert large.fingerprint != small.fingerprint


def test_the_pixels_are_pinned():
    expected = "ca1570573f3aaf6cb1078d44db5b0e4cdc0a51ef460086f9922b316bddf8cbce"
    assert load_digits_resized(Path("nowhere")).fingerprint == expected


def test_they_are_listed_with_what_they_came_from():
    assert (MNIST_32X32.id, MNIST_32X32.fetch is not None, MNIST_32X32.embedded) == ("mnist-32x32", True, False)
    assert (DIGITS_32X32.id, DIGITS_32X32.embedded, DIGITS_32X32.fetch) == ("digits-32x32", True, None)
